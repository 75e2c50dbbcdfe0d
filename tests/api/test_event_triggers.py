"""/v2/event_triggers and /v2/events: what is refused, who sees what, and events as requests."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.api_client import ApiClient, fault, make_client
from workflows.models import EventTrigger, Role, TriggerEvent, WorkflowExecution

HELLO = """
version: '2.0'
hello:
  input: [who: world]
  tasks:
    greet:
      action: std.noop
needy:
  input: [vm]
  tasks:
    greet:
      action: std.noop
"""
AODH = {
    "severity": "low",
    "alarm_name": "cpu_hog",
    "alarm_id": "0ca2845e-c142-4d4b-a346-e495553628ce",
    "current": "alarm",
    "previous": "ok",
    "reason": "Transition to alarm due to 1 samples outside threshold",
    "reason_data": {"most_recent": 91.7, "type": "threshold"},
}


@pytest.fixture(autouse=True)
def _workflow(ann: ApiClient) -> None:
    assert ann.post("/workflows", HELLO).status_code == 201


def workflow_id(client: ApiClient, name: str = "hello") -> str:
    return str(client.get(f"/workflows/{name}").json()["id"])


def body(client: ApiClient, **changes: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "workflow_id": workflow_id(client),
        "exchange": "aodh",
        "topic": "alarms",
        "event": "alarm",
    } | changes


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"event": None}, 400, "must be provided for creating event trigger"),
        ({"topic": ""}, 400, "must be provided for creating event trigger"),
        ({"workflow_id": "hello"}, 400, "uuid"),
        ({"workflow_id": str(uuid4())}, 404, "Workflow not found"),
        ({"workflow_input": {"what": 1}}, 400, "Invalid input ["),
        ({"scope": "public"}, 403, "forbidden"),
        ({"condition": "payload.x = 1"}, 400, "no expression"),
        ({"condition": "<% $. %>"}, 400, "no valid YAQL"),
        ({"event_input": {"who": "<% $. %>"}}, 400, "no valid YAQL"),
        ({"event_input": {"what": 1}}, 400, "Invalid input ["),
        ({"topic": "x" * 256}, 400, "must not be longer"),
    ],
)
def test_what_is_refused(ann: ApiClient, changes: dict[str, Any], status: int, words: str) -> None:
    answer = ann.post("/event_triggers", body(ann, **changes))
    assert answer.status_code == status
    assert words in fault(answer)
    assert not EventTrigger.objects.exists()


def test_the_same_twice_is_refused(ann: ApiClient) -> None:
    assert ann.post("/event_triggers", body(ann)).status_code == 201
    assert ann.post("/event_triggers", body(ann, name="other")).status_code == 409


def test_what_a_change_may_change(ann: ApiClient) -> None:
    identity = ann.post("/event_triggers", body(ann)).json()["id"]
    path = f"/event_triggers/{identity}"
    changed = ann.put(path, {"name": "n", "workflow_input": {"who": "x"}})
    assert json.loads(changed.json()["workflow_input"]) == {"who": "x"}
    for name in ("exchange", "topic", "event"):
        assert "Can not update fields" in fault(ann.put(path, {name: "other"}))
    assert ann.put(path, {"workflow_id": str(uuid4())}).status_code == 404
    assert ann.put(path, {"workflow_input": {"what": 1}}).status_code == 400
    assert ann.put(path, {"scope": "public"}).status_code == 403
    assert EventTrigger.objects.get().scope == "private"
    assert ann.put(f"/event_triggers/{uuid4()}", {"name": "n"}).status_code == 404
    assert ann.get("/event_triggers/no-uuid").status_code == 400


def test_projects_do_not_see_each_other(ann: ApiClient, bob: ApiClient, root: ApiClient) -> None:
    identity = ann.post("/event_triggers", body(ann)).json()["id"]
    for call in (bob.get, bob.delete):
        assert call(f"/event_triggers/{identity}").status_code == 404
    assert bob.get("/event_triggers").json() == {"event_triggers": []}
    assert bob.get("/event_triggers", all_projects="1").status_code == 403
    assert len(root.get("/event_triggers", all_projects="1").json()["event_triggers"]) == 1


def test_a_workflow_with_event_triggers_cannot_be_deleted(ann: ApiClient) -> None:
    identity = ann.post("/event_triggers", body(ann)).json()["id"]
    refused = ann.delete("/workflows/hello")
    assert "Can't delete workflow that has event triggers" in fault(refused)
    assert ann.delete(f"/event_triggers/{identity}").status_code == 204
    assert ann.delete("/workflows/hello").status_code == 204


def test_a_webhook_of_an_alarm_starts_the_workflow(ann: ApiClient) -> None:
    trigger = ann.post(
        "/event_triggers", body(ann, event_input={"who": "<% $.payload.alarm_name %>"})
    ).json()
    answer = ann.post("/events/aodh/alarms/alarm", AODH)
    assert answer.status_code == 200
    (seen,) = answer.json()["triggers"]
    assert (seen["id"], seen["outcome"], seen["reason"]) == (trigger["id"], "started", None)
    execution = WorkflowExecution.objects.get()
    assert str(execution.pk) == seen["execution_id"]
    assert execution.input == {"who": "cpu_hog"}
    assert execution.params["event_params"]["payload"] == AODH
    assert json.loads(execution.description)["triggered_by"] == {
        "type": "event_trigger", "id": trigger["id"], "name": "t",
    }  # fmt: skip


def test_an_event_with_an_id_starts_it_once(ann: ApiClient) -> None:
    ann.post("/event_triggers", body(ann))
    event = {"event_type": "alarm", "message_id": "m1", "payload": {}}
    for expected in (1, 0):
        answer = ann.post("/events/aodh/alarms", event).json()
        assert (answer["message_id"], len(answer["triggers"])) == ("m1", expected)
    assert WorkflowExecution.objects.count() == 1


def test_an_event_is_of_the_project_of_its_caller(ann: ApiClient, bob: ApiClient) -> None:
    """Whatever the text says; private triggers of others neither hear of it nor are told of."""
    ann.post("/event_triggers", body(ann))
    event = {"event_type": "alarm", "project_id": str(ann.project_id), "payload": {}}
    assert bob.post("/events/aodh/alarms", event).json()["triggers"] == []
    assert not WorkflowExecution.objects.exists()
    assert not TriggerEvent.objects.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [("no json", "not JSON"), ([1], "no JSON object"), ({"payload": {}}, "no event_type")],
)
def test_what_is_no_event(ann: ApiClient, sent: Any, words: str) -> None:
    answer = ann.post("/events/aodh/alarms", sent)
    assert answer.status_code == 400
    assert words in fault(answer)


def test_who_may_send_events(ann: ApiClient) -> None:
    assert make_client("blue", Role.VIEWER).post("/events/a/b/c", {}).status_code == 403
    assert ApiClient().post("/events/a/b/c", {}).status_code == 401
    assert ann.get("/events/a/b").status_code == 405


def test_secrets_of_notify_are_not_shown_and_what_is_sent_back_covered_stays(
    ann: ApiClient,
) -> None:
    receiver = {
        "type": "webhook", "url": "https://example.org/?t=1", "headers": {"Authorization": "b"}
    }  # fmt: skip
    made = ann.post("/event_triggers", body(ann, workflow_params={"notify": [receiver]})).json()
    path = f"/event_triggers/{made['id']}"
    shown = [made, ann.get(path).json(), ann.get("/event_triggers").json()["event_triggers"][0]]
    for one in shown:
        assert json.loads(one["workflow_params"])["notify"] == [
            {
                "type": "webhook",
                "url": "https://example.org/?***",
                "headers": {"Authorization": "***"},
            }
        ]
    sent = json.loads(made["workflow_params"])
    sent["notify"][0]["event_types"] = ["TASK_FAILED"]
    answer = ann.put(path, {"workflow_params": sent})
    assert answer.status_code == 200
    assert EventTrigger.objects.get().params == {
        "notify": [receiver | {"event_types": ["TASK_FAILED"]}]
    }
