"""What a start of an execution has done when it is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import ApiClient
from tests.senders import collect_rings
from workflows.canvas import Work
from workflows.services.executions import executions

TEXT = (
    "version: '2.0'\nw:\n  tasks:\n    a: {action: std.noop, on-success: b}\n"
    "    b: {action: std.async_noop}\n"
)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """What is sent to workers."""
    return collect_rings(monkeypatch)


def start(client: ApiClient) -> dict[str, Any]:
    client.post("/workflows", TEXT)
    answer = client.post("/executions", {"workflow_name": "w"})
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def test_the_first_tasks_are_there_and_the_answer_says_running(
    ann: ApiClient, rung: list[Work]
) -> None:
    body = start(ann)
    assert body["state"] == "RUNNING"
    tasks = ann.get(f"/executions/{body['id']}/tasks").json()["tasks"]
    assert {task["name"]: task["state"] for task in tasks} == {"a": "SUCCESS", "b": "RUNNING"}
    assert [len(work.actions) for work in rung] == [1]
    assert [work.executions for work in rung] == [()]


def test_a_start_is_accepted_even_if_its_first_steps_fail(
    ann: ApiClient,
    rung: list[Work],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(execution_id: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(executions, "take_first_step", broken)
    body = start(ann)
    assert body["state"] == "RUNNING"
    assert ann.get(f"/executions/{body['id']}/tasks").json() == {"tasks": []}
    assert [[str(one) for one in work.executions] for work in rung] == [[body["id"]]]
    assert [record.message for record in caplog.records] == ["first steps failed"]
