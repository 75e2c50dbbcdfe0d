"""What the API shows as the runtime context of tasks, put together from columns and definitions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from django.db.models import Count, Q

from workflows.engine.states import State
from workflows.jsontypes import JSONObject
from workflows.language.specs import TaskSpec
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.definitions.definitions import load_specs

# What `runtime_contexts` reads of its tasks.
CONTEXT_COLUMNS: Final = (
    "name",
    "triggered_by",
    "attempt",
    "items_total",
    "concurrency",
    "execution__revision_id",
)

# Items that the end of the execution has closed still hold their place.
_BUSY: Final = Q(state__in=(State.RUNNING, State.PAUSED))


def runtime_contexts(tasks: Sequence[TaskExecution]) -> dict[uuid.UUID, JSONObject]:
    """Return the runtime context of each task; the number of queries does not grow with them."""
    specs = load_specs(task.execution.revision_id for task in tasks)
    busy = _count_busy([task.pk for task in tasks if task.concurrency])
    contexts = {}
    for task in tasks:
        loaded = specs.get(task.execution.revision_id)
        spec = loaded.spec.tasks.get(task.name) if loaded is not None else None
        contexts[task.pk] = _context(task, spec, busy.get(task.pk, 0))
    return contexts


def _context(task: TaskExecution, spec: TaskSpec | None, busy: int) -> JSONObject:
    context: JSONObject = {}
    if task.triggered_by:
        context["triggered_by"] = task.triggered_by
    if spec is not None and spec.policies.wait_before:
        context["wait_before_policy"] = {"skip": True}
    if task.attempt or (spec is not None and spec.policies.retry is not None):
        context["retry_task_policy"] = {"retry_no": task.attempt}
    if task.concurrency:
        context["concurrency"] = task.concurrency
    if task.items_total is not None:
        capacity = max(0, task.concurrency - busy) if task.concurrency else None
        context["with_items"] = {"count": task.items_total, "capacity": capacity}
    return context


def _count_busy(task_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Count the items at work, of the tasks that limit them."""
    if not task_ids:
        return {}
    counts: dict[uuid.UUID, int] = {}
    actions = ActionExecution.objects.filter(_BUSY | Q(is_closed=True), task_id__in=task_ids)
    counts.update(actions.values_list("task_id").annotate(Count("id")))
    children = WorkflowExecution.objects.filter(_BUSY, parent_task_id__in=task_ids)
    for key, count in children.values_list("parent_task_id").annotate(Count("id")):
        counts[key] = counts.get(key, 0) + count
    return counts
