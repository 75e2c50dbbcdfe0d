"""What the panel of a task shows: attempts, items by state and by error, ways in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count

from workflows.engine.states import State
from workflows.errors import NotFound
from workflows.language.specs import Missing, TaskSpec
from workflows.models import ActionExecution, TaskExecution, WorkerProcess, WorkflowExecution
from workflows.models.statements import fetch_all
from workflows.services.definitions.definition_graph import named_clauses
from workflows.services.definitions.definitions import load_spec
from workflows.services.pages.keyset import beyond
from workflows.services.pages.taken_ways import ways_from, ways_to

ITEMS_PAGE: Final = 50
_MOST_ATTEMPTS: Final = 50
_MOST_GROUPS: Final = 20
_MOST_CHILDREN: Final = 50

# Texts of failed items; numbers count as the same.
_ERRORS_SQL = """
    SELECT left(regexp_replace(
            coalesce(output ->> 'result', state_info, ''), '[0-9]+', '#', 'g'), 200) AS text,
        count(*), min(item_index)
    FROM (
        SELECT output, state_info, item_index FROM action_executions
        WHERE task_id = %s AND state = 'ERROR' AND is_accepted LIMIT 5000) failed
    GROUP BY 1 ORDER BY 2 DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, and the process that made it while its row is there."""

    action: ActionExecution
    process: WorkerProcess | None


@dataclass(frozen=True, slots=True)
class Way:
    """One transition of the definition, and whether this run of the task took it."""

    clause: str
    target: str
    guard: str
    is_taken: bool


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """The items of a task by state, and the texts of those that failed."""

    by_state: Mapping[str, int]
    errors: Sequence[tuple[str, int, int]]


def list_attempts(task: TaskExecution) -> list[Attempt]:
    """List the tries of a task without items, the last one first."""
    actions = list(
        ActionExecution.objects.filter(task_id=task.pk)
        .defer("input", "base_input", "output")
        .order_by("-attempt", "-created_at")[:_MOST_ATTEMPTS]
    )
    return _with_processes(actions)


def list_items(
    task: TaskExecution, *, state: str = "", after: UUID | None = None
) -> tuple[list[Attempt], bool]:
    """List the attempts of items in their order, behind one of them; tell whether there are more.

    Raises NotFound if the task has no such attempt.
    """
    rows = ActionExecution.objects.filter(task_id=task.pk)
    if after is not None:
        # It counts in whatever state it is by now.
        last = rows.only("item_index", "attempt").filter(pk=after).first()
        if last is None:
            raise NotFound(f"There is no action {after} in this task.")
        place = beyond(item_index=last.item_index, attempt=last.attempt, id=last.pk)
        rows = rows.filter(place)
    rows = rows.filter(state=state) if state else rows
    found = list(
        rows.defer("input", "base_input", "output").order_by("item_index", "attempt", "id")[
            : ITEMS_PAGE + 1
        ]
    )
    return _with_processes(found[:ITEMS_PAGE]), len(found) > ITEMS_PAGE


def count_item_states(task: TaskExecution) -> ItemFigures:
    """Count items by state, and group the failed ones by their text."""
    counts = (
        ActionExecution.objects.filter(task_id=task.pk)
        .values_list("state")
        .annotate(count=Count("id"))
        .order_by("state")
    )
    by_state = dict(counts)
    failed = by_state.get(State.ERROR, 0)
    errors = (
        [tuple(row) for row in fetch_all(_ERRORS_SQL, [task.pk, _MOST_GROUPS])] if failed else []
    )
    return ItemFigures(by_state, errors)


def list_children(task: TaskExecution) -> list[WorkflowExecution]:
    """List the sub-workflows of a task."""
    return list(
        WorkflowExecution.objects.filter(parent_task_id=task.pk)
        .only(
            "workflow_name",
            "state",
            "state_info",
            "item_index",
            "created_at",
            "updated_at",
            "finished_at",
            "round",
        )
        .order_by("item_index", "-round", "created_at")[:_MOST_CHILDREN]
    )


def list_ways(task: TaskExecution) -> list[Way]:
    """List where the definition leads from a task, and which of it this run followed."""
    spec = find_task_spec(task)
    if spec is None:
        return []
    taken = ways_from(task)
    found = []
    for name, clause in named_clauses(spec):
        for way in clause.next:
            guard = "" if isinstance(way.guard, Missing) else str(way.guard)
            is_taken = (way.target, name) in taken
            found.append(Way(name, way.target, guard, is_taken))
    return found


def find_task_spec(task: TaskExecution) -> TaskSpec | None:
    """Return the task as the definition has it."""
    return load_spec(task.execution.revision).spec.tasks.get(task.name)


def describe_policies(spec: TaskSpec | None) -> list[tuple[str, str]]:
    """List the policies in force, as written."""
    if spec is None:
        return []
    policies = spec.policies
    shown = {
        "wait-before": policies.wait_before,
        "wait-after": policies.wait_after,
        "pause-before": policies.pause_before,
        "timeout": policies.timeout,
        "concurrency": policies.concurrency,
        "fail-on": policies.fail_on,
        "join": spec.join,
        "target": spec.target,
        "safe-rerun": spec.safe_rerun or None,
    }
    found = [(name, str(value)) for name, value in shown.items() if value is not None]
    if policies.retry is not None:
        found.append(("retry", f"{policies.retry.count} times, {policies.retry.delay} s apart"))
    if spec.with_items:
        names = ", ".join(f"{item.variable} in {item.items}" for item in spec.with_items)
        found.append(("with-items", names))
    return found


def find_causes_of_start(task: TaskExecution) -> list[tuple[TaskExecution, str]]:
    """List the tasks that led to this one, and by which clause."""
    clauses = ways_to(task)
    rows = TaskExecution.objects.filter(pk__in=clauses).only("name", "state")
    return [(row, clauses[row.pk]) for row in rows.order_by("created_at", "id")[:_MOST_CHILDREN]]


def _with_processes(actions: Sequence[ActionExecution]) -> list[Attempt]:
    ids = {action.process_id for action in actions if action.process_id is not None}
    processes = {one.pk: one for one in WorkerProcess.objects.filter(pk__in=ids)}
    return [
        Attempt(action, processes.get(action.process_id) if action.process_id else None)
        for action in actions
    ]
