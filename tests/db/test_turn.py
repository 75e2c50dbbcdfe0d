"""A worker's turn: one action after the other in one execution, until others should have theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import ready_actions, start, states
from workflows.actions.base import Outcome
from workflows.canvas import Work
from workflows.models import ActionExecution, TaskExecution, Timer, WorkflowExecution
from workflows.services.advancing import advance as advance_module
from workflows.services.advancing.advance import advance
from workflows.services.running import turn
from workflows.services.running.attempts import claim_action, find_ready, record
from workflows.services.running.lanes import run_lane
from workflows.services.running.process import this_process
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

CHAIN = """
version: '2.0'
chain:
  tasks:
    a: {action: std.sleep seconds=0, on-success: b}
    b: {action: std.sleep seconds=0, on-success: c}
    c: {action: std.sleep seconds=0}
"""
WIDE = "version: '2.0'\nwide:\n  tasks:\n" + "".join(
    f"    t{index}: {{action: std.sleep seconds=0}}\n" for index in range(6)
)
ITEMS = """
version: '2.0'
items:
  tasks:
    each: {with-items: i in <% range(3) %>, action: std.sleep seconds=0}
"""
ASYNC = WIDE.replace("std.sleep seconds=0", "std.async_noop")


def actions_rung(rung: list[Work]) -> list[Any]:
    return [action.id for one in rung for action in one.actions]


def test_a_turn_goes_from_task_to_task_without_a_message(rung: list[Work]) -> None:
    execution = start(CHAIN)
    (first,) = ready_actions(execution.id)
    take_turn(first.id, execution.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    assert actions_rung(rung) == [first.id]
    attempts = ActionExecution.objects.filter(execution=execution)
    assert list(attempts.values_list("starts", flat=True)) == [1, 1, 1]


def test_a_turn_that_has_lasted_long_enough_sends_what_follows(
    rung: list[Work], settings: Any
) -> None:
    settings.LEVANTE_TURN_SECONDS = -1
    execution = start(CHAIN)
    (first,) = ready_actions(execution.id)
    take_turn(first.id, execution.id)
    assert states(execution) == {"a": "SUCCESS", "b": "RUNNING"}
    (second,) = ready_actions(execution.id)
    assert set(actions_rung(rung)) == {first.id, second.id}


def test_what_another_worker_is_meant_for_is_sent(rung: list[Work]) -> None:
    execution = start(CHAIN.replace("on-success: c", "on-success: c, target: depot"))
    (first,) = ready_actions(execution.id)
    take_turn(first.id, execution.id)
    (second,) = ready_actions(execution.id)
    assert second.target == "depot"
    assert actions_rung(rung) == [first.id, second.id]


def test_of_many_ready_actions_some_are_sent_and_all_are_run(
    rung: list[Work], settings: Any
) -> None:
    settings.LEVANTE_ACTIONS_SENT = 2
    execution = start(WIDE)
    sent = actions_rung(rung)
    assert len(sent) == 2
    take_turn(sent[0], execution.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"


def test_a_turn_that_is_over_passes_on_what_was_not_sent(rung: list[Work], settings: Any) -> None:
    settings.LEVANTE_ACTIONS_SENT = 2
    settings.LEVANTE_TURN_SECONDS = -1
    execution = start(WIDE)
    take_turn(actions_rung(rung)[0], execution.id)
    assert len(actions_rung(rung)) == 3
    assert len(ready_actions(execution.id)) == 5


def test_where_the_action_is_taken_another_one_is_run(settings: Any) -> None:
    settings.LEVANTE_TURN_SECONDS = -1
    execution = start(WIDE)
    taken, *others = ready_actions(execution.id)
    assert claim_action(taken.id) is not None
    take_turn(taken.id, execution.id)
    assert len(ready_actions(execution.id)) == len(others) - 1
    taken.refresh_from_db()
    assert taken.state == "RUNNING"


def test_an_action_that_is_completed_from_outside_does_not_end_the_turn() -> None:
    execution = start(ASYNC)
    take_turn(ready_actions(execution.id)[0].id, execution.id)
    assert ready_actions(execution.id) == []
    assert set(states(execution).values()) == {"RUNNING"}


def test_a_result_is_stored_although_what_follows_cannot_be_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_facts: Any, **_options: Any) -> None:
        raise RuntimeError("no decision")

    execution = start(CHAIN)
    (action,) = ready_actions(execution.id)
    monkeypatch.setattr(turn, "move_on", fail)
    with pytest.raises(RuntimeError, match="no decision"):
        take_turn(action.id, execution.id)
    action.refresh_from_db()
    assert (action.state, action.is_handled) == ("SUCCESS", False)
    advance(execution.id)
    assert states(execution) == {"a": "SUCCESS", "b": "RUNNING"}


def test_an_execution_that_somebody_holds_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = start(CHAIN)
    (action,) = ready_actions(execution.id)
    monkeypatch.setattr(turn, "lock_execution", lambda _id, *, skip_locked: None)
    take_turn(action.id, execution.id)
    assert states(execution)["b"] == "RUNNING"


def test_a_claimed_action_does_not_wait_for_a_long_advance(
    rung: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(WIDE)
    rung.clear()
    # Each look after a commit finds that more has ended, and another worker's end is there to see.
    first, other, *_ = ready_actions(execution.id)
    claim = claim_action(other.id)
    assert claim is not None
    record(claim, Outcome(is_success=True, result=None))
    monkeypatch.setattr(advance_module, "has_unhandled", lambda _execution_id: True)
    monkeypatch.setattr(turn, "lock_execution", lambda _id, *, skip_locked: None)
    monkeypatch.setattr(turn, "advance_family", lambda _execution_id: None)
    take_turn(first.id, execution.id)
    assert execution.id in {one for work in rung for one in work.executions}


def test_a_process_that_is_to_end_leaves_what_it_has_claimed_to_others(
    rung: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(CHAIN)
    (first,) = ready_actions(execution.id)
    store = turn._record_and_advance

    def store_and_be_stopped(*facts: Any, **options: Any) -> Any:
        stored = store(*facts, **options)
        monkeypatch.setattr(this_process(), "is_stopping", True)
        return stored

    monkeypatch.setattr(turn, "_record_and_advance", store_and_be_stopped)
    with pytest.raises(SystemExit):
        take_turn(first.id, execution.id)
    (second,) = ready_actions(execution.id)  # which may not be repeated
    assert (second.state, second.starts, second.process_id) == ("RUNNING", 0, None)
    assert actions_rung(rung) == [first.id, second.id]


def test_a_process_that_is_to_end_begins_no_item(
    rung: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(ITEMS)
    monkeypatch.setattr(this_process(), "is_stopping", True)
    task = TaskExecution.objects.get(execution=execution)
    with pytest.raises(SystemExit):
        run_lane(task.id, "")
    assert [one.starts for one in ready_actions(execution.id)] == [0, 0, 0]
    assert len(actions_rung(rung)) == 1


def test_a_look_for_what_is_ready_locks_nothing() -> None:
    execution = start(WIDE)
    with CaptureQueriesContext(connection) as queries:
        found = find_ready(execution.id, "")
    assert found in {one.id for one in ready_actions(execution.id)}
    assert "FOR " not in queries[0]["sql"]


def test_what_has_ended_before_is_taken_with_the_end_of_an_action() -> None:
    execution = start(WIDE)
    first, other, *_ = ready_actions(execution.id)
    claims = claim_action(first.id), claim_action(other.id)
    assert claims[0] is not None
    assert claims[1] is not None
    record(claims[1], Outcome(is_success=True, result=None))
    turn._end_action(claims[0], Outcome(is_success=True, result=None), [], may_go_on=False)
    ended = [name for name, state in states(execution).items() if state == "SUCCESS"]
    assert len(ended) == 2


@pytest.mark.parametrize("is_late", [True, False])
def test_a_timer_that_is_due_is_taken_with_the_end_of_an_action(is_late: bool) -> None:
    execution = start(
        "version: '2.0'\ntimed:\n  tasks:\n    a: {action: std.sleep seconds=0}\n"
        "    b: {action: std.async_noop, timeout: 100}\n"
    )
    if is_late:
        Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    action = next(one for one in ready_actions(execution.id) if one.task.name == "a")
    claim = claim_action(action.id)
    assert claim is not None
    turn._end_action(claim, Outcome(is_success=True, result=None), [], may_go_on=False)
    assert states(execution) == {"a": "SUCCESS", "b": "ERROR" if is_late else "RUNNING"}


def test_a_sub_workflow_that_has_ended_is_taken_with_the_end_of_an_action() -> None:
    execution = start(
        "version: '2.0'\nabove:\n  tasks:\n    a: {action: std.sleep seconds=0}\n"
        "    b: {workflow: below}\nbelow:\n  tasks:\n    c: {action: std.noop}\n"
    )
    advance(WorkflowExecution.objects.get(parent_execution_id=execution.id).id)
    claim = claim_action(ready_actions(execution.id)[0].id)
    assert claim is not None
    turn._end_action(claim, Outcome(is_success=True, result=None), [], may_go_on=False)
    assert states(execution) == {"a": "SUCCESS", "b": "SUCCESS"}


@pytest.mark.parametrize(("text", "looks"), [(CHAIN, 0), (WIDE, 1)])
def test_a_last_look_is_taken_where_another_action_may_have_ended_meanwhile(
    text: str, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(text)
    seen: list[Any] = []
    monkeypatch.setattr(advance_module, "has_unhandled", lambda key: bool(seen.append(key)))
    claim = claim_action(ready_actions(execution.id)[0].id)
    assert claim is not None
    turn._end_action(claim, Outcome(is_success=True, result=None), [], may_go_on=True)
    assert len(seen) == looks
