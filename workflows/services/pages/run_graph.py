"""The graph of an execution: that of its definition, with what has happened in this run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from django.db.models import Count

from workflows.engine.states import State
from workflows.models import TaskExecution, Timer, TimerKind, WorkflowExecution
from workflows.services.definitions.definition_graph import Badge, Graph, build_graph
from workflows.services.definitions.definitions import load_spec
from workflows.services.pages.run_changes import ItemCounts, count_items, shown_state
from workflows.services.pages.taken_ways import ways_between

# Runs of tasks whose ways are looked at; behind that, edges of the oldest may stay thin.
_MOST_TASKS: Final = 5_000
_COLUMNS: Final = (
    "name", "type", "state", "attempt", "items_total", "is_error_handled", "triggered_by",
    "created_at", "unique_key",
)  # fmt: skip


def build_run_graph(execution: WorkflowExecution, link: Callable[[TaskExecution], str]) -> Graph:
    """Return the graph with states, badges and taken edges; `link` is where a node leads."""
    spec = load_spec(execution.revision).spec
    graph = build_graph(spec)
    tasks = list(
        TaskExecution.objects.filter(execution_id=execution.pk)
        .only(*_COLUMNS)
        .order_by("-created_at", "-id")[:_MOST_TASKS]
    )
    newest: dict[str, TaskExecution] = {}
    for task in tasks:
        newest.setdefault(task.name, task)
    badges = run_badges(execution, newest.values(), count_items(newest.values()))
    for node in graph["nodes"]:
        found = newest.get(node["name"])
        if found is not None:
            node["state"], node["href"] = shown_state(found), link(found)
            node["badges"] = badges[found.pk] or node["badges"]
    _mark_taken(graph, tasks)
    return graph


def run_badges(
    execution: WorkflowExecution,
    tasks: Iterable[TaskExecution],
    items: Mapping[UUID, ItemCounts],
) -> dict[UUID, list[Badge]]:
    """Return what a node says about the run of its task: rounds, retries, items, waiting.

    `items` is how far those with items are, as `count_items` gives it.
    """
    spec = load_spec(execution.revision).spec
    rounds = _count_rounds(execution.pk)
    due = {
        timer.task_id: timer
        for timer in Timer.objects.filter(execution_id=execution.pk).exclude(
            kind=TimerKind.TIMEOUT
        )[:_MOST_TASKS]
    }
    found: dict[UUID, list[Badge]] = {}
    for task in tasks:
        task_spec = spec.tasks.get(task.name)
        badges = _item_badges(items.get(task.pk))
        if rounds.get(task.name, 0) > 1:
            badges.append({"kind": "loop", "text": f"run {rounds[task.name]} times"})
        if task.attempt and task_spec is not None and task_spec.policies.retry is not None:
            limit = task_spec.policies.retry.count
            of = f"/{limit}" if isinstance(limit, int) else ""
            badges.append({"kind": "retry", "text": f"retry {task.attempt}{of}"})
        if task.state == State.DELAYED and task.pk in due:
            at = due[task.pk].due_at
            badges.append({"kind": "wait", "text": f"until {at:%H:%M:%S}"})
        found[task.pk] = badges
    return found


def _item_badges(counts: ItemCounts | None) -> list[Badge]:
    if counts is None:
        return []
    failed = f", {counts.failed} failed" if counts.failed else ""
    return [{"kind": "items", "text": f"items {counts.done}/{counts.total}{failed}"}]


def _count_rounds(execution_id: UUID) -> Mapping[str, int]:
    """Count the runs of the tasks that ran more than once."""
    rows = (
        TaskExecution.objects.filter(execution_id=execution_id)
        .values_list("name")
        .annotate(count=Count("id"))
        .filter(count__gt=1)
        .order_by("name")
    )
    return dict(rows)


def _mark_taken(graph: Graph, tasks: Sequence[TaskExecution]) -> None:
    """Mark the edges that the run has followed."""
    taken = ways_between(tasks)
    reached = {task.name for task in tasks}
    ended = {task.name for task in tasks if task.state == State.SUCCESS}
    for edge in graph["edges"]:
        if edge["clause"] == "requires":
            edge["is_taken"] = edge["from"] in ended and edge["to"] in reached
        else:
            edge["is_taken"] = (edge["from"], edge["to"], edge["clause"]) in taken
