"""Failed tasks that somebody lets run again or passes over, and what that means for parents."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from workflows.canvas import Work, ring
from workflows.engine.events import (
    ChildRevived,
    Event,
    RerunAsked,
    SkipAsked,
)
from workflows.engine.states import State
from workflows.errors import (
    NotFound,
    RequestInvalid,
    WorkflowsError,
)
from workflows.jsontypes import JSONObject
from workflows.models import (
    TaskExecution,
    WorkflowExecution,
)
from workflows.services.advancing.advance import change
from workflows.services.advancing.store import LockedExecution
from workflows.services.operation.service_status import require_running


def rerun_task(
    task_id: UUID,
    *,
    reset: bool,
    env: JSONObject | None = None,
    actor: str = "",
    reason: str = "",
) -> None:
    """Run a failed task again, and with it its execution and all that started it."""
    task = _get_task(task_id)
    _change_failed_task(task, RerunAsked(task_id, reset, env or {}), env, actor, reason)


def skip_task(
    task_id: UUID, *, env: JSONObject | None = None, actor: str = "", reason: str = ""
) -> None:
    """Pass over a failed task, and bring its execution and all that started it back to life."""
    task = _get_task(task_id)
    _change_failed_task(task, SkipAsked(task_id, env or {}), env, actor, reason)


def _change_failed_task(
    task: TaskExecution,
    event: RerunAsked | SkipAsked,
    env: JSONObject | None,
    actor: str,
    reason: str,
) -> None:
    execution = task.execution
    require_running()
    if env and execution.state == State.CANCELLED:
        raise RequestInvalid("The env of a cancelled execution cannot be changed.")
    ancestors = _ancestors(execution)
    for ancestor, _ in ancestors:
        if ancestor.state == State.SUCCESS:
            raise RequestInvalid(
                f"Can't change workflow execution state from SUCCESS to RUNNING. "
                f"[workflow={ancestor.workflow_name}, execution_id={ancestor.id}]"
            )
    if execution.state == State.PAUSED:
        return

    def make_events(locked: LockedExecution) -> Sequence[Event]:
        require_running()
        return [event]

    child_id = execution.id
    for ancestor, parent_task_id in ancestors:
        if ancestor.state == State.PAUSED:
            break
        revived = ChildRevived(parent_task_id, child_id)
        change(
            ancestor.id,
            lambda locked, revived=revived: [revived],  # type: ignore[misc]
            actor=actor,
            reason=reason,
        )
        child_id = ancestor.id
    try:
        change(execution.id, make_events, actor=actor, reason=reason)
    except WorkflowsError:
        # Nothing runs again below, so what was revived above has to take note of the end anew.
        WorkflowExecution.objects.filter(id=execution.id).update(is_handled=False)
        ring(Work(executions=tuple(ancestor.id for ancestor, _ in ancestors)))
        raise


def _ancestors(execution: WorkflowExecution) -> list[tuple[WorkflowExecution, UUID]]:
    """The executions above one, each with its task that started the one below, nearest first."""
    found = []
    while execution.parent_task_id is not None:
        task = TaskExecution.objects.select_related("execution").get(id=execution.parent_task_id)
        found.append((task.execution, task.id))
        execution = task.execution
    return found


def _get_task(task_id: UUID) -> TaskExecution:
    task = TaskExecution.objects.select_related("execution").filter(id=task_id).first()
    if task is None:
        raise NotFound(f"Task execution not found [id={task_id}]")
    return task
