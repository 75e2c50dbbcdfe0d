"""Bringing failed executions back: running a task again, or passing over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import ending, joins, resuming, starting
from workflows.engine.commands import AcceptNothing, ReopenActions
from workflows.engine.states import State
from workflows.errors import RequestInvalid

if TYPE_CHECKING:
    from workflows.engine.draft import Draft
    from workflows.engine.events import ChildRevived, RerunAsked, SkipAsked
    from workflows.engine.snapshot import TaskSnapshot


def rerun(draft: Draft, event: RerunAsked) -> None:
    """Run a failed task again: all of it, or with `reset` False only its failed items."""
    if draft.execution.state is State.PAUSED:
        return
    task = _failed_task(draft, event)
    revive_execution(draft)
    resuming.merge_environment(draft, event.env)
    if _is_failed_join(task):
        task = _reset(draft, task, State.WAITING)
        joins.start_if_ready(draft, task)
        draft.must_check_joins = True
    else:
        _drop_results(draft, task, only_failed=not event.reset)
        starting.begin(draft, _reset(draft, task, State.RUNNING))
    _wake_up(draft)


def skip(draft: Draft, event: SkipAsked) -> None:
    """Pass over a failed task and go on as after it."""
    if draft.execution.state is State.PAUSED:
        return
    task = _failed_task(draft, event)
    revive_execution(draft)
    resuming.merge_environment(draft, event.env)
    published = ending.evaluate_publish(draft, task, State.SKIPPED)
    ending.write_end(draft, task, State.SKIPPED, "Task was skipped.", published)
    _wake_up(draft)


def revive_for_child(draft: Draft, event: ChildRevived) -> None:
    """Run on because a task of a sub-workflow is rerun or skipped."""
    task = draft.task(event.task_id)
    revive_execution(draft)
    if task.state is not State.RUNNING:
        results = [r for r in draft.results(task) if r.state is State.SUCCESS]
        draft.set_results(task, results)
        _reset(draft, task, State.RUNNING)
    _wake_up(draft)


def revive_execution(draft: Draft) -> None:
    """Set an ended execution running again, with what its end had closed."""
    draft.change_execution(revived_at=draft.tick())
    if not draft.is_over:
        return
    draft.change_execution(state=State.RUNNING, state_info=None, output=None, finished_at=None)
    for task in draft.closed_tasks():
        _reopen(draft, task)


def _failed_task(draft: Draft, event: RerunAsked | SkipAsked) -> TaskSnapshot:
    task = draft.task(event.task_id)
    if task.state is not State.ERROR:
        raise RequestInvalid(
            "The current task execution must be in ERROR for rerun. "
            "Only updating task to rerun is supported."
        )
    return task


def _is_failed_join(task: TaskSnapshot) -> bool:
    return task.unique_key is not None and task.round == 0


def _reset(draft: Draft, task: TaskSnapshot, state: State) -> TaskSnapshot:
    """Make a task as if it had not run; its policies count anew."""
    return draft.change_task(
        task,
        state=state,
        state_info=None,
        finished_at=None,
        is_processed=False,
        has_followers=False,
        is_error_handled=False,
        attempt=0,
        has_paused_before=False,
        has_waited_before=False,
        has_waited_after=False,
        waits_for="",
        closed_from="",
        pending=None,
        published={},
        published_global={},
        out_context_id=None,
    )


def _drop_results(draft: Draft, task: TaskSnapshot, *, only_failed: bool) -> None:
    draft.do(AcceptNothing(task.id, task.round, only_failed=only_failed))
    kept = [r for r in draft.results(task) if r.state is State.SUCCESS] if only_failed else []
    draft.set_results(task, kept)


def _reopen(draft: Draft, task: TaskSnapshot) -> None:
    """Bring a task back to where it was when the end of the execution closed it."""
    before = State(task.closed_from)
    task = draft.change_task(
        task, state=before, closed_from="", finished_at=None, is_processed=False
    )
    if before is State.WAITING:
        draft.must_check_joins = True
    elif task.waits_for == "wait-after" and isinstance(task.pending, dict):
        ending.end_pending(draft, task)
    elif before in (State.IDLE, State.DELAYED):
        starting.begin(draft, task)
    elif any(action.is_sync for action in draft.view.closed_actions(task.id)):
        starting.run(draft, draft.change_task(task, state=State.RUNNING))
    else:
        draft.do(ReopenActions(task.id))


def _wake_up(draft: Draft) -> None:
    if draft.is_running:
        resuming.wake_up(draft)
