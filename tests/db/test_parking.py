"""Executions that cannot be moved on are ended, and say why."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.canvas import Work
from workflows.models import ActionExecution, HistoryEvent, Timer, WorkflowExecution
from workflows.services.advancing import advance as advance_module
from workflows.services.advancing import parking
from workflows.services.advancing.advance import advance
from workflows.services.advancing.parking import count_failure, park
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

SLEEP = """
version: '2.0'
sleepy:
  tasks:
    nap:
      action: std.sleep seconds=0
      timeout: 100
"""
PARENT = """
version: '2.0'
parent:
  tasks:
    call:
      workflow: sleepy
      on-error: mend
    mend: {action: std.noop}
"""


class Broken(Exception):
    """What a fault of ours may raise."""


def fail(*_: Any, **__: Any) -> Any:
    raise Broken("with the value of a secret")


def advance_in_vain(execution: WorkflowExecution) -> None:
    with pytest.raises(Broken):
        advance(execution.id)
    execution.refresh_from_db()


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> WorkflowExecution:
    """An execution whose action has ended, and whose advances fail."""
    execution = start(SLEEP)
    ActionExecution.objects.update(state="SUCCESS", output={"result": None})
    monkeypatch.setattr(advance_module, "decide_on", fail)
    return execution


def test_an_advance_that_fails_each_time_ends_the_execution(
    failing: WorkflowExecution, caplog: pytest.LogCaptureFixture
) -> None:
    for failures in range(1, 5):
        advance_in_vain(failing)
        assert (failing.state, failing.advance_failures) == ("RUNNING", failures)
    advance_in_vain(failing)
    assert (failing.state, failing.advance_failures) == ("ERROR", 0)
    assert failing.state_info == "Failed 5 times to move the execution on: Broken."
    assert states(failing) == {"nap": "CANCELLED"}
    assert "secret" not in caplog.text
    advance(failing.id)  # nothing is left to be looked at


def test_what_fails_even_then_is_ended_by_force(
    failing: WorkflowExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "decide_on", fail)
    for _ in range(5):
        advance_in_vain(failing)
    assert failing.state == "ERROR"
    assert failing.finished_at is not None
    assert states(failing) == {"nap": "CANCELLED"}
    assert not Timer.objects.exists()
    assert not ActionExecution.objects.filter(is_handled=False).exists()
    event = HistoryEvent.objects.filter(execution=failing).latest("id")
    assert (event.state_from, event.state_to) == ("RUNNING", "ERROR")
    advance(failing.id)


@pytest.mark.parametrize("by_force", [False, True])
def test_a_parent_goes_on_after_a_parked_child(
    by_force: bool, rung: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_workflows(caller=make_caller(), text=SLEEP, namespace="", scope="private")
    parent = start(PARENT)
    child = WorkflowExecution.objects.get(parent_execution_id=parent.id)
    advance(child.id)
    if by_force:
        monkeypatch.setattr(parking, "decide_on", fail)
    rung.clear()
    park(child.id, "It is stuck.")
    assert parent.id in rung[-1].executions
    advance(parent.id)
    parent.refresh_from_db()
    assert (parent.state, states(parent)) == ("SUCCESS", {"call": "ERROR", "mend": "SUCCESS"})


def test_success_starts_the_count_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    execution = start(SLEEP)
    count_failure(execution.id, "a test")
    assert work(execution).state == "SUCCESS"
    assert execution.advance_failures == 0


def test_a_look_at_which_nothing_happened_counts_as_success() -> None:
    """Messages that come again while an action takes its time must not end the execution."""
    execution = start(SLEEP)
    for _ in range(9):
        count_failure(execution.id, "its process was lost")
        advance(execution.id)
    execution.refresh_from_db()
    assert (execution.state, execution.advance_failures) == ("RUNNING", 0)


def test_a_turn_that_cannot_decide_keeps_the_result_and_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = start(SLEEP)
    (action,) = ready_actions(execution.id)
    monkeypatch.setattr(advance_module, "decide_on", fail)
    with pytest.raises(Broken):
        take_turn(action.id, execution.id)
    execution.refresh_from_db()
    action.refresh_from_db()
    assert (action.state, execution.advance_failures) == ("SUCCESS", 1)


def test_a_database_that_is_away_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    execution = start(SLEEP)

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(advance_module, "lock_execution", away)
    with pytest.raises(OperationalError):
        advance(execution.id)
    execution.refresh_from_db()
    assert execution.advance_failures == 0


def test_an_execution_that_is_over_is_neither_counted_nor_parked() -> None:
    execution = work(start(SLEEP))
    for _ in range(9):
        count_failure(execution.id, "a test")
    park(execution.id, "It is stuck.")
    execution.refresh_from_db()
    assert (execution.state, execution.state_info) == ("SUCCESS", None)
