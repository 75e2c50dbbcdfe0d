"""/maintenance: who may use it, and what is refused meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from tests.api_client import ApiClient, fault, make_client
from workflows.models import ActionExecution, Maintenance, Role, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.operation.maintenance import carry_out

WAITS = """
version: '2.0'
waits:
  tasks:
    ask: {action: std.async_noop}
"""


def put(client: ApiClient, status: Any) -> HttpResponse:
    return client.raw("PUT", "/maintenance", {"status": status}, "application/json")


@pytest.fixture
def execution(ann: ApiClient) -> str:
    ann.post("/workflows", WAITS)
    started = ann.post("/executions", {"workflow_name": "waits"}).json()["id"]
    advance(started)
    return str(started)


def test_an_administrator_pauses_the_service_and_lets_it_go_on(root: ApiClient) -> None:
    for path in ("/maintenance", "/maintenance/"):
        assert root.raw("GET", path).json() == {"status": "RUNNING"}
    assert put(root, "PAUSED").json() == {"status": "PAUSING"}
    carry_out()
    assert root.raw("GET", "/maintenance").json() == {"status": "PAUSED"}
    assert put(root, "PAUSED").json() == {"status": "PAUSED"}
    assert put(root, "RUNNING").json() == {"status": "RUNNING"}
    assert Maintenance.objects.get().actor == "admin of green"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.AUTHOR])
def test_nobody_else_may(role: Role, db: None) -> None:
    client = make_client("blue", role)
    assert client.raw("GET", "/maintenance").status_code == 403
    assert put(client, "PAUSED").status_code == 403
    assert ApiClient().raw("GET", "/maintenance").status_code == 401


@pytest.mark.parametrize("body", [{"status": "OFF"}, {}, {"status": 1}, {"x": 1}, [], ""])
def test_nonsense_is_a_400(root: ApiClient, body: Any) -> None:
    answer = root.raw("PUT", "/maintenance", body, "application/json")
    assert answer.status_code == 400
    assert fault(answer)


def test_other_methods_and_arguments_are_refused(root: ApiClient) -> None:
    assert root.raw("POST", "/maintenance", {}, "application/json").status_code == 405
    assert root.raw("GET", "/maintenance?x=1").status_code == 400


REFUSED = [
    ("POST", "/workflows", WAITS.replace("waits", "more")),
    ("PUT", "/workflows", WAITS),
    ("DELETE", "/workflows/waits", ""),
    ("POST", "/workflows/validate", WAITS),
    ("POST", "/workbooks", "x"),
    ("POST", "/actions", "x"),
    ("POST", "/executions", {"workflow_name": "waits"}),
    ("PUT", "/executions/{execution}", {"state": "RUNNING"}),
    ("PUT", "/executions/{execution}", {"state": "PAUSED"}),
    ("PUT", "/executions/{execution}", {"description": "x"}),
    ("DELETE", "/executions/{execution}", ""),
    ("PUT", "/tasks/{task}", {"state": "RUNNING", "reset": True}),
    ("POST", "/action_executions", {"name": "std.echo", "input": {"output": 1}}),
    ("PUT", "/action_executions/{action}", {"state": "PAUSED"}),
    ("DELETE", "/action_executions/{action}", ""),
    ("POST", "/environments", {"name": "e"}),
]


@pytest.mark.parametrize("rests", [False, True])
def test_what_is_refused_meanwhile(
    rests: bool, ann: ApiClient, root: ApiClient, execution: str
) -> None:
    put(root, "PAUSED")
    if rests:
        Maintenance.objects.update(status="PAUSED")
    status = "PAUSED" if rests else "PAUSING"
    action = ActionExecution.objects.get()
    ids = {"execution": execution, "action": action.pk, "task": action.task_id}
    for client in (ann, root):
        for method, path, body in REFUSED:
            answer = client.send(method, path.format(**ids), body)
            assert answer.status_code == 423, (method, path)
            assert fault(answer) == f"Current Mistral state is {status}. Method is not allowed"
    assert ann.get("/executions").json()["executions"][0]["id"] == execution
    assert ann.send("HEAD", "/executions").status_code == 200
    assert ann.raw("OPTIONS", "/v2/executions").status_code == 204
    put(root, "RUNNING")
    assert ann.post("/executions", {"workflow_name": "waits"}).status_code == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/executions", {"workflow_name": "waits"}),
        ("/action_executions", {"name": "std.echo", "input": {"output": 1}}),
        ("/action_executions", {"name": "std.noop", "params": {"save_result": True}}),
    ],
)
def test_a_start_asks_once_whether_it_may(
    path: str, body: Any, ann: ApiClient, execution: str
) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert ann.post(path, body).status_code == 201
    assert len([one for one in asked if "FROM maintenance" in one["sql"]]) == 1


def test_missing_rights_and_methods_come_before_it(ann: ApiClient, root: ApiClient) -> None:
    put(root, "PAUSED")
    assert ApiClient().post("/executions", {}).status_code == 401
    assert make_client("blue", Role.VIEWER).post("/executions", {}).status_code == 403
    assert ann.post("/tasks", {}).status_code == 405


def test_results_are_taken_until_the_service_rests(
    ann: ApiClient, root: ApiClient, execution: str
) -> None:
    action = ActionExecution.objects.get()
    put(root, "PAUSED")
    Maintenance.objects.update(status="PAUSED")
    path = f"/action_executions/{action.pk}"
    assert ann.put(path, {"state": "SUCCESS"}).status_code == 423
    Maintenance.objects.update(status="PAUSING")
    assert ann.put(path, {"state": "SUCCESS"}).status_code == 200


@pytest.mark.parametrize("status", ["PAUSING", "PAUSED"])
def test_executions_may_be_cancelled(
    status: str, ann: ApiClient, root: ApiClient, execution: str
) -> None:
    put(root, "PAUSED")
    Maintenance.objects.update(status=status)
    answer = ann.put(f"/executions/{execution}", {"state": "CANCELLED"})
    assert answer.status_code == 200
    assert WorkflowExecution.objects.get().state == "CANCELLED"
