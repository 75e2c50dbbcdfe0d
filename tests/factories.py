"""Things that database tests start from, and the work of a worker done in the test itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from workflows.models import ActionExecution, Project, Role, TaskExecution, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions.executions import start_execution
from workflows.services.identity.identity import Caller
from workflows.services.running.lanes import run_lane
from workflows.services.running.turn import take_turn


def make_caller(name: str = "team", role: Role = Role.AUTHOR) -> Caller:
    project, _ = Project.objects.get_or_create(name=name)
    return Caller(project.pk, role, name="ann")


def start(text: str, *, caller: Caller | None = None, **given: Any) -> WorkflowExecution:
    """Upload a document, start its first workflow and make its first tasks."""
    caller = caller or make_caller()
    workflow = create_workflows(caller=caller, text=text, namespace="", scope="private")[0]
    execution = start_execution(
        project_id=caller.project_id,
        workflow=workflow.name,
        input=given.get("input", {}),
        params=given.get("params", {}),
    )
    advance(execution.id)
    execution.refresh_from_db()
    return execution


def work(execution: WorkflowExecution) -> WorkflowExecution:
    """Do what workers would do until nothing is ready, and read the execution anew."""
    while ready := ready_actions(execution.id):
        for action in ready:
            if action.task is not None and action.task.items_total is not None:
                run_lane(action.task.id, action.target)
            else:
                take_turn(action.id, execution.id, action.target)
        advance(execution.id)
    execution.refresh_from_db()
    return execution


def ready_actions(execution_id: UUID) -> list[ActionExecution]:
    """The actions that wait for a worker."""
    return list(
        ActionExecution.objects.filter(
            execution_id=execution_id, state="RUNNING", token=None, is_inline=False
        ).select_related("task")
    )


def states(execution: WorkflowExecution) -> dict[str, str]:
    """The state of the newest run of each task."""
    tasks = TaskExecution.objects.filter(execution=execution).order_by("created_at")
    return {task.name: task.state for task in tasks}
