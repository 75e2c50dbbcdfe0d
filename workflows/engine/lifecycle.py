"""Changes of the execution as a whole: pausing, failing, ending with an output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflows.engine.commands import AskChildren, CloseActions, DropTimers, InsertContext
from workflows.engine.contexts import merge
from workflows.engine.events import TaskCannotRun, TaskEnds
from workflows.engine.scope import Scope
from workflows.engine.snapshot import BranchContext
from workflows.engine.states import State
from workflows.errors import WorkflowsError
from workflows.language.specs import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from workflows.engine.draft import Draft
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject, JSONValue

# Tasks named in the message of a failed execution; the others are only counted.
MAX_TASKS_SHOWN: Final = 20


def end_task_later(draft: Draft, task: TaskSnapshot, state: State, state_info: str | None) -> None:
    """Have the task ended by the decision's loop, so that no call nests deeper and deeper."""
    draft.following.append(TaskEnds(task.id, state, state_info))


def fail_by_force_later(draft: Draft, task: TaskSnapshot, message: str) -> None:
    """Have a task that cannot begin fail, after the tasks named beside it have begun."""
    draft.following.append(TaskCannotRun(task.id, message))


def fail_by_force(draft: Draft, task: TaskSnapshot, message: str) -> None:
    """End a task and its execution in ERROR at once; no clause is followed."""
    task = draft.task(task.id)
    task = draft.change_task(
        task,
        state=State.ERROR,
        state_info=message,
        finished_at=draft.tick(),
        is_processed=True,
        waits_for="",
        out_context_id=task.out_context_id or task.context_id,
    )
    draft.do(DropTimers(task.id))
    if not draft.is_over:
        finish(draft, State.ERROR, describe_failed_tasks([task]))


def pause(draft: Draft, reason: str | None) -> None:
    """Pause the execution and its unfinished sub-workflows."""
    if draft.is_running:
        draft.change_execution(state=State.PAUSED, state_info=reason)
        draft.do(AskChildren(State.PAUSED))


def check_completion(draft: Draft) -> None:
    """End the execution if nothing is left to do."""
    if not draft.is_running or not draft.execution.is_started or draft.execution.backlog:
        return
    if draft.has_unfinished_task():
        return
    troubled = draft.troubled_tasks()
    cancelled = sorted({task.name for task in troubled if task.state is State.CANCELLED})
    if cancelled:
        finish(draft, State.CANCELLED, f"Cancelled tasks: {', '.join(cancelled)}")
    elif troubled:
        finish(draft, State.ERROR, describe_failed_tasks(troubled))
    else:
        finish(draft, State.SUCCESS, None)


def finish(draft: Draft, state: State, state_info: str | None) -> None:
    """Bring the execution to its end, with the output of that end."""
    output: JSONValue = {"result": state_info}
    if state is State.SUCCESS:
        try:
            output = _success_output(draft)
        except WorkflowsError as error:
            state, state_info = State.ERROR, f"Failed to evaluate the output: {error.message}"
    if state is State.ERROR:
        output, state_info = _error_output(draft, state_info)
    draft.change_execution(
        state=state,
        state_info=state_info,
        output=output,
        finished_at=draft.tick(),
        backlog=(),
    )


def close_tasks(draft: Draft, *, with_running: bool) -> None:
    """Close what is still open when the execution has ended.

    Tasks that wait are closed always. Running ones end by themselves after a `fail` or `succeed`,
    but are closed when a person has stopped the execution; a sub-workflow is left to its own end.
    """
    for task in draft.unfinished_tasks():
        is_at_work = task.state in (State.RUNNING, State.PAUSED)
        if task.waits_for == "wait-after" and not with_running:
            continue
        if is_at_work and (not with_running or task.type == "WORKFLOW"):
            continue
        draft.change_task(
            task,
            state=State.CANCELLED,
            closed_from=str(task.state),
            finished_at=draft.tick(),
            is_processed=True,
        )
        draft.do(DropTimers(task.id))
        if is_at_work:
            draft.do(CloseActions(task.id))


def final_context(draft: Draft) -> BranchContext:
    """Merge the variables of all branches at their ends; a reverse workflow has its target's."""
    ends = draft.ends_of_branches()
    if draft.spec.type == "reverse":
        target = draft.execution.params.get("task_name")
        ends = [end for end in ends if end.name == target]
    ids = list(dict.fromkeys(end.context_id for end in reversed(ends) if end.context_id))
    return merge(draft.contexts(reversed(ids)))


def store_context(
    draft: Draft,
    context: BranchContext,
    base_id: UUID | None,
    changed: Mapping[str, JSONValue],
    changed_versions: Mapping[str, JSONValue],
) -> UUID:
    """Make a context part of the decision and give its id."""
    stored = BranchContext(draft.new_id(), context.variables, context.versions)
    return draft.insert_context(InsertContext(stored, base_id, changed, changed_versions))


def describe_failed_tasks(tasks: Sequence[TaskSnapshot]) -> str:
    """Give the message of an execution that failed because of these tasks."""
    ordered = sorted(tasks, key=lambda task: task.finished_at or task.created_at)
    names = ", ".join(dict.fromkeys(task.name for task in ordered))
    shown = ordered[:MAX_TASKS_SHOWN]
    lines = [f"  {task.name} [task_ex_id={task.id}] -> {task.state_info}" for task in shown]
    if len(ordered) > len(shown):
        lines.append(f"  and {len(ordered) - len(shown)} more")
    return f"Failure caused by error in tasks: {names}\n\n" + "\n".join(lines) + "\n"


def _success_output(draft: Draft) -> JSONValue:
    context = final_context(draft)
    if isinstance(draft.spec.output, Missing) or not draft.spec.output:
        return dict(context.variables)
    return Scope(draft, branch=context.variables).evaluate(draft.spec.output)


def _error_output(draft: Draft, message: str | None) -> tuple[JSONObject, str | None]:
    """Give the output of a failed run and its message, which a failing clause replaces."""
    context = final_context(draft)
    if isinstance(draft.spec.output_on_error, Missing) or not draft.spec.output_on_error:
        return {"result": message, **context.variables}, message
    try:
        value = Scope(draft, branch=context.variables).evaluate(draft.spec.output_on_error)
    except WorkflowsError as error:
        text = f"Failed to evaluate output-on-error: {error.message}"
        message = f"{message}\n{text}" if message else text
        return {"result": message}, message
    return {"result": message, **(value if isinstance(value, dict) else {})}, message
