"""Maintenance on the level of the services: what is paused, what is refused, what goes on again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.engine.states import State
from workflows.errors import InMaintenance, RequestInvalid
from workflows.models import HistoryEvent, Maintenance, Timer, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import (
    change_action_state,
    change_state,
    start_execution,
)
from workflows.services.executions.reruns import rerun_task, skip_task
from workflows.services.operation import maintenance
from workflows.services.operation.maintenance import carry_out, set_status
from workflows.services.operation.service_status import get_status, require_running
from workflows.services.operation.sweep import Sweep
from workflows.services.operation.timers import ring_due_timers
from workflows.services.running.action_runs import complete_action, start_action_run

pytestmark = pytest.mark.django_db

TWO_STEPS = """
version: '2.0'
two_steps:
  tasks:
    one: {action: std.http url=http://localhost, on-success: two}
    two: {action: std.http url=http://localhost}
"""
APPROVAL = """
version: '2.0'
approval:
  tasks:
    ask: {action: std.async_noop, on-success: go}
    go: {action: std.async_noop}
"""
NESTED = """
version: '2.0'
parent:
  tasks:
    left: {workflow: child}
    right: {workflow: child}
child:
  tasks:
    ask: {action: std.async_noop, on-success: go}
    go: {action: std.noop}
"""
LATER = """
version: '2.0'
later:
  tasks:
    act: {action: std.async_noop, wait-before: 60}
"""
FAILS = """
version: '2.0'
fails:
  tasks:
    act: {action: std.fail}
"""


def fresh(execution: WorkflowExecution) -> WorkflowExecution:
    execution.refresh_from_db()
    return execution


def begin() -> None:
    """Begin maintenance and do what the sweep does."""
    assert set_status(status="PAUSED", actor="ann") == "PAUSING"
    carry_out()


def end() -> None:
    assert set_status(status="RUNNING", actor="ann") == "RUNNING"
    carry_out()


def test_a_new_service_runs() -> None:
    assert get_status() == "RUNNING"
    require_running()


def test_running_executions_are_paused_and_go_on() -> None:
    execution = start(APPROVAL)
    begin()
    assert fresh(execution).state == "PAUSED"
    assert execution.state_info == "Paused by maintenance."
    end()
    assert fresh(execution).state == "RUNNING"
    assert execution.state_info is None
    actors = HistoryEvent.objects.filter(execution=execution, task_id=None).values_list(
        "state_to", "actor"
    )
    changes = [("RUNNING", ""), ("PAUSED", "maintenance"), ("RUNNING", "maintenance")]
    assert list(actors) == changes


def test_what_is_at_work_ends_and_what_follows_waits() -> None:
    execution = start(APPROVAL)
    begin()
    assert get_status() == "PAUSING"
    action = ready_actions(execution.id)[0]
    complete_action(action.id, state=State.SUCCESS, output={}, has_output=True)
    advance(execution.id)
    carry_out()
    assert get_status() == "PAUSED"
    assert states(execution) == {"ask": "SUCCESS"}
    end()
    assert states(execution) == {"ask": "SUCCESS", "go": "RUNNING"}


def test_an_action_that_waits_for_a_worker_counts_as_work() -> None:
    execution = start(TWO_STEPS)
    begin()
    assert get_status() == "PAUSING"
    work(execution)
    carry_out()
    assert get_status() == "PAUSED"
    assert list(states(execution)) == ["one"]


def test_nothing_at_work_is_paused_at_once() -> None:
    begin()
    assert get_status() == "PAUSED"


def test_items_that_no_lane_has_taken_wait_for_the_resume() -> None:
    text = """
version: '2.0'
many:
  tasks:
    each: {with-items: "i in [1, 2]", action: std.sleep seconds=0}
"""
    execution = start(text)
    begin()
    assert get_status() == "PAUSED"
    end()
    assert work(execution).state == "SUCCESS"


def test_only_what_maintenance_paused_goes_on() -> None:
    execution, paused_before = start(APPROVAL), start(APPROVAL.replace("approval", "other"))
    change_state(paused_before.id, State.PAUSED)
    begin()
    end()
    assert fresh(execution).state == "RUNNING"
    assert fresh(paused_before).state == "PAUSED"


def test_what_is_cancelled_during_maintenance_stays_so() -> None:
    execution = start(APPROVAL)
    begin()
    change_state(execution.id, State.CANCELLED)
    end()
    assert fresh(execution).state == "CANCELLED"
    assert not execution.is_held


def test_a_pause_of_a_person_after_the_end_outlives_the_next_pass() -> None:
    execution = start(APPROVAL)
    begin()
    set_status(status="RUNNING")
    change_state(execution.id, State.RUNNING)
    change_state(execution.id, State.PAUSED)
    carry_out()
    assert fresh(execution).state == "PAUSED"


def tree(execution: WorkflowExecution) -> list[WorkflowExecution]:
    return [
        fresh(execution),
        *WorkflowExecution.objects.filter(root_execution_id=execution.id).order_by("created_at"),
    ]


def advance_all(execution: WorkflowExecution) -> None:
    for one in reversed(tree(execution)):
        advance(one.id)


def test_a_tree_is_paused_and_goes_on_as_a_whole() -> None:
    execution = start(NESTED)
    advance_all(execution)
    begin()
    assert {one.state for one in tree(execution)} == {"PAUSED"}
    assert all(one.is_held for one in tree(execution))
    advance_all(execution)
    end()
    advance_all(execution)
    assert {one.state for one in tree(execution)} == {"RUNNING"}
    assert not any(one.is_held for one in tree(execution))
    assert set(states(execution).values()) == {"RUNNING"}


def test_a_sweep_that_dies_half_way_is_followed_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each execution is changed on its own; whatever was left is found by the next pass."""
    execution = start(NESTED)
    advance_all(execution)
    whole = maintenance.change

    def change_once(execution_id: UUID, make_events: Any, **more: Any) -> None:
        whole(execution_id, make_events, **more)
        raise SystemExit

    for begin_or_end, wanted in ((begin, "PAUSED"), (end, "RUNNING")):
        with monkeypatch.context() as patched:
            patched.setattr(maintenance, "change", change_once)
            with pytest.raises(SystemExit):
                begin_or_end()
        assert {one.state for one in tree(execution)} == {"PAUSED", "RUNNING"}
        for _ in range(2):
            carry_out()
            advance_all(execution)
        assert {one.state for one in tree(execution)} == {wanted}


def test_the_sweep_carries_it_out() -> None:
    execution = start(APPROVAL)
    set_status(status="PAUSED")
    Sweep().run()
    assert fresh(execution).state == "PAUSED"


def test_nothing_starts() -> None:
    caller = make_caller()
    failed = work(start(FAILS))
    waiting, paused = start(APPROVAL), start(APPROVAL.replace("approval", "other"))
    change_state(paused.id, State.PAUSED)
    action = ready_actions(waiting.id)[0]
    change_action_state(action.id, State.PAUSED)
    begin()
    task = failed.tasks.get()
    run = {"namespace": "", "params": {}, "description": "", "input": {}}
    starts = [
        lambda: start_execution(
            project_id=caller.project_id, workflow="approval", input={}, params={}
        ),
        lambda: rerun_task(task.id, reset=True),
        lambda: skip_task(task.id),
        lambda: change_state(paused.id, State.RUNNING),
        lambda: change_action_state(action.id, State.RUNNING),
        lambda: start_action_run(project_id=caller.project_id, name="std.noop", **run),
        lambda: start_action_run(project_id=caller.project_id, name="std.async_noop", **run),
    ]
    before = WorkflowExecution.objects.count()
    for one in starts:
        with pytest.raises(InMaintenance):
            one()
    assert WorkflowExecution.objects.count() == before
    assert fresh(failed).state == "ERROR"
    end()
    starts[0]()


def test_no_timer_starts_anything(rung: list[Any]) -> None:
    execution = start(LATER)
    begin()
    Timer.objects.update(due_at="2020-01-01T00:00:00Z")
    rung.clear()
    ring_due_timers()
    advance(execution.id)
    assert rung == []
    assert states(execution) == {"act": "DELAYED"}
    end()
    ring_due_timers()
    advance(execution.id)
    assert states(execution) == {"act": "RUNNING"}


def test_asking_twice_changes_nothing() -> None:
    begin()
    row = Maintenance.objects.get()
    assert set_status(status="PAUSED", actor="bob") == "PAUSED"
    assert Maintenance.objects.get().changed_at == row.changed_at
    end()
    assert set_status(status="RUNNING") == "RUNNING"


@pytest.mark.parametrize("status", ["PAUSING", "paused", "", "OFF"])
def test_another_status_is_refused(status: str) -> None:
    with pytest.raises(RequestInvalid):
        set_status(status=status)
    assert get_status() == "RUNNING"


@pytest.mark.django_db(transaction=True)
def test_a_pause_waits_for_the_starts_that_came_before_it() -> None:
    """When the pause is accepted everything that was allowed to start is there to be paused."""
    set_status(status="RUNNING")
    done: list[str] = []

    def pause() -> None:
        try:
            set_status(status="PAUSED")
            done.append("paused")
        finally:
            connection.close()

    with transaction.atomic():
        require_running()
        thread = threading.Thread(target=pause)
        thread.start()
        thread.join(0.3)
        assert done == []
        done.append("started")
    thread.join(10)
    assert done == ["started", "paused"]


@pytest.mark.django_db(transaction=True)
def test_a_pause_is_not_overtaken_by_the_starts_that_come_after_it() -> None:
    """However many starts follow one another, without a moment in which there is none."""
    set_status(status="RUNNING")
    done: list[str] = []

    def beside(do: Callable[[], object], name: str) -> threading.Thread:
        def use_own_connection() -> None:
            try:
                do()
                done.append(name)
            except InMaintenance:
                done.append(f"{name} refused")
            finally:
                connection.close()

        thread = threading.Thread(target=use_own_connection)
        thread.start()
        thread.join(0.3)
        return thread

    with transaction.atomic():
        require_running()
        pause = beside(lambda: set_status(status="PAUSED"), "pause")
        later = beside(require_running, "later start")
        assert done == []
    for thread in (pause, later):
        thread.join(10)
    assert sorted(done) == ["later start refused", "pause"]


def test_a_start_asks_for_the_status_in_one_trip(django_assert_num_queries: Any) -> None:
    assert not Maintenance.objects.exists()
    for _ in range(2):
        with django_assert_num_queries(1):
            require_running()
    set_status(status="PAUSED")
    with django_assert_num_queries(1), pytest.raises(InMaintenance):
        require_running()
