"""Changes of executions: when they make sense, and how they are carried out for one or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from workflows.engine.states import FINAL, State
from workflows.errors import NotFound, WorkflowsError
from workflows.models import TaskExecution, WorkflowExecution
from workflows.services.executions.executions import change_state, delete_execution
from workflows.services.executions.reruns import rerun_task, skip_task
from workflows.services.executions.visible import visible_executions
from workflows.services.identity.identity import Caller
from workflows.services.pages.root_cause import find_causes
from workflows.services.pages.run_lists import RunFilter, narrow

# Executions that one request changes; more take as many requests.
MOST_AT_ONCE: Final = 500
_LIVE: Final = frozenset({State.RUNNING, State.PAUSED, State.IDLE})


class BulkChange(StrEnum):
    """What may be done to many at once."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RERUN = "rerun"
    DELETE = "delete"


# The states in which a change makes sense; others are left alone.
FITTING: Final[Mapping[BulkChange, frozenset[State]]] = {
    BulkChange.PAUSE: frozenset({State.RUNNING}),
    BulkChange.RESUME: frozenset({State.PAUSED}),
    BulkChange.CANCEL: _LIVE,
    BulkChange.RERUN: frozenset({State.ERROR}),
    BulkChange.DELETE: FINAL,
}
# The states of a task that may run again or be passed over.
FAILED_TASK: Final = frozenset({State.ERROR})


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would meet."""

    fitting: Sequence[WorkflowExecution]
    others: Mapping[str, int]
    is_cut: bool


@dataclass(slots=True)
class Outcome:
    """What became of a change: the ids of the rows that were changed, and why others were not."""

    done: list[UUID] = field(default_factory=list)
    refused: list[tuple[UUID, str]] = field(default_factory=list)


def preview_bulk(
    caller: Caller, change: BulkChange, chosen: Iterable[UUID] | None, wanted: RunFilter
) -> Preview:
    """Find the executions that are chosen, or without a choice all that fit the filter."""
    rows = visible_executions(caller)
    rows = narrow(rows, wanted) if chosen is None else rows.filter(pk__in=list(chosen))
    found = list(
        rows.only("workflow_name", "state", "created_at").order_by("-created_at", "-id")[
            : MOST_AT_ONCE + 1
        ]
    )
    is_cut, found = len(found) > MOST_AT_ONCE, found[:MOST_AT_ONCE]
    fitting = [row for row in found if row.state in FITTING[change]]
    others = Counter(row.state for row in found if row.state not in FITTING[change])
    # A plain mapping: a template takes `items` of a counter for a key.
    return Preview(fitting, dict(others), is_cut)


def change_many(
    caller: Caller, change: BulkChange, execution_ids: Sequence[UUID], reason: str
) -> Outcome:
    """Carry out the change one by one; what one of them refuses stops none of the others."""
    allowed = visible_executions(caller).filter(pk__in=execution_ids[:MOST_AT_ONCE])
    outcome = Outcome()
    for row in allowed.only("id"):
        try:
            change_one(change, row.pk, caller, reason)
            outcome.done.append(row.pk)
        except NotFound:
            continue
        except WorkflowsError as error:
            outcome.refused.append((row.pk, error.message))
    return outcome


def change_one(change: BulkChange, execution_id: UUID, caller: Caller, reason: str) -> None:
    """Carry out the change of one execution."""
    _CHANGES[change](execution_id, caller, reason)


def change_tasks(
    execution_id: UUID, task_ids: Sequence[UUID], caller: Caller, reason: str, *, skip: bool
) -> Outcome:
    """Rerun or skip failed tasks of one execution, one by one; of items only the failed ones."""
    tasks = TaskExecution.objects.filter(
        execution_id=execution_id, pk__in=task_ids[:MOST_AT_ONCE], state__in=FAILED_TASK
    ).only("items_total")
    outcome = Outcome()
    for task in tasks.order_by("created_at", "id"):
        try:
            if skip:
                skip_task(task.pk, actor=caller.name, reason=reason)
            else:
                reset = task.items_total is None
                rerun_task(task.pk, reset=reset, actor=caller.name, reason=reason)
            outcome.done.append(task.pk)
        except WorkflowsError as error:
            outcome.refused.append((task.pk, error.message))
    return outcome


def rerun_failed(execution_id: UUID, caller: Caller, reason: str) -> int:
    """Run the tasks again that a failed execution failed of, however deep they are.

    With-items tasks run only their failed items again. Returns how many tasks.
    """
    execution = WorkflowExecution.objects.filter(pk=execution_id).first()
    if execution is None:
        raise NotFound(f"WorkflowExecution not found [id={execution_id}]")
    causes = [one for cause in find_causes(execution) for one in (cause, *cause.same)]
    tasks = {cause.task.pk: cause.task for cause in causes if cause.task.state == State.ERROR}
    if not tasks:
        raise NotFound("There is no failed task that could run again.")
    for task in tasks.values():
        rerun_task(task.pk, reset=task.items_total is None, actor=caller.name, reason=reason)
    return len(tasks)


def _pause(execution_id: UUID, caller: Caller, reason: str) -> None:
    change_state(execution_id, State.PAUSED, state_info=reason, actor=caller.name, reason=reason)


def _resume(execution_id: UUID, caller: Caller, reason: str) -> None:
    change_state(execution_id, State.RUNNING, actor=caller.name, reason=reason)


def _cancel(execution_id: UUID, caller: Caller, reason: str) -> None:
    change_state(execution_id, State.CANCELLED, state_info=reason, actor=caller.name, reason=reason)


def _delete(execution_id: UUID, caller: Caller, reason: str) -> None:
    delete_execution(execution_id, force=False)


_CHANGES: Final[Mapping[BulkChange, Callable[[UUID, Caller, str], object]]] = {
    BulkChange.PAUSE: _pause,
    BulkChange.RESUME: _resume,
    BulkChange.CANCEL: _cancel,
    BulkChange.RERUN: rerun_failed,
    BulkChange.DELETE: _delete,
}
