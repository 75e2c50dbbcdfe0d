"""Request bodies: raw definitions, JSON objects, their types and their limits."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from tests.api_client import ApiClient, fault

HELLO = """
version: '2.0'
hello:
  input: [who: nobody]
  tasks:
    hold: {action: std.async_noop}
"""


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "application/x-www-form-urlencoded", "a/b"]
)
def test_a_definition_is_taken_with_any_content_type(ann: ApiClient, kind: str) -> None:
    assert ann.raw("POST", "/v2/workflows", HELLO, kind).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "", "text/xml", "application/xml", "a/b"])
def test_json_must_be_announced(ann: ApiClient, kind: str) -> None:
    answer = ann.raw("POST", "/v2/environments", '{"name": "e"}', kind)
    assert answer.status_code == 415
    assert fault(answer)


def test_the_charset_may_be_announced_too(ann: ApiClient) -> None:
    kind = "application/json; charset=utf-8"
    assert ann.raw("POST", "/v2/environments", '{"name": "e"}', kind).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1]",
        "7",
        '"text"',
        "null",
        '{"name": "e", "variables": {"a": NaN}}',
        '{"name": "e", "variables": {"a": -Infinity}}',
        '{"name": "e", "variables": {"a": "\\u0000"}}',
        '{"name": "e", "variables": {"\\ud800": 1}}',
        '{"name": "e", "variables": "{\\"a\\": \\"\\\\u0000\\"}"}',
        '{"name": "e", "variables": ' + '{"a":' * 70 + "1" + "}" * 71,
        "[" * 100_000,
        b"\xff\xfe{}",
    ],
)
def test_what_is_no_storable_json_object_is_a_400(ann: ApiClient, body: Any) -> None:
    answer = ann.raw("POST", "/v2/environments", body, "application/json")
    assert answer.status_code == 400
    assert fault(answer)


def test_malformed_json_has_the_known_text(ann: ApiClient) -> None:
    answer = ann.raw("POST", "/v2/executions", "{", "application/json")
    assert fault(answer) == "Request is not in valid JSON format"


@pytest.mark.parametrize(
    ("path", "argument"),
    [("/environments", "env"), ("/executions", "wf_ex"), ("/action_executions", "action_ex")],
)
def test_unknown_and_read_only_attributes_are_refused(
    ann: ApiClient, path: str, argument: str
) -> None:
    unknown = ann.post(path, {"colour": 1})
    assert unknown.status_code == 400
    assert fault(unknown) == f"Unknown attribute for argument {argument}: colour"
    read_only = ann.post(path, {"project_id": "x"})
    assert read_only.status_code == 400
    assert fault(read_only).endswith("Cannot set read only field.")


@pytest.mark.parametrize("value", ["[1]", "plain text", "7", [1], 7, True, '"text"'])
def test_a_json_attribute_must_be_an_object(ann: ApiClient, value: Any) -> None:
    ann.post("/workflows", HELLO)
    answer = ann.post("/executions", {"workflow_name": "hello", "input": value})
    assert answer.status_code == 400
    assert fault(answer).startswith("JsonType field value must be a dictionary [actual=")


@pytest.mark.parametrize("value", [{"who": "you"}, '{"who": "you"}'])
def test_a_json_attribute_is_an_object_or_its_text(ann: ApiClient, value: Any) -> None:
    ann.post("/workflows", HELLO)
    answer = ann.post("/executions", {"workflow_name": "hello", "input": value})
    assert answer.status_code == 201
    assert answer.json()["input"] == '{"who": "you"}'


@pytest.mark.parametrize("value", [{}, "{}", None])
def test_an_empty_json_attribute_is_an_empty_object(ann: ApiClient, value: Any) -> None:
    ann.post("/workflows", HELLO)
    answer = ann.post("/executions", {"workflow_name": "hello", "input": value})
    assert (answer.status_code, answer.json().get("input")) == (201, '{"who": "nobody"}')


def test_a_wrong_type_is_a_400_and_null_means_not_given(ann: ApiClient) -> None:
    ann.post("/workflows", HELLO)
    assert ann.post("/executions", {"workflow_name": 7}).status_code == 400
    known = {"workflow_name": "hello", "description": None, "id": None, "state": None}
    assert ann.post("/executions", known).status_code == 201


def test_attributes_without_meaning_in_a_create_are_ignored(ann: ApiClient) -> None:
    ann.post("/workflows", HELLO)
    body = {"workflow_name": "hello", "state": "PAUSED", "created_at": "x", "tags": ["a"]}
    answer = ann.post("/executions", body)
    assert (answer.status_code, answer.json()["state"]) == (201, "RUNNING")


def test_bodies_definitions_and_values_have_limits(ann: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_MAX_BODY_BYTES = 3000
    settings.LEVANTE_MAX_DEFINITION_BYTES = 2000
    settings.LEVANTE_MAX_FIELD_BYTES = 1000
    assert ann.post("/workflows", "#" * 3001).status_code == 413
    definition = ann.post("/workflows", HELLO + "#" * 2000)
    assert (definition.status_code, fault(definition)) == (400, "Field size limit exceeded")
    for value in ({"a": "x" * 1000}, '{"a": "' + "x" * 1000 + '"}'):
        answer = ann.post("/environments", {"name": "e", "variables": value})
        assert (answer.status_code, fault(answer)) == (400, "Field size limit exceeded")
    fits = {"name": "e", "variables": {"a": "x" * 900}}
    assert ann.post("/environments", fits).status_code == 201


def test_a_definition_must_be_utf8_text(ann: ApiClient) -> None:
    answer = ann.raw("POST", "/v2/workflows", b"\xff\xfe\x00", "text/plain")
    assert answer.status_code == 400
    assert fault(answer)


@pytest.mark.parametrize("path", ["/workflows", "/actions", "/workbooks"])
def test_uploads_ignore_unknown_arguments_and_all_else_refuses_them(
    ann: ApiClient, path: str
) -> None:
    assert "colour" not in fault(ann.post(path, "a: b", colour="red"))
    assert fault(ann.get(path, colour="red")) == 'Unknown argument: "colour"'
    assert fault(ann.post("/executions", {}, colour="red")) == 'Unknown argument: "colour"'
    assert fault(ann.delete(f"{path}/x", colour="red")) == 'Unknown argument: "colour"'
