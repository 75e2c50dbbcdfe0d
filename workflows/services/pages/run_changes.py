"""What has changed in an execution since a sequence number: what a page that is open asks for.

The id of a history event is the sequence number: the events of one execution are written under its
lock, so no smaller one appears later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Max, Q

from workflows.engine.states import FINAL, State
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import ActionExecution, HistoryEvent, TaskExecution, WorkflowExecution

# Tasks in one answer; who is further behind reads the page anew.
MOST_TASKS: Final = 500
HANDLED: Final = "ERROR_HANDLED"

_TASK_COLUMNS: Final = (
    "name", "type", "state", "state_info", "attempt", "items_total", "created_at", "started_at",
    "finished_at", "is_error_handled",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How far a with-items task is."""

    total: int
    done: int = 0
    failed: int = 0


def last_sequence(execution_id: UUID) -> int:
    """Return the number of the last event; 0 if nothing has happened yet."""
    newest = HistoryEvent.objects.filter(execution_id=execution_id).aggregate(last=Max("id"))
    return int(newest["last"] or 0)


def load_changes(execution: WorkflowExecution, after: int) -> JSONObject:
    """Return the execution's state, its counts, and the tasks with events behind `after`."""
    sequence = last_sequence(execution.pk)
    changed = _changed_tasks(execution.pk, after)
    at_work = TaskExecution.objects.filter(
        execution_id=execution.pk, state=State.RUNNING, items_total__isnull=False
    ).only(*_TASK_COLUMNS)[:MOST_TASKS]
    tasks = {task.pk: task for task in (*changed[:MOST_TASKS], *at_work)}
    items = count_items(tasks.values())
    counts = count_states(execution.pk)
    return {
        "seq": sequence,
        "is_partial": len(changed) > MOST_TASKS,
        "execution": {
            "state": execution.state,
            "state_info": execution.state_info,
            "is_final": execution.state in FINAL,
            "finished_at": _text(execution.finished_at),
        },
        "counts": dict(counts),
        # Items end without an event of their own.
        "items_done": sum(one.done for one in items.values()),
        "tasks": [_draw(task, items.get(task.pk)) for task in tasks.values()],
    }


def count_states(execution_id: UUID) -> dict[str, int]:
    """Count the tasks of an execution by the state that is shown."""
    rows = TaskExecution.objects.filter(execution_id=execution_id)
    counts: dict[str, int] = {}
    for state, is_handled, count in (
        rows.values_list("state", "is_error_handled")
        .annotate(count=Count("id"))
        .order_by("state", "is_error_handled")
    ):
        name = HANDLED if is_handled and state == State.ERROR else state
        counts[name] = counts.get(name, 0) + count
    return counts


def count_items(tasks: Iterable[TaskExecution]) -> dict[UUID, ItemCounts]:
    """Count the ended items of the with-items tasks among these, all in two statements."""
    totals = {task.pk: task.items_total for task in tasks if task.items_total is not None}
    if not totals:
        return {}
    done: dict[UUID, list[int]] = {key: [0, 0] for key in totals}
    ended = Q(state__in=(State.SUCCESS, State.ERROR, State.CANCELLED))
    failed = Q(state=State.ERROR)
    # One attempt of each item counts: the one that was accepted, or a failure that still stands.
    actions = (
        ActionExecution.objects.filter(task_id__in=totals, is_accepted=True)
        .values_list("task_id")
        .annotate(done=Count("id", filter=ended), failed=Count("id", filter=failed))
    )
    children = (
        WorkflowExecution.objects.filter(parent_task_id__in=totals, is_accepted=True)
        .values_list("parent_task_id")
        .annotate(done=Count("id", filter=ended), failed=Count("id", filter=failed))
    )
    for key, count, bad in (*actions, *children):
        done[key][0] += count
        done[key][1] += bad
    return {
        key: ItemCounts(total, min(done[key][0], total), done[key][1])
        for key, total in totals.items()
    }


def _changed_tasks(execution_id: UUID, after: int) -> Sequence[TaskExecution]:
    events = HistoryEvent.objects.filter(
        execution_id=execution_id, id__gt=after, task_id__isnull=False
    )
    return list(
        TaskExecution.objects.filter(pk__in=events.values("task_id"))
        .only(*_TASK_COLUMNS)
        .order_by("created_at", "id")[: MOST_TASKS + 1]
    )


def _draw(task: TaskExecution, items: ItemCounts | None) -> JSONObject:
    drawn: dict[str, JSONValue] = {
        "id": str(task.pk),
        "name": task.name,
        "state": shown_state(task),
        "state_info": task.state_info,
        "attempt": task.attempt,
        "started_at": _text(task.started_at),
        "finished_at": _text(task.finished_at),
    }
    if items is not None:
        drawn["items"] = {"total": items.total, "done": items.done, "failed": items.failed}
    return drawn


def shown_state(task: TaskExecution) -> str:
    """Return the state, telling an error that something handled from one that nothing did."""
    return HANDLED if task.state == State.ERROR and task.is_error_handled else task.state


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
