"""Single payloads of executions, tasks and actions, read when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.db.models import Model, QuerySet

from workflows.errors import NotFound
from workflows.jsontypes import JSONValue
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.advancing.contexts import load_contexts
from workflows.services.advancing.results import task_result
from workflows.services.executions.visible import narrow_to_visible
from workflows.services.identity.identity import Caller
from workflows.services.triggers.notification_events import hide_secrets

_Read = Callable[[UUID], JSONValue]


def read_payload(caller: Caller, kind: str, identity: UUID, what: str) -> JSONValue:
    """Return one payload; None if there is nothing. Raises NotFound for what is not visible."""
    model, reads = _KINDS.get(kind, (None, {}))
    read = reads.get(what)
    if model is None or read is None:
        raise NotFound("There is no such data.")
    rows: QuerySet[Model] = model._default_manager.filter(pk=identity)
    if not narrow_to_visible(caller, rows).exists():
        raise NotFound(f"There is no such data, or it is not yours to see [{identity}].")
    return read(identity)


def _column(model: type[Model], name: str) -> _Read:
    def read(identity: UUID) -> JSONValue:
        value: JSONValue = model._default_manager.values_list(name, flat=True).get(pk=identity)
        return value

    return read


def _environment(identity: UUID) -> JSONValue:
    params = WorkflowExecution.objects.values_list("params", flat=True).get(pk=identity)
    return params.get("env") if isinstance(params, dict) else None


def _other_params(identity: UUID) -> JSONValue:
    params = WorkflowExecution.objects.values_list("params", flat=True).get(pk=identity)
    return hide_secrets({name: value for name, value in params.items() if name != "env"})


def _context(identity: UUID) -> JSONValue:
    context_id = TaskExecution.objects.values_list("context_id", flat=True).get(pk=identity)
    if context_id is None:
        return None
    return dict(load_contexts([context_id])[context_id].variables)


def _result(identity: UUID) -> JSONValue:
    return task_result(TaskExecution.objects.only("type", "items_total").get(pk=identity))


def _action_result(identity: UUID) -> JSONValue:
    output = ActionExecution.objects.values_list("output", flat=True).get(pk=identity)
    return output.get("result") if isinstance(output, dict) else output


_KINDS: Final[Mapping[str, tuple[type[Model], Mapping[str, _Read]]]] = {
    "executions": (
        WorkflowExecution,
        {
            "input": _column(WorkflowExecution, "input"),
            "output": _column(WorkflowExecution, "output"),
            "globals": _column(WorkflowExecution, "globals"),
            "env": _environment,
            "params": _other_params,
        },
    ),
    "tasks": (
        TaskExecution,
        {
            "context": _context,
            "published": _column(TaskExecution, "published"),
            "published_global": _column(TaskExecution, "published_global"),
            "result": _result,
        },
    ),
    "actions": (
        ActionExecution,
        {"input": _column(ActionExecution, "input"), "output": _action_result},
    ),
}
