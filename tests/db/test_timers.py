"""Due timers ring their executions: to the moment, not before, and not over and over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import start, states
from workflows.canvas import Work
from workflows.models import Timer, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.operation import reminders, timers
from workflows.services.operation.reminders import Reminders
from workflows.services.operation.timers import ring_due_timers

pytestmark = pytest.mark.django_db

WAITS = """
version: '2.0'
later:
  tasks:
    act: {action: std.noop, wait-before: 60}
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which the poller remembers what it has rung."""
    clock = Clock()
    monkeypatch.setattr(reminders, "time", clock)
    monkeypatch.setattr(timers, "_rung", Reminders())
    return clock


@pytest.fixture
def execution(rung: list[Work]) -> Iterator[WorkflowExecution]:
    execution = start(WAITS)
    rung.clear()
    return execution


def set_due(seconds: float, **changes: Any) -> None:
    Timer.objects.update(due_at=timezone.now() + timedelta(seconds=seconds), **changes)


def executions_rung(rung: list[Work]) -> list[UUID]:
    return [execution for work in rung for execution in work.executions]


def test_a_timer_rings_when_it_is_due_and_not_before(
    execution: WorkflowExecution, rung: list[Work]
) -> None:
    ring_due_timers()
    assert executions_rung(rung) == []
    set_due(-0.001)
    ring_due_timers()
    assert executions_rung(rung) == [execution.id]


def test_a_ring_leaves_the_timer_to_the_advance(execution: WorkflowExecution) -> None:
    set_due(-1)
    ring_due_timers()
    assert Timer.objects.count() == 1
    advance(execution.id)
    assert Timer.objects.count() == 0
    assert states(execution) == {"act": "SUCCESS"}


def test_a_timer_that_is_not_taken_is_rung_with_growing_gaps(
    execution: WorkflowExecution, rung: list[Work], clock: Clock
) -> None:
    set_due(-1)
    moments = []
    for second in range(25):
        clock.now = float(second)
        ring_due_timers()
        if executions_rung(rung):
            moments.append(second)
            rung.clear()
    assert moments == [0, 3, 9, 21]


def test_two_timers_of_an_execution_are_one_ring(
    execution: WorkflowExecution, rung: list[Work]
) -> None:
    (timer,) = Timer.objects.all()
    Timer.objects.create(
        execution=execution, task_id=timer.task_id, kind="timeout", due_at=timer.due_at
    )
    set_due(-1)
    ring_due_timers()
    assert executions_rung(rung) == [execution.id]


@pytest.mark.parametrize(
    ("kind", "is_rung"),
    [("wait-before", False), ("retry", False), ("timeout", True), ("wait-after", True)],
)
def test_a_paused_execution_is_woken_up_only_by_what_ends_something(
    execution: WorkflowExecution, rung: list[Work], kind: str, is_rung: bool
) -> None:
    WorkflowExecution.objects.update(state="PAUSED")
    set_due(-1, kind=kind)
    ring_due_timers()
    assert executions_rung(rung) == ([execution.id] if is_rung else [])


@pytest.mark.parametrize(
    ("due", "shortest", "longest"),
    [(0.5, 0.2, 0.5), (1.5, 1.0, 1.0), (60, 1.0, 1.0)],
)
def test_the_poller_sleeps_until_the_next_timer_but_never_long(
    execution: WorkflowExecution, due: float, shortest: float, longest: float
) -> None:
    set_due(due)
    assert shortest <= ring_due_timers() <= longest


def test_a_full_batch_is_followed_by_the_next_at_once(
    execution: WorkflowExecution, rung: list[Work], settings: Any
) -> None:
    settings.LEVANTE_SWEEP_BATCH = 1
    start(WAITS.replace("later", "another"))
    rung.clear()
    set_due(-1)
    assert ring_due_timers() < 0.1
    ring_due_timers()
    assert len(executions_rung(rung)) == 2
