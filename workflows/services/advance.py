"""Moving executions on: the only place where the engine decides about one and it is written.

lock -> collect what happened -> decide -> write -> commit -> ring -> look once more
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from workflows.canvas import Work, ring
from workflows.engine.commands import Decision
from workflows.engine.decide import decide
from workflows.engine.events import ActionEnded, Event, InlineActionReady, ItemsEnded, TimerDue
from workflows.errors import NotFound, StateChangeNotAllowed
from workflows.services.apply import Applied, ChildRequest, apply_decision
from workflows.services.catalogue import DatabaseCatalogue
from workflows.services.state_requests import events_for_state
from workflows.services.store import (
    LockedExecution,
    has_unhandled,
    lock_execution,
    may_have_left_some,
    take_events,
)


def advance(execution_id: UUID, *, force: bool = False) -> None:
    """Move an execution on as far as it can go now; with `force` look even if nothing happened.

    1. Lock it. If somebody has it, that one will see what we came for: leave.
    2. Feed everything that has ended to the engine, write what follows, commit.
    3. Ring what is next.
    4. Look once more: what ended while we held the lock found it taken and left.
    """
    while True:
        applied = _advance_once(execution_id, force=force)
        if applied is None or finish(execution_id, applied):
            return
        force = False


def advance_briefly(execution_id: UUID) -> None:
    """Like `advance`, for somebody with a claimed action at hand: what takes longer is rung."""
    applied = _advance_once(execution_id, force=False)
    if applied is not None and not finish(execution_id, applied):
        ring(Work(executions=(execution_id,)))


def change(
    execution_id: UUID,
    make_events: Callable[[LockedExecution], Sequence[Event]],
    *,
    actor: str = "",
) -> None:
    """Let somebody's request change an execution; waits for its lock. Raises NotFound.

    `make_events` sees the locked execution and may raise to refuse; no events change nothing.
    """
    with transaction.atomic(durable=True):
        locked = lock_execution(execution_id, skip_locked=False)
        if locked is None:
            raise NotFound(f"WorkflowExecution not found [id={execution_id}]")
        events = [*take_events(locked), *make_events(locked)]
        applied = apply_decision(locked, _decide(locked, events), actor=actor) if events else None
    if applied is not None and not finish(execution_id, applied):
        advance(execution_id)


def move_on(
    locked: LockedExecution,
    ended: ActionEnded | None = None,
    *,
    force: bool = False,
    claims_for: str | None = None,
) -> Applied | None:
    """Do what follows from the events of an execution that this transaction has locked.

    `ended` is an end that was stored as seen; `claims_for` is the target of which this process
    wants an action. None if nothing has happened.
    """
    events = take_events(locked, look_at_all=force)
    if ended is not None:
        events.append(ended)
    if not events and not force:
        return None
    return apply_decision(locked, _decide(locked, events), claims_for=claims_for)


def _advance_once(execution_id: UUID, *, force: bool) -> Applied | None:
    with transaction.atomic(durable=True):
        locked = lock_execution(execution_id, skip_locked=True)
        return None if locked is None else move_on(locked, force=force)


def finish(execution_id: UUID, applied: Applied) -> bool:
    """Do what follows the commit of an advance. False if there is more to advance by now."""
    ring(applied.work)
    for request in applied.requests:
        _tell_child(request)
    return applied.is_complete and not has_unhandled(execution_id)


def _decide(locked: LockedExecution, events: Sequence[Event]) -> Decision:
    locked.view.prefetch({task_id for event in events if (task_id := _task_of(event))})
    deadline = time.monotonic() + settings.LEVANTE_ADVANCE_SECONDS
    decision = decide(
        locked.view,
        events,
        catalogue=DatabaseCatalogue(locked.project_id, locked.view.execution),
        new_id=uuid4,
        clock=locked.clock,
        must_stop=lambda: time.monotonic() > deadline,
    )
    return replace(decision, is_complete=False) if may_have_left_some(events) else decision


def _task_of(event: Event) -> UUID | None:
    match event:
        case ActionEnded(action) | InlineActionReady(action):
            return action.task_id
        case ItemsEnded(task_id) | TimerDue(task_id):
            return task_id
        case _:
            return None


def _tell_child(request: ChildRequest) -> None:
    """Pass a change of state down. Where it comes too late, nothing happens."""
    with suppress(NotFound, StateChangeNotAllowed):
        change(
            request.child_id,
            lambda locked: events_for_state(locked, request.state, reason=request.reason),
        )
