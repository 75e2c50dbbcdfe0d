"""A workflow that is started by a message, such as one that beat's admin pages send."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from workflows.errors import RequestInvalid
from workflows.models import WorkflowExecution
from workflows.services.executions.executions import start_execution
from workflows.services.triggers.periodic_tasks import Arguments, get_project


def start_scheduled(message_id: str, arguments: dict[str, Any]) -> WorkflowExecution:
    """Start the workflow that the arguments name; a message that comes twice starts it once."""
    read = Arguments.read(arguments)
    if not message_id:
        raise RequestInvalid("The message has no id.")
    return start_execution(
        project_id=get_project(read.project).pk,
        workflow=read.workflow,
        namespace=read.namespace,
        input=read.input,
        params=read.params,
        execution_id=uuid5(NAMESPACE_OID, f"levante:{message_id}"),
        actor="start_scheduled",
    )
