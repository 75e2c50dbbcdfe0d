"""The text of definitions: YAML 1.1 as Mistral reads it, with positions and limits."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.errors import ParseError
from workflows.language import yaml
from workflows.language.specs import Position
from workflows.language.yaml import Limits, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", "y"),
        ("'yes'", "yes"),
        ("010", 8),
        ("08", "08"),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1:30", 90),
        ("1e3", "1e3"),
        ("1.0e+3", 1000.0),
        ("~", None),
        ("", None),
        ("2024-02-29", "2024-02-29"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.100000-05:00"),
        ("3 apples", "3 apples"),
        ("<% $.a * 2 %>", "<% $.a * 2 %>"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int '5'", 5),
        ("!!float 3", 3.0),
        (r'"\ud83d\ude00 \u00e9"', "😀 é"),
        ("{}", {}),
        ("[]", []),
    ],
)
def test_plain_values_follow_yaml_1_1(text: str, value: Any) -> None:
    loaded = load(f"a: {text}").data

    assert loaded == {"a": value}
    assert isinstance(loaded, dict)
    assert type(loaded["a"]) is type(value)


@pytest.mark.parametrize("value", ["&c", "* 7 * * 1", "@kitchen", "*", "&", "a & b", "x@y.org"])
def test_ampersand_star_and_at_sign_are_plain_text(value: str) -> None:
    text = f"\ue000: {value}\n{value}: [{value}, 'x{value}']"

    assert load(text).data == {"\ue000": value, value: [value, "x" + value]}


def test_an_alias_is_text_and_multiplies_nothing() -> None:
    assert load("a: &x\nb: [*x, *x]").data == {"a": "&x", "b": ["*x", "*x"]}


def test_an_empty_text_is_null() -> None:
    assert load("").data is None
    assert load("# nothing\n").data is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "version: '2.0'\nbroken: [\n",
            "while parsing a flow node expected the node content, but found '<stream end>', "
            "line 3, column 1",
        ),
        ("a: 1\n---\nb: 2", "expected a single document in the stream but found another one"),
        ("a: b\t", "found character '\\t' that cannot start any token, line 1, column 5"),
        ("{a: b?c: d}", "but got '?'"),
        ("a: `x", "found character '`' that cannot start any token"),
        ("a: @x: y", "mapping values are not allowed here"),
        ("a: 'open", "found unexpected end of stream"),
        ("a: !secret x", "the tag '!secret' is not supported, line 1, column 4"),
        ("a: !!python/tuple [1]", "python/tuple' is not supported"),
        ("a: !!set {a, b}", "the tag 'tag:yaml.org,2002:set' is not supported"),
        ("a: !!binary aGVs", "the tag 'tag:yaml.org,2002:binary' is not supported"),
        ("a: !!int x", "'x' is no value of the tag"),
        ("a: =", "the tag 'tag:yaml.org,2002:value' is not supported"),
        ("<<: {a: 1}", "merge keys (<<) are not supported"),
        ("? [a]\n: b", "a mapping key has to be plain text"),
        ("a: .nan", "infinite numbers and .nan are not supported"),
        ("a: -.inf", "infinite numbers and .nan are not supported"),
        ("a: 1.0e+999", "infinite numbers and .nan are not supported"),
        ("a: " + "9" * 5000, "the number is too long"),
        ("a: 1" + ":59" * 5000, "the number is too long"),
        (r'a: "\0"', "the character NUL cannot be stored"),
        (r'a: "\ud800"', "half a character (surrogate) cannot be stored"),
        ("a: \x01", "special characters are not allowed"),
        ("a: \ud800", "special characters are not allowed"),
    ],
)
def test_what_cannot_be_read_says_why_and_where(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        load(text)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keys_that_are_no_text_become_text_and_are_noted() -> None:
    document = load("on: {5: a}\n'yes': b\nnull: c")

    assert document.data == {"true": {"5": "a"}, "yes": "b", "null": "c"}
    assert document.odd_keys == {("true",), ("true", "5"), ("null",)}


def test_the_last_of_two_equal_keys_counts_and_is_noted() -> None:
    document = load("a: {x: 1}\nb: 2\na: {y: 3}")

    assert document.data == {"a": {"y": 3}, "b": 2}
    assert document.duplicates == (("a",),)


def test_dates_are_noted() -> None:
    assert load("a: 2024-02-29\nb: ['2024-02-29', 2024-02-29]").dates == {("a",), ("b", 1)}


def test_every_key_value_and_item_has_a_position() -> None:
    document = load("a:\n  b:\n    - x\n    - {c: 5}\n")

    assert document.position(("a",)) == Position(1, 1)
    assert document.position(("a", "b")) == Position(2, 3)
    assert document.position(("a", "b", 0)) == Position(3, 7)
    assert document.position(("a", "b", 1, "c")) == Position(4, 8)
    assert document.value_position(("a", "b", 1, "c")) == Position(4, 11)
    assert document.position(("a", "b", "missing", "below")) == Position(2, 3)


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        ("a: 12345", Limits(size=7), "longer than 7 characters"),
        ("a: " + "[" * 70, Limits(), "nested deeper than 64 levels"),
        ("a: " + "[" * 100_000, Limits(), "nested deeper than 64 levels"),
        ("- x\n" * 20, Limits(nodes=10), "more than 10 values"),
    ],
)
def test_size_depth_and_number_of_values_are_limited(
    text: str, limits: Limits, message: str
) -> None:
    with pytest.raises(ParseError, match=message):
        load(text, limits)


def test_the_fast_and_the_exact_parser_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, {b: *x}]\nc: |\n  é\n  @\nd: >-\n  q\n  r\n'e': \"\\u00e9\"\n"
    fast = load(text)
    monkeypatch.setattr(yaml, "CParser", None)

    exact = load(text)

    assert exact.data == fast.data
    assert exact.marks == fast.marks
    assert exact.value_marks == fast.value_marks
