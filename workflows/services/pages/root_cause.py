"""Why a run failed: from the failed run down through sub-workflows to the attempts that failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from workflows.engine.states import State
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution

# Failures that are looked at; behind them counts say how many more there are.
MOST_TASKS: Final = 200
MOST_DEPTH: Final = 50
# Characters of a text by which failures count as the same.
_SAME: Final = 160
_SHOWN: Final = 4_000


class FailureKind(StrEnum):
    """What kind of failure ends a chain."""

    ACTION = "action failed"
    TIMEOUT = "time-out"
    LOST_WORKER = "worker was lost"
    CANCELLED = "cancelled"
    EXPRESSION = "expression failed"
    DEFINITION = "could not be carried out"


_NEXT_STEPS: Final = {
    FailureKind.ACTION: "Mend what the action complains about, then run the task again.",
    FailureKind.TIMEOUT: "Give the task a longer timeout, or run it again.",
    FailureKind.LOST_WORKER: "The outcome is unknown: look whether it took effect, then run the"
    " task again or skip it.",
    FailureKind.CANCELLED: "Somebody ended it. Run the task again if it is wanted after all.",
    FailureKind.EXPRESSION: "Correct the expression in the definition, and start a new run.",
    FailureKind.DEFINITION: "Correct the definition or its input, and start a new run.",
}
_MARKS: Final = (
    (FailureKind.TIMEOUT, ("timeout", "timed out", "time-out")),
    (FailureKind.LOST_WORKER, ("outcome is unknown", "worker was lost", "process that ran")),
    (FailureKind.EXPRESSION, ("can not evaluate", "cannot evaluate", "expression")),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A run and the task in it that failed."""

    execution: WorkflowExecution
    task: TaskExecution


@dataclass(slots=True)
class Cause:
    """One end of the search: the way to it from the top, and what is there."""

    steps: tuple[Step, ...]
    action: ActionExecution | None
    text: str
    kind: FailureKind
    failed_attempts: int = 1
    same: list[Cause] = field(default_factory=list)

    @property
    def task(self) -> TaskExecution:
        return self.steps[-1].task

    @property
    def execution(self) -> WorkflowExecution:
        return self.steps[-1].execution

    @property
    def was_handled(self) -> bool:
        """Tell whether a workflow dealt with a failure on the way, and ended in an error anyway."""
        return any(step.task.is_error_handled for step in self.steps)

    @property
    def next_step(self) -> str:
        return _NEXT_STEPS[self.kind]


def find_causes(execution: WorkflowExecution) -> list[Cause]:
    """Follow the failures of a run down to where they began, the deepest first.

    Where a run ended in an error although it dealt with each of them, as `on-error: fail` does,
    those are followed. Failures with the same text are one, with the others in `same`.
    """
    ends = _ends(execution)
    tasks = [steps[-1].task.pk for steps in ends]
    failures, counts = _last_failures(tasks), _count_failures(tasks)
    causes = [_make_cause(steps, failures, counts) for steps in ends]
    causes.sort(key=lambda one: (-len(one.steps), _ended(one.task)))
    return _group(_without_consequences(causes))


def _without_consequences(causes: list[Cause]) -> list[Cause]:
    """Leave out joins that failed because others did; alone they are all there is to show."""
    own = [one for one in causes if not (one.task.unique_key is not None and one.task.round == 0)]
    return own or causes


def _ends(execution: WorkflowExecution) -> list[tuple[Step, ...]]:
    """Go down level by level, three statements each; the ways that go no further are the ends."""
    found: list[tuple[Step, ...]] = []
    level: dict[UUID, tuple[Step, ...]] = {execution.pk: ()}
    runs = {execution.pk: execution}
    for _ in range(MOST_DEPTH):
        tasks = _failed_tasks([runs[key] for key in level])
        found += _without_tasks(level, tasks)
        children = _failed_children([task.pk for task in tasks])
        below: dict[UUID, tuple[Step, ...]] = {}
        for task in tasks:
            steps = (*level[task.execution_id], Step(runs[task.execution_id], task))
            here = children.get(task.pk, [])
            runs |= {child.pk: child for child in here}
            below |= {child.pk: steps for child in here}
            if not here:
                found.append(steps)
        if not below or len(found) >= MOST_TASKS:
            break
        level = below
    return found[:MOST_TASKS]


def _without_tasks(
    level: Mapping[UUID, tuple[Step, ...]], tasks: Sequence[TaskExecution]
) -> list[tuple[Step, ...]]:
    """Return the ways to runs that failed by themselves, not by a task."""
    if len(tasks) >= MOST_TASKS:
        return []  # who has no task here may have one behind the limit
    with_tasks = {task.execution_id for task in tasks}
    return [steps for key, steps in level.items() if steps and key not in with_tasks]


def _failed_tasks(runs: Sequence[WorkflowExecution]) -> list[TaskExecution]:
    """Read the tasks that the runs failed of: unhandled ones, or else those that were handled."""
    found = _read_tasks(_UNHANDLED, runs)
    explained = {task.execution_id for task in found}
    others = [run for run in runs if run.state == State.ERROR and run.pk not in explained]
    if not others or len(found) >= MOST_TASKS:
        return found
    handled = _read_tasks(_HANDLED, others)
    # A failure that no task followed has ended its run; others are a guess.
    certain = {task.execution_id for task in handled if not task.has_followers}
    return found + [
        task for task in handled if not (task.has_followers and task.execution_id in certain)
    ]


_UNHANDLED: Final = Q(state=State.ERROR, is_error_handled=False) | Q(state=State.CANCELLED)
_HANDLED: Final = Q(state=State.ERROR, is_error_handled=True)


def _read_tasks(which: Q, runs: Iterable[WorkflowExecution]) -> list[TaskExecution]:
    return list(
        TaskExecution.objects.filter(which, execution_id__in=[run.pk for run in runs])
        .only(
            "execution_id",
            "name",
            "type",
            "state",
            "state_info",
            "is_error_handled",
            "has_followers",
            "finished_at",
            "created_at",
            "items_total",
            "attempt",
            "unique_key",
            "round",
        )
        .order_by("finished_at", "id")[:MOST_TASKS]
    )


def _failed_children(task_ids: Sequence[UUID]) -> dict[UUID, list[WorkflowExecution]]:
    found: dict[UUID, list[WorkflowExecution]] = {}
    rows = (
        WorkflowExecution.objects.filter(
            parent_task_id__in=task_ids, state__in=(State.ERROR, State.CANCELLED)
        )
        .only("workflow_name", "state", "state_info", "parent_task_id", "item_index", "round")
        .order_by("round", "item_index", "id")
    )
    latest: dict[tuple[UUID | None, int], WorkflowExecution] = {}
    for child in rows[:MOST_TASKS]:
        latest[child.parent_task_id, child.item_index] = child
    for child in latest.values():
        if child.parent_task_id is not None:
            found.setdefault(child.parent_task_id, []).append(child)
    return found


def _failed_attempts(task_ids: Sequence[UUID]) -> QuerySet[ActionExecution]:
    return ActionExecution.objects.filter(
        task_id__in=task_ids, state__in=(State.ERROR, State.CANCELLED)
    )


def _last_failures(task_ids: Sequence[UUID]) -> dict[UUID | None, ActionExecution]:
    """Read the last failed attempt of each task, whose text is shown; of items the first one."""
    rows = _failed_attempts(task_ids).defer("input", "base_input")
    last = rows.order_by("task_id", "-attempt", "item_index", "-created_at").distinct("task_id")
    return {action.task_id: action for action in last}


def _count_failures(task_ids: Sequence[UUID]) -> dict[UUID | None, int]:
    """Count the failed attempts of each task, without reading what they say."""
    counts = _failed_attempts(task_ids).values_list("task_id").annotate(count=Count("id"))
    return dict(counts.order_by("task_id"))


def _make_cause(
    steps: tuple[Step, ...],
    failures: Mapping[UUID | None, ActionExecution],
    counts: Mapping[UUID | None, int],
) -> Cause:
    task = steps[-1].task
    action = failures.get(task.pk)
    text = _text_of(action) or task.state_info or steps[-1].execution.state_info or ""
    return Cause(
        steps=steps,
        action=action,
        text=text[:_SHOWN],
        kind=_kind(task, action, text),
        failed_attempts=counts.get(task.pk, 0),
    )


def _text_of(action: ActionExecution | None) -> str:
    """Return what an attempt says about its failure."""
    if action is None:
        return ""
    result = action.output.get("result") if isinstance(action.output, dict) else None
    if isinstance(result, str) and result:
        return result
    return action.state_info or ("" if result is None else str(result))


def _kind(task: TaskExecution, action: ActionExecution | None, text: str) -> FailureKind:
    if task.state == State.CANCELLED:
        return FailureKind.CANCELLED
    lowered = f"{text} {task.state_info or ''}".lower()
    for kind, marks in _MARKS:
        if any(mark in lowered for mark in marks):
            return kind
    return FailureKind.ACTION if action is not None else FailureKind.DEFINITION


def _ended(task: TaskExecution) -> float:
    return (task.finished_at or task.created_at).timestamp()


def _group(causes: Iterable[Cause]) -> list[Cause]:
    groups: dict[tuple[str, str, str], Cause] = {}
    for cause in causes:
        key = (cause.execution.workflow_name, cause.task.name, cause.text[:_SAME])
        if key in groups:
            groups[key].same.append(cause)
        else:
            groups[key] = cause
    return list(groups.values())
