"""Executions below an execution or task, and the report over them; reads only."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Avg, F, Q
from django.utils import timezone

from workflows.engine.states import State
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.definitions.definitions import load_specs

# How many earlier runs an estimate looks at.
_SAMPLE: Final = 20

# Ids in one query; a tree may have more tasks than a statement should have parameters.
_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class Branch:
    """One execution of a tree, without its data, and what its tasks started."""

    id: uuid.UUID
    parent_task_id: uuid.UUID | None
    level: int


@dataclass(slots=True)
class Report:
    """The tree of a report, as rows grouped by what they belong to."""

    executions: dict[uuid.UUID, WorkflowExecution]
    expanded: frozenset[uuid.UUID]
    tasks: dict[uuid.UUID, list[TaskExecution]] = field(default_factory=dict)
    actions: dict[uuid.UUID, list[ActionExecution]] = field(default_factory=dict)
    children: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)
    retried: frozenset[uuid.UUID] = frozenset()

    def counted(self) -> Iterator[TaskExecution]:
        for tasks in self.tasks.values():
            yield from tasks


def walk_execution(
    execution: WorkflowExecution, *, max_depth: int = -1, errors_only: bool = False
) -> list[Branch]:
    """List the execution and all below it, depth first; a negative depth is no limit.

    With `errors_only` only the sub-workflows of failed tasks are entered.
    """
    below = _children(execution.root_execution_id or execution.pk, errors_only=errors_only)
    return list(_descend(Branch(execution.pk, None, 0), below, max_depth))


def walk_task(
    task: TaskExecution, *, max_depth: int = -1, errors_only: bool = False
) -> list[Branch]:
    """List the sub-workflows of one task and all below them, depth first."""
    if errors_only and task.state != State.ERROR:
        return []
    root = task.execution.root_execution_id or task.execution_id
    below = _children(root, errors_only=errors_only)
    top = below.get(task.execution_id, [])
    found: list[Branch] = []
    for key, parent_task_id in top:
        if parent_task_id == task.pk:
            found.extend(_descend(Branch(key, parent_task_id, 0), below, max_depth))
    return found


_Below = Mapping[uuid.UUID, list[tuple[uuid.UUID, uuid.UUID]]]


def _children(root_id: uuid.UUID, *, errors_only: bool) -> _Below:
    """Read the skeleton of a whole tree: per execution its children, in the order of tasks."""
    rows = WorkflowExecution.objects.filter(root_execution_id=root_id)
    if errors_only:
        rows = rows.filter(parent_task__state=State.ERROR)
    below: dict[uuid.UUID, list[tuple[uuid.UUID, uuid.UUID]]] = defaultdict(list)
    for parent, key, parent_task_id in rows.order_by(
        "parent_task__created_at", "parent_task_id", "item_index", "created_at", "id"
    ).values_list("parent_task__execution_id", "id", "parent_task_id"):
        below[parent].append((key, parent_task_id))
    return below


def _descend(branch: Branch, below: _Below, max_depth: int) -> Iterator[Branch]:
    """Yield the branch and all below it; a stack, since trees may be deep."""
    stack = [branch]
    while stack:
        current = stack.pop()
        yield current
        if 0 <= max_depth <= current.level:
            continue
        for key, parent_task_id in reversed(below.get(current.id, [])):
            stack.append(Branch(key, parent_task_id, current.level + 1))


def load_report(
    execution: WorkflowExecution, *, max_depth: int = -1, errors_only: bool = False
) -> Report:
    """Read what a report shows: executions, tasks and actions down to a depth.

    Sub-workflows right below the last level appear without their tasks.
    """
    limit = max_depth + 1 if max_depth >= 0 else -1
    branches = walk_execution(execution, max_depth=limit, errors_only=errors_only)
    expanded = [found.id for found in branches if max_depth < 0 or found.level <= max_depth]
    report = Report(executions=_executions(branches), expanded=frozenset(expanded))
    for found in branches:
        if found.parent_task_id is not None:
            report.children.setdefault(found.parent_task_id, []).append(found.id)
    for task in _tasks(expanded, errors_only=errors_only):
        report.tasks.setdefault(task.execution_id, []).append(task)
    for action in _actions([task.pk for task in report.counted()]):
        if action.task_id is not None:
            report.actions.setdefault(action.task_id, []).append(action)
    report.retried = _with_retry_policy(report)
    return report


def count_tasks(
    execution: WorkflowExecution, *, max_depth: int = -1, errors_only: bool = False
) -> list[TaskExecution]:
    """Read only the tasks that a report counts."""
    branches = walk_execution(execution, max_depth=max_depth, errors_only=errors_only)
    return list(_tasks([found.id for found in branches], errors_only=errors_only))


def _executions(branches: Iterable[Branch]) -> dict[uuid.UUID, WorkflowExecution]:
    found: dict[uuid.UUID, WorkflowExecution] = {}
    for keys in _batches([branch.id for branch in branches]):
        rows = WorkflowExecution.objects.filter(pk__in=keys).only(
            "workflow_name", "revision", "state", "state_info", "created_at", "updated_at"
        )
        found.update({row.pk: row for row in rows})
    return found


def _tasks(execution_ids: list[uuid.UUID], *, errors_only: bool) -> Iterator[TaskExecution]:
    wanted = Q(state=State.ERROR) if errors_only else Q()
    for keys in _batches(execution_ids):
        yield from (
            TaskExecution.objects.filter(wanted, execution_id__in=keys)
            .only("execution", "name", "state", "state_info", "created_at", "updated_at", "attempt")
            .order_by("created_at", "id")
        )


def _actions(task_ids: list[uuid.UUID]) -> Iterator[ActionExecution]:
    for keys in _batches(task_ids):
        yield from (
            ActionExecution.objects.filter(task_id__in=keys)
            .exclude(state=State.IDLE)
            .only("task", "name", "state", "state_info", "is_accepted", "created_at", "updated_at")
            .order_by("item_index", "created_at", "id")
        )


def _batches(keys: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _with_retry_policy(report: Report) -> frozenset[uuid.UUID]:
    """Name the tasks of the report whose definition has a retry policy."""
    revisions = {key: row.revision_id for key, row in report.executions.items()}
    specs = load_specs(revisions.values())
    found = set()
    for task in report.counted():
        loaded = specs.get(revisions[task.execution_id])
        spec = loaded.spec.tasks.get(task.name) if loaded is not None else None
        if spec is not None and spec.policies.retry is not None:
            found.add(task.pk)
    return frozenset(found)


def estimate_seconds(execution: WorkflowExecution, now: datetime | None = None) -> int:
    """Guess how long a running execution still takes, from earlier successful ones.

    0 if it is not running, -1 without earlier ones, else at least 1.
    """
    if execution.state != State.RUNNING:
        return 0
    earlier = (
        WorkflowExecution.objects.filter(
            project_id=execution.project_id,
            workflow_id=execution.workflow_id,
            state=State.SUCCESS,
            finished_at__isnull=False,
        )
        .order_by("-created_at")
        .annotate(duration=F("finished_at") - F("created_at"))[:_SAMPLE]
    )
    mean: timedelta | None = earlier.aggregate(mean=Avg("duration"))["mean"]
    if mean is None:
        return -1
    elapsed = (now or timezone.now()) - execution.created_at
    return max(1, round((mean - elapsed).total_seconds()))
