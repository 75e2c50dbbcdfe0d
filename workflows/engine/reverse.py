"""Reverse workflows: only what the target task needs runs, requirements first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import lifecycle, starting
from workflows.engine.contexts import merge
from workflows.engine.states import State

if TYPE_CHECKING:
    from uuid import UUID

    from workflows.engine.draft import Draft
    from workflows.engine.snapshot import TaskSnapshot


def start(draft: Draft) -> None:
    """Start the needed tasks that require nothing."""
    for name in needed_tasks(draft):
        if draft.is_running and not _requirements(draft, name):
            starting.create_task(draft, name, context_id=None)


def follow(draft: Draft, task: TaskSnapshot) -> None:
    """Start what has only waited for this task. After a failure nothing that needs it starts."""
    if task.state not in (State.SUCCESS, State.SKIPPED):
        return
    has_followers = False
    for name in needed_tasks(draft):
        required = _requirements(draft, name)
        if task.name not in required:
            continue
        has_followers = True
        finished = [draft.newest_task(other) for other in required]
        ready = [one for one in finished if one and one.state in (State.SUCCESS, State.SKIPPED)]
        is_new = draft.newest_task(name) is None
        if is_new and len(ready) == len(required) and draft.is_running:
            _start(draft, name, ready)
    if has_followers:
        draft.change_task(task, has_followers=True)


def needed_tasks(draft: Draft) -> tuple[str, ...]:
    """The target and everything it requires, requirements first."""
    return draft.graph.required_for(str(draft.execution.params.get("task_name")))


def _requirements(draft: Draft, name: str) -> tuple[str, ...]:
    """What a task requires; requiring itself means nothing."""
    return tuple(other for other in draft.spec.tasks[name].requires if other != name)


def _start(draft: Draft, name: str, required: list[TaskSnapshot]) -> None:
    ordered = sorted(required, key=lambda task: task.finished_at or task.created_at)
    starting.create_task(draft, name, context_id=_merged_context(draft, ordered))


def _merged_context(draft: Draft, tasks: list[TaskSnapshot]) -> UUID | None:
    ids = list(dict.fromkeys(task.out_context_id for task in tasks if task.out_context_id))
    if len(ids) < 2:
        return ids[0] if ids else None
    merged = merge(draft.contexts(ids))
    return lifecycle.store_context(draft, merged, None, merged.variables, merged.versions)
