"""Which ways a run has taken from task to task.

A task notes who led to it when it starts. A join collects who has arrived long before, in rows of
their own, which stay behind when it starts or fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from workflows.models import JoinArrival, TaskExecution

# Rows that one answer looks at; behind that, the ways of the oldest tasks may stay thin.
_MOST_ROWS: Final = 5_000

Way = tuple[str, str, str]  # from, to, clause


def ways_between(tasks: Iterable[TaskExecution]) -> set[Way]:
    """Give all ways that led from one of these tasks to another; of one execution."""
    tasks = list(tasks)
    names = {str(task.pk): task.name for task in tasks}
    taken = {
        (names[source], task.name, event)
        for task in tasks
        for source, event in _noted(task.triggered_by)
        if source in names
    }
    joins = [task.pk for task in tasks if task.unique_key is not None and not task.triggered_by]
    arrivals = JoinArrival.objects.filter(join_id__in=joins).values_list(
        "inbound_name", "join__name", "event"
    )
    return taken.union(arrivals[:_MOST_ROWS])


def ways_from(task: TaskExecution) -> set[tuple[str, str]]:
    """Give where a task has led, with the clause: to tasks that it started, and to joins."""
    followers = (
        TaskExecution.objects.filter(execution_id=task.execution_id)
        .filter(created_at__gte=task.created_at, unique_key__isnull=True)
        .values_list("name", "triggered_by")
        .order_by("created_at")[:_MOST_ROWS]
    )
    started = {
        (name, event)
        for name, causes in followers
        for source, event in _noted(causes)
        if source == str(task.pk)
    }
    # The name is what the index has; a join may be older than the task.
    arrivals = JoinArrival.objects.filter(
        join__execution_id=task.execution_id, inbound_name=task.name, inbound_task_id=task.pk
    )
    return started.union(arrivals.values_list("join__name", "event")[:_MOST_ROWS])


def ways_to(task: TaskExecution) -> dict[UUID, str]:
    """Give the tasks that have led to this one so far, with the clause."""
    found = {UUID(source): event for source, event in _noted(task.triggered_by)}
    if not found and task.unique_key is not None:
        arrivals = JoinArrival.objects.filter(join_id=task.pk).order_by("id")
        found = dict(arrivals.values_list("inbound_task_id", "event")[:_MOST_ROWS])
    return found


def _noted(causes: object) -> list[tuple[str, str]]:
    """Read what a task notes about who led to it."""
    return [
        (str(cause.get("task_id")), str(cause.get("event")))
        for cause in causes or ()  # type: ignore[attr-defined]
    ]
