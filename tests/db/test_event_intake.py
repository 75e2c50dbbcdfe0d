"""Events and the triggers that listen to them: types, projects, conditions, input, repetition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, IntegrityError
from pytest_django import Settings

from tests.factories import make_caller
from workflows.canvas import Work
from workflows.errors import InMaintenance, RequestInvalid
from workflows.events.channels import Channel, Intake
from workflows.models import EventTrigger, Role, TriggerEvent, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.operation.maintenance import set_status
from workflows.services.triggers.event_definitions import load_definitions
from workflows.services.triggers.event_intake import (
    drop_old_events,
    take_event,
    take_event_of_project,
)
from workflows.services.triggers.event_triggers import create_event_trigger, update_event_trigger
from workflows.services.triggers.incoming_events import parse_event

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = """
version: '2.0'
hello:
  input: [who: world]
  tasks:
    greet:
      action: std.noop
"""


def make_trigger(name: str = "t", **changes: Any) -> EventTrigger:
    caller = make_caller(role=Role.ADMIN)
    text = HELLO.replace("hello", f"{name}_{uuid4().hex}")
    workflow = create_workflows(caller=caller, text=text)[0]
    given: dict[str, Any] = {
        "exchange": "nova",
        "topic": "notifications",
        "event": "compute.instance.create.end",
    } | changes
    return create_event_trigger(caller=caller, name=name, workflow_id=workflow.pk, **given)


def envelope(**changes: Any) -> str:
    """A notification as oslo.messaging writes it."""
    inner = {
        "message_id": str(uuid4()),
        "publisher_id": "compute.host1",
        "event_type": "compute.instance.create.end",
        "priority": "INFO",
        "payload": {"instance_id": "i-1", "memory_mb": 512},
        "timestamp": "2026-03-01 12:00:00.000000",
        "_unique_id": uuid4().hex,
        "_context_project_id": make_caller().project_id.hex,
        "_context_auth_token": "gAAA-secret",
    } | changes
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)})


def send(body: str) -> None:
    take_event(parse_event(body, exchange="nova", topic="notifications"))


def outcomes() -> dict[str, list[tuple[str, str]]]:
    names = {trigger.pk: trigger.name for trigger in EventTrigger.objects.all()}
    found: dict[str, list[tuple[str, str]]] = {}
    for row in TriggerEvent.objects.order_by("id"):
        found.setdefault(names[row.trigger_id], []).append((row.outcome, row.reason))
    return found


def test_a_notification_in_the_envelope_starts_the_workflow(rung: list[Work]) -> None:
    trigger = make_trigger(
        params={"env": {"a": 1}}, event_input={"who": "<% $.payload.instance_id %>"}
    )
    send(envelope())
    execution = WorkflowExecution.objects.get()
    assert execution.input == {"who": "i-1"}
    assert execution.params["env"] == {"a": 1}
    params = execution.params["event_params"]
    assert params["publisher"] == "compute.host1"
    assert params["payload"] == {"instance_id": "i-1", "memory_mb": 512}
    assert params["context"] == {"project_id": make_caller().project_id.hex}  # and no token
    assert rung == [Work(executions=(execution.pk,))]
    row = TriggerEvent.objects.get()
    assert (row.trigger_id, row.execution_id) == (trigger.pk, execution.pk)


def test_a_message_that_comes_again_starts_nothing_again() -> None:
    make_trigger("a")
    body = envelope()
    send(body)
    make_trigger("b")  # has not seen it
    send(body)
    assert WorkflowExecution.objects.count() == 2
    send(body)
    assert WorkflowExecution.objects.count() == 2


def test_names_of_events_are_exact() -> None:
    make_trigger("other", event="compute.instance.create.*")
    make_trigger("same")
    send(envelope())
    assert outcomes() == {
        "other": [("not matched", "The trigger waits for compute.instance.create.*.")],
        "same": [("started", "")],
    }


def test_a_flood_of_other_events_is_noted_now_and_then() -> None:
    make_trigger(event="x")
    for _ in range(20):
        send(envelope())
    assert TriggerEvent.objects.count() < 5


def test_events_of_other_projects_are_for_public_triggers() -> None:
    make_trigger("private")
    make_trigger("public", scope="public")
    stranger = uuid4()
    send(envelope(_context_project_id=stranger.hex))
    send(envelope(_context_project_id=None))
    assert outcomes() == {
        "private": [
            ("not matched", f"The event belongs to the project {stranger.hex}."),
            ("not matched", "The event says no project, and the trigger is not public."),
        ],
        "public": [("started", "")] * 2,
    }


def test_events_without_a_project_can_be_let_in(settings: Settings) -> None:
    settings.LEVANTE_EVENTS_WITHOUT_PROJECT = True
    make_trigger()
    send(envelope(_context_project_id=None))
    assert outcomes() == {"t": [("started", "")]}


def test_conditions_say_why_not() -> None:
    make_trigger("large", condition="<% $.payload.memory_mb > 1000 %>")
    make_trigger("small", condition="{{ _.payload.memory_mb <= 1000 }}")
    make_trigger("wrong", condition="<% $.payload.nothing.at.all > 1 %>")
    send(envelope())
    found = outcomes()
    assert found["large"] == [("not matched", "The condition gives false, not true.")]
    assert found["small"] == [("started", "")]
    assert found["wrong"][0][0] != "started"


def test_a_start_that_fails_is_noted_and_others_start() -> None:
    bad = make_trigger("bad")
    make_trigger("good")
    EventTrigger.objects.filter(pk=bad.pk).update(workflow_id=uuid4())
    send(envelope())
    found = outcomes()
    assert found["bad"][0][0] == "failed"
    assert "Workflow not found" in found["bad"][0][1]
    assert found["good"] == [("started", "")]


def test_a_paused_trigger_sees_nothing() -> None:
    trigger = make_trigger()
    update_event_trigger(caller=make_caller(), trigger_id=trigger.pk, changes={"is_paused": True})
    send(envelope())
    assert not TriggerEvent.objects.exists()


def test_during_maintenance_an_event_has_to_come_again() -> None:
    make_trigger()
    set_status(status="PAUSED")
    with pytest.raises(InMaintenance):
        send(envelope())
    body = envelope()
    intake, channel = Intake(), Channel("nova", "notifications")
    assert not intake.take(channel, body, "1")
    set_status(status="RUNNING")
    assert intake.take(channel, body, "1")
    assert outcomes() == {"t": [("started", "")]}


def test_a_message_that_cannot_be_read_is_noted_and_given_up() -> None:
    make_trigger()
    channel = Channel("nova", "notifications")
    for number, body in enumerate(
        ("no json", "[1]", "{}", '{"event_type": "x", "payload": "\\u0000"}')
    ):
        assert Intake().take(channel, body, str(number))
    assert {outcome for outcome, _ in outcomes()["t"]} == {"failed"}
    assert TriggerEvent.objects.count() == 4


def test_a_message_that_breaks_something_is_tried_a_few_times(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    make_trigger()
    settings.LEVANTE_EVENT_DELIVERIES = 3

    def broken(event: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("workflows.events.channels.take_event", broken)
    intake, body = Intake(), envelope()
    taken = [intake.take(Channel("nova", "notifications"), body, "1") for _ in range(3)]
    assert taken == [False, False, True]
    assert outcomes() == {"t": [("failed", "Internal error. It has been logged.")]}


def test_the_file_of_definitions_says_what_a_workflow_is_told(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "events.yml"
    file.write_text(
        """
- event_types: compute.instance.*
  properties:
    resource_id: <% $.payload.instance_id %>
    service: <% $.publisher %>
- event_types: ['*.create.end', '!volume.*']
  properties:
    created: <% $.payload.instance_id %>
"""
    )
    settings.LEVANTE_EVENT_DEFINITIONS_FILE = str(file)
    make_trigger("a")
    make_trigger("b", event="compute.instance.delete.end")
    make_trigger("c", event="volume.create.end")
    for event in ("compute.instance.create.end", "compute.instance.delete.end"):
        send(envelope(event_type=event))
    send(envelope(event_type="volume.create.end"))
    told = [
        WorkflowExecution.objects.get(
            pk=TriggerEvent.objects.get(trigger_id=trigger.pk, outcome="started").execution_id
        ).params["event_params"]
        for trigger in EventTrigger.objects.order_by("name")
    ]
    assert told[0] == {"created": "i-1"}
    assert told[1] == {"resource_id": "i-1", "service": "compute.host1"}
    assert told[2]["event_type"] == "volume.create.end"  # nothing fits, so all of it


@pytest.mark.parametrize(
    "text",
    [
        "x: 1",
        "- event_types: a",
        "- properties: {}",
        "- {event_types: a, properties: {b: <% $. %>}}",
        "[",
    ],
)
def test_a_wrong_file_of_definitions(tmp_path: Path, text: str) -> None:
    file = tmp_path / f"{uuid4()}.yml"
    file.write_text(text)
    with pytest.raises(ImproperlyConfigured):
        load_definitions(str(file))
    with pytest.raises(ImproperlyConfigured):
        load_definitions("/nonexistent/file")


def test_plain_messages() -> None:
    event = parse_event(
        '{"event_type": "a", "x": 1, "project_id": "p"}', exchange="e", topic="t", message_id="7"
    )
    assert (event.type, event.message_id, event.project) == ("a", "7", "p")
    assert event.payload == {"event_type": "a", "x": 1, "project_id": "p"}
    assert parse_event('{"x": 1}', exchange="e", topic="t", event_type="b").type == "b"
    with pytest.raises(RequestInvalid):
        parse_event("{}", exchange="e", topic="t")


def test_old_events_go_but_not_what_may_come_again(settings: Settings) -> None:
    make_trigger()
    settings.LEVANTE_EVENTS_KEPT = 2
    for _ in range(5):
        send(envelope())
    assert drop_old_events() == 0
    TriggerEvent.objects.update(received_at="2026-01-01T00:00:00Z")
    assert drop_old_events() == 3
    assert TriggerEvent.objects.count() == 2


UNSTORABLE = {"NUL": "a\0b", "half a character": "a\ud800b"}


@pytest.mark.parametrize("text", UNSTORABLE.values(), ids=UNSTORABLE.keys())
@pytest.mark.parametrize(
    "field", ["event_type", "message_id", "publisher_id", "timestamp", "_context_project_id"]
)
def test_a_text_that_cannot_be_stored_is_noted_and_does_not_come_again(
    field: str, text: str
) -> None:
    make_trigger()
    channel = Channel("nova", "notifications")
    assert Intake().take(channel, envelope(**{field: text}), f"wire {text}")
    row = TriggerEvent.objects.get()
    assert row.outcome == "failed"
    assert row.message_id == "wire a?b"
    assert not WorkflowExecution.objects.exists()


def test_what_the_database_refuses_for_its_content_comes_again_a_few_times_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEVANTE_EVENT_DELIVERIES = 2

    def refuse(event: object) -> None:
        raise DataError("value out of range")

    monkeypatch.setattr("workflows.events.channels.take_event", refuse)
    intake, channel = Intake(), Channel("nova", "notifications")
    body = envelope()
    assert [intake.take(channel, body, "m") for _ in range(2)] == [False, True]


def test_another_broken_rule_is_not_taken_for_a_repetition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_trigger()
    monkeypatch.setattr(
        "workflows.services.triggers.event_intake.prepare_execution",
        lambda **given: WorkflowExecution(project_id=uuid4(), workflow_name="none", input={}),
    )
    with pytest.raises(IntegrityError):
        send(envelope())


def test_an_event_that_a_project_tells_of_reaches_its_own_and_public_triggers() -> None:
    make_trigger("private")
    make_trigger("public", scope="public")
    event = parse_event(envelope(message_id="m1"), exchange="nova", topic="notifications")
    other = make_caller("other").project_id
    seen = take_event_of_project(event, other)
    assert [one.outcome for one in seen] == ["started"]
    assert list(outcomes()) == ["public"]
    # The same id from elsewhere is another event.
    send(envelope(message_id="m1"))
    assert {name: len(rows) for name, rows in outcomes().items()} == {"private": 1, "public": 2}
    # From the same project it is not.
    assert take_event_of_project(event, other) == []


def test_events_of_a_trigger_that_is_gone_go_as_well() -> None:
    gone, kept = make_trigger("gone"), make_trigger("kept")
    send(envelope())
    EventTrigger.objects.filter(pk=gone.pk).delete()
    assert drop_old_events() == 1
    assert TriggerEvent.objects.get().trigger_id == kept.pk


def test_no_secret_of_the_caller_is_kept_wherever_it_stands() -> None:
    inner = {
        "event_type": "e",
        "host": "a",
        "_context_Auth_Token": "s3cret",
        "context": {"AuthToken": "s3cret", "Password": "s3cret", "user": "u", "client_secret": "s"},
        "_context_project_id": "p",
    }
    event = parse_event(json.dumps(inner), exchange="x", topic="t")
    assert "s3cret" not in json.dumps(event.as_data())
    assert event.context == {"user": "u", "project_id": "p"}
    assert "_context_Auth_Token" not in event.payload
