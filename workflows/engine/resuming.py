"""Pausing and going on: of the execution, of an asynchronous action, of a sub-workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import lifecycle, starting, with_items
from workflows.engine.commands import AskChildren, ChangeAction
from workflows.engine.contexts import merge_globals
from workflows.engine.following import follow, take_backlog
from workflows.engine.states import FINAL, State

if TYPE_CHECKING:
    from workflows.engine.draft import Draft
    from workflows.engine.events import ActionPausedOrResumed
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject


def resume(draft: Draft, env: JSONObject) -> None:
    """Let a paused execution go on: what ended meanwhile is followed, what waited starts."""
    if draft.execution.state is not State.PAUSED:
        return
    merge_environment(draft, env)
    draft.change_execution(state=State.RUNNING, state_info=None)
    draft.do(AskChildren(State.RUNNING))
    wake_up(draft)


def wake_up(draft: Draft) -> None:
    """Do what was left undone while the execution was not running."""
    draft.must_check_joins = True
    waiting = [task for task in draft.unfinished_tasks() if task.waits_for == "resume"]
    at_work = [
        task
        for task in draft.unfinished_tasks()
        if task.items_total is not None and task.id not in draft.open_items
    ]
    for task in draft.unprocessed_tasks():
        if not draft.is_running:
            return
        follow(draft, task)
    if draft.is_running:
        take_backlog(draft)
    for task in waiting:
        if draft.is_running:
            starting.begin(draft, task)
    for task in at_work:
        if draft.is_running and task.state is State.RUNNING:
            with_items.ring_lanes(draft, task)


def merge_environment(draft: Draft, env: JSONObject) -> None:
    """Merge variables into the environment of the execution."""
    if not env:
        return
    before = draft.execution.params.get("env")
    merged = merge_globals(before if isinstance(before, dict) else {}, env)
    draft.change_execution(params={**draft.execution.params, "env": merged})
    if draft.execution.root_execution_id is None:
        draft.use_environment(merged)


def action_changed(draft: Draft, event: ActionPausedOrResumed) -> None:
    """A paused action pauses its task and the execution; the last one to go on resumes both."""
    draft.do(ChangeAction(event.action.id, {"state": event.state, "updated_at": draft.now}))
    task = draft.task(event.action.task_id)
    if task.state in FINAL:
        return
    if event.state is State.PAUSED:
        pause_task(draft, task)
        return
    others = [
        action
        for action in draft.view.open_actions(task.id)
        if action.state is State.PAUSED and action.id != event.action.id
    ]
    if not others:
        resume_task(draft, task)


def pause_task(draft: Draft, task: TaskSnapshot) -> None:
    """Pause a task and, through it, the execution."""
    draft.change_task(task, state=State.PAUSED)
    lifecycle.pause(draft, None)


def resume_task(draft: Draft, task: TaskSnapshot) -> None:
    """Let a task go on, and the execution too if no other task is paused."""
    if task.state is State.PAUSED:
        draft.change_task(task, state=State.RUNNING)
    if any(other.state is State.PAUSED for other in draft.unfinished_tasks()):
        return
    resume(draft, {})
