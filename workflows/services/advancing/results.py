"""The result of a task, computed from its accepted actions or sub-workflows."""

from __future__ import annotations

from workflows.jsontypes import JSONValue
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution


def task_result(task: TaskExecution) -> JSONValue:
    """Return what `task(name).result` and the API show.

    A with-items task has a list in the order of its items. Any other task has the value of its
    one accepted run, be it a success or an error, and an empty list while there is none.
    """
    results = _child_outputs(task) if task.type == "WORKFLOW" else _action_results(task)
    if task.items_total is None and len(results) == 1:
        return results[0]
    return results


def _action_results(task: TaskExecution) -> list[JSONValue]:
    outputs = (
        ActionExecution.objects.filter(task=task, is_accepted=True)
        .order_by("item_index", "created_at", "id")
        .values_list("output", flat=True)
    )
    return [output.get("result") if isinstance(output, dict) else None for output in outputs]


def _child_outputs(task: TaskExecution) -> list[JSONValue]:
    outputs = (
        WorkflowExecution.objects.filter(parent_task=task, is_accepted=True)
        .order_by("item_index", "created_at", "id")
        .values_list("output", flat=True)
    )
    return list(outputs)
