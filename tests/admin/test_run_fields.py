"""The fields of a run form: which there are for which inputs, and how they are read back."""

from __future__ import annotations

import pytest

from workflows.admin.json_text import read_json_object
from workflows.admin.run_fields import make_fields, read_fields
from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONValue
from workflows.language.specs import MISSING, InputParameter, Missing


def parameter(default: JSONValue | Missing = MISSING) -> InputParameter:
    return InputParameter("x", default)


@pytest.mark.parametrize(
    ("default", "kind", "shown"),
    [
        (MISSING, "any", ""),
        (None, "any", ""),
        ("hello", "text", "hello"),
        ("", "text", ""),
        (3, "number", "3"),
        (0.5, "number", "0.5"),
        (True, "boolean", "true"),
        ([1], "json", "[\n  1\n]"),
        ({}, "json", "{}"),
        ("<% env().size %>", "any", "<% env().size %>"),
    ],
)
def test_the_default_tells_the_kind(default: JSONValue | Missing, kind: str, shown: str) -> None:
    (field,) = make_fields([parameter(default)])
    assert (field.kind, field.value) == (kind, shown)


@pytest.mark.parametrize(
    ("default", "posted", "value"),
    [
        ("hello", {"input.x": "bye"}, "bye"),
        ("hello", {"input.x": ""}, ""),
        (3, {"input.x": "4"}, 4),
        (3, {"input.x": "4.5"}, 4.5),
        (False, {"input.x": "true"}, True),
        (True, {}, False),
        ([1], {"input.x": "[2]"}, [2]),
        (MISSING, {"input.x": "[2]"}, "[2]"),
        (MISSING, {"input.x": "[2]", "kind.x": "json"}, [2]),
        (MISSING, {"input.x": "null", "kind.x": "json"}, None),
        ("<% 1 %>", {"input.x": "a\r\nb"}, "a\nb"),
    ],
)
def test_what_is_entered_becomes_a_value(
    default: JSONValue | Missing, posted: dict[str, str], value: JSONValue
) -> None:
    filled = read_fields([parameter(default)], posted)
    assert filled.is_valid
    assert filled.input == {"x": value}


@pytest.mark.parametrize("default", ["hello", 3, True, [1], None, "<% env().size %>"])
def test_what_is_left_at_its_default_is_not_sent(default: JSONValue) -> None:
    (field,) = make_fields([parameter(default)])
    posted = {} if default is False else {"input.x": field.value}
    assert read_fields([parameter(default)], posted).input == {}


@pytest.mark.parametrize(
    ("default", "posted", "error"),
    [
        (MISSING, {}, "A value is needed."),
        (3, {"input.x": "three"}, "This is not JSON"),
        (3, {"input.x": '"3"'}, "This must be a number."),
        (3, {"input.x": "NaN"}, "NaN is no JSON value"),
        ([1], {"input.x": "[1"}, "This is not JSON"),
        (MISSING, {"input.x": "{", "kind.x": "json"}, "This is not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(
    default: JSONValue | Missing, posted: dict[str, str], error: str
) -> None:
    filled = read_fields([parameter(default)], posted)
    assert not filled.is_valid
    assert error in filled.fields[0].error
    assert filled.fields[0].value == posted.get("input.x", "")


def test_params_are_an_object() -> None:
    assert read_json_object("", "The params") == {}
    for text, told in (("[]", "must be a JSON object"), ("{", "is not JSON"), ("NaN", "NaN")):
        with pytest.raises(RequestInvalid, match=f"The params.*{told}"):
            read_json_object(text, "The params")
