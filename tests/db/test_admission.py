"""When enough is running, new executions wait, and all projects have their turn."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from django.db import connection

from tests.factories import make_caller
from workflows.canvas import Work
from workflows.engine.states import State
from workflows.models import HistoryEvent, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions import admission
from workflows.services.executions.admission import admit_waiting
from workflows.services.executions.executions import change_state, start_execution
from workflows.services.identity.identity import Caller
from workflows.services.operation.maintenance import set_status
from workflows.services.triggers.cron_firing import run_trigger_now
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_intake import take_event
from workflows.services.triggers.event_triggers import create_event_trigger
from workflows.services.triggers.incoming_events import IncomingEvent

TEXT = """
version: '2.0'
waits:
  tasks:
    ask: {action: std.async_noop}
"""


@pytest.fixture(autouse=True)
def two_at_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LEVANTE_MAX_RUNNING = 2
    monkeypatch.setattr(admission, "_TRUSTED_SECONDS", 0.0)
    monkeypatch.setattr(admission, "_last", admission._Count())


def project(name: str) -> Caller:
    caller = make_caller(name)
    create_workflows(caller=caller, text=TEXT, namespace="", scope="private")
    return caller


def start(caller: Caller) -> WorkflowExecution:
    return start_execution(project_id=caller.project_id, workflow="waits", input={}, params={})


def end(execution: WorkflowExecution) -> None:
    change_state(execution.id, State.SUCCESS)


def running() -> set[Any]:
    return set(WorkflowExecution.objects.filter(state="RUNNING").values_list("id", flat=True))


@pytest.mark.django_db
def test_who_comes_too_many_waits_for_room(rung: list[Work]) -> None:
    caller = project("team")
    first, second, third = (start(caller) for _ in range(3))
    assert [one.state for one in (first, second, third)] == ["RUNNING", "RUNNING", "IDLE"]
    assert rung[-1].executions == (second.id,)
    advance(third.id)  # a message that comes too early changes nothing
    assert admit_waiting() == 0
    end(first)
    assert admit_waiting() == 1
    assert rung[-1].executions == (third.id,)
    advance(third.id)
    third.refresh_from_db()
    assert (third.state, third.is_started) == ("RUNNING", True)
    event = HistoryEvent.objects.filter(execution=third).earliest("id")
    assert (event.state_from, event.state_to) == ("IDLE", "RUNNING")


@pytest.mark.django_db
def test_the_log_says_who_waits_and_who_begins(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "workflows.states")
    caller = project("team")
    first, _, third = (start(caller) for _ in range(3))
    end(first)
    admit_waiting()
    told = [vars(one) for one in caplog.records if str(third.id) in vars(one).values()]
    assert [(one.get("state_from"), one["state_to"], one["workflow"]) for one in told] == [
        (None, "IDLE", "waits"),
        ("IDLE", "RUNNING", "waits"),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_pause_is_accepted_before_or_after_an_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = project("team")
    first, *_ = (start(caller) for _ in range(3))
    end(first)
    done: list[str] = []
    begin = admission.execute

    def pause() -> None:
        try:
            set_status(status="PAUSED")
            done.append("paused")
        finally:
            connection.close()

    thread = threading.Thread(target=pause)

    def be_paused_and_begin(sql: str) -> int:
        thread.start()
        thread.join(0.3)
        done.append("admitted")
        return begin(sql)

    monkeypatch.setattr(admission, "execute", be_paused_and_begin)
    assert admit_waiting() == 1
    thread.join(10)
    assert done == ["admitted", "paused"]


@pytest.mark.django_db
def test_who_comes_while_others_wait_waits_as_well() -> None:
    caller = project("team")
    first, _, _ = (start(caller) for _ in range(3))
    end(first)
    assert start(caller).state == "IDLE"


@pytest.mark.django_db
def test_a_project_with_many_keeps_no_other_waiting() -> None:
    many, few = project("many"), project("few")
    crowd = [start(many) for _ in range(6)]
    lonely = start(few)
    end(crowd[0])
    assert admit_waiting() == 1
    assert running() == {crowd[1].id, lonely.id}
    end(crowd[1])
    assert admit_waiting() == 1
    assert running() == {crowd[2].id, lonely.id}


@pytest.mark.django_db
def test_one_that_waits_can_be_cancelled() -> None:
    caller = project("team")
    third = [start(caller) for _ in range(3)][-1]
    change_state(third.id, State.CANCELLED)
    third.refresh_from_db()
    assert third.state == "CANCELLED"
    assert admit_waiting() == 0


@pytest.mark.django_db
def test_nothing_begins_during_maintenance(settings: Any) -> None:
    caller = project("team")
    for _ in range(3):
        start(caller)
    settings.LEVANTE_MAX_RUNNING = 3
    set_status(status="PAUSED")
    assert admit_waiting() == 0
    set_status(status="RUNNING")
    assert admit_waiting() == 1


@pytest.mark.django_db
def test_without_the_limit_all_begin(settings: Any) -> None:
    caller = project("team")
    for _ in range(5):
        start(caller)
    settings.LEVANTE_MAX_RUNNING = 0
    assert admit_waiting() == 3
    assert start(caller).state == "RUNNING"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_fill_the_room_once(settings: Any) -> None:
    caller = project("team")
    executions = [start(caller) for _ in range(10)]
    end(executions[0])
    counts: list[int] = []

    def sweep() -> None:
        try:
            counts.append(admit_waiting())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1
    assert len(running()) == 2


@pytest.mark.django_db(transaction=True)
def test_triggers_ring_nothing_that_has_to_wait_for_room(rung: list[Work], settings: Any) -> None:
    settings.LEVANTE_MAX_RUNNING = 1
    caller = project("team")
    slot = {"caller": caller, "workflow": "waits", "pattern": "0 * * * *"}
    triggers = [create_cron_trigger(name=name, **slot) for name in ("a", "b")]
    fires = [run_trigger_now(trigger) for trigger in triggers]
    create_event_trigger(
        caller=caller, workflow_id=triggers[0].workflow_id, exchange="e", topic="t", event="x"
    )
    own = str(caller.project_id)
    (seen,) = take_event(IncomingEvent("e", "t", "x", "m1", own, "", "", {}, {}))
    states = [WorkflowExecution.objects.get(pk=one.execution_id).state for one in (*fires, seen)]
    assert states == ["RUNNING", "IDLE", "IDLE"]
    assert rung == [Work(executions=(fires[0].execution_id,))]
