"""Refusals and faults: always JSON, always one form, never an inside view."""

from __future__ import annotations

import pytest
from django.db import DataError, OperationalError
from pytest_django import Settings

from tests.api_client import ApiClient, fault
from workflows.api.v2 import workflows as workflows_api
from workflows.errors import Problem, SpecInvalid

HELLO = "version: '2.0'\nhello:\n  tasks:\n    say: {action: std.noop}\n"


def test_a_path_that_does_not_exist_is_a_404_in_json(ann: ApiClient) -> None:
    for path in ("/services", "/workflows/a/b/c", "/v3/nothing"):
        answer = ann.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
        assert fault(answer) == "Not Found"


def test_a_method_that_does_not_exist_is_a_405(ann: ApiClient) -> None:
    for method, path in (
        ("PATCH", "/workflows"),
        ("PUT", "/executions"),
        ("GET", "/workflows/validate"),
        ("DELETE", "/tasks"),
        ("PUT", "/tasks/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed/action_executions"),
    ):
        answer = ann.send(method, path)
        assert answer.status_code == 405, (method, path)
        assert fault(answer)


@pytest.mark.parametrize(
    "path", ["/workflows", "/executions", "/tasks", "/actions", "/environments", "/workbooks"]
)
def test_a_slash_at_the_end_makes_no_difference(ann: ApiClient, path: str) -> None:
    assert ann.get(path).json() == ann.get(f"{path}/").json()


@pytest.mark.parametrize("accept", ["text/html", "text/xml", "application/json", "*/*", ""])
def test_the_accept_header_does_not_matter(ann: ApiClient, accept: str) -> None:
    headers = {"X-Auth-Token": ann.token, "Accept": accept}
    answer = ann.http.get("/v2/workflows/nosuch", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_an_unexpected_error_is_logged_and_answered_without_details(
    ann: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**given: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(workflows_api, "create_workflows", broken)
    answer = ann.post("/workflows", HELLO)
    assert answer.status_code == 500
    assert "secret" not in fault(answer)
    assert [record.message for record in caplog.records] == ["unexpected error"]


@pytest.mark.parametrize(("error", "status"), [(OperationalError, 503), (DataError, 400)])
def test_errors_of_the_database_do_not_show_its_words(
    ann: ApiClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    def broken(**given: object) -> None:
        raise error("relation workflows at 10.0.0.1")

    monkeypatch.setattr(workflows_api, "create_workflows", broken)
    answer = ann.post("/workflows", HELLO)
    assert answer.status_code == status
    assert "10.0.0.1" not in fault(answer)


def test_all_problems_of_a_definition_are_told_with_their_places(ann: ApiClient) -> None:
    text = (
        "version: '2.0'\n"
        "bad:\n"
        "  tasks:\n"
        "    one: {action: std.noop, shape: round}\n"
        "    two: {action: std.noop, colour: red}\n"
    )
    answer = ann.post("/workflows", text)
    assert answer.status_code == 400
    told = fault(answer)
    assert told.startswith("Invalid DSL: ")
    assert "shape" in told
    assert "colour" in told
    assert "line 4" in told
    assert "line 5" in told


def test_warnings_are_no_part_of_a_refusal(ann: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**given: object) -> None:
        raise SpecInvalid([Problem("wrong"), Problem("odd", severity="warning")])

    monkeypatch.setattr(workflows_api, "create_workflows", refuse)
    assert fault(ann.post("/workflows", HELLO)) == "Invalid DSL: wrong"


def test_deletion_that_is_switched_off_is_refused_before_anything_is_looked_up(
    ann: ApiClient, settings: Settings
) -> None:
    settings.LEVANTE_ALLOW_ACTION_DELETION = False
    answer = ann.delete("/action_executions/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")
    assert answer.status_code == 403
    assert fault(answer) == "Action execution deletion is not allowed."
