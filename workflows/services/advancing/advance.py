"""Moving executions on: the only place where the engine decides about one and it is written.

lock -> collect what happened -> decide -> write -> commit -> ring -> look once more
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from workflows.canvas import Work, ring
from workflows.engine.events import Event
from workflows.errors import NotFound, StateChangeNotAllowed
from workflows.log_facts import log_facts
from workflows.services.advancing.advance_limit import advance_within_limit
from workflows.services.advancing.apply import Applied, ChildRequest, apply_decision
from workflows.services.advancing.decisions import decide_on
from workflows.services.advancing.parking import failures_counted, forget_failures
from workflows.services.advancing.store import (
    LockedExecution,
    has_unhandled,
    lock_execution,
    take_events,
)
from workflows.services.executions.state_requests import events_for_state
from workflows.services.running.attempts import SeenEnd
from workflows.services.telemetry.observing import tell_changes


def advance_family(execution_id: UUID) -> None:
    """Move an execution on, and then the parent or child that this would ring, without a message.

    Of several children one is kept here, the others are for other workers. Whoever has a worker's
    turn uses this; when LEVANTE_TURN_SECONDS are over, what is left is rung.
    """
    deadline = time.monotonic() + settings.LEVANTE_TURN_SECONDS
    kept = [execution_id]
    try:
        advance(kept.pop(), kept=kept)
        while kept and time.monotonic() <= deadline:
            advance(kept.pop(), kept=kept)
    finally:
        ring(Work(executions=tuple(kept)))


def advance(execution_id: UUID, *, force: bool = False, kept: list[UUID] | None = None) -> None:
    """Move an execution on as far as it can go now; with `force` look even if nothing happened.

    1. Lock it. If somebody has it, that one will see what we came for: leave.
    2. Feed everything that has ended to the engine, write what follows, commit.
    3. Ring what is next.
    4. Look once more: what ended while we held the lock found it taken and left.
    """
    with log_facts(execution_id=execution_id), failures_counted(execution_id):
        while True:
            applied = _advance_once(execution_id, force=force)
            if applied is None or finish(execution_id, applied, kept):
                return
            force = False


def advance_briefly(execution_id: UUID) -> None:
    """Like `advance`, for somebody with a claimed action at hand: what takes longer is rung."""
    with failures_counted(execution_id):
        applied = _advance_once(execution_id, force=False)
    if applied is not None:
        go_on_after(execution_id, applied)


def take_first_step(execution_id: UUID) -> Applied | None:
    """Begin an execution within the transaction that has stored it; `go_on_after` the commit."""
    locked = lock_execution(execution_id, skip_locked=False)
    return None if locked is None else move_on(locked)


def go_on_after(execution_id: UUID, applied: Applied) -> None:
    """Do what follows the commit of a step, and leave to a worker what takes longer."""
    if not finish(execution_id, applied):
        ring(Work(executions=(execution_id,)))


def change(
    execution_id: UUID,
    make_events: Callable[[LockedExecution], Sequence[Event]],
    *,
    actor: str = "",
    tells_children: bool = True,
    reason: str = "",
) -> None:
    """Let somebody's request change an execution; waits for its lock. Raises NotFound.

    `make_events` sees the locked execution and may raise to refuse; no events change nothing.
    Without `tells_children` the caller sees to the sub-workflows itself.
    """

    def take_step() -> Applied | None:
        with transaction.atomic(durable=True):
            locked = lock_execution(execution_id, skip_locked=False)
            if locked is None:
                raise NotFound(f"WorkflowExecution not found [id={execution_id}]")
            events = [*take_events(locked), *make_events(locked)]
            if not events:
                return None
            decision = decide_on(locked, events)
            return apply_decision(locked, decision, actor=actor, reason=reason)

    with log_facts(execution_id=execution_id):
        applied = advance_within_limit(take_step)
        if applied is None:
            return
        if not tells_children:
            applied.requests.clear()
        if not finish(execution_id, applied):
            advance(execution_id)


def move_on(
    locked: LockedExecution,
    seen: SeenEnd | None = None,
    *,
    force: bool = False,
    claims_for: str | None = None,
) -> Applied | None:
    """Do what follows from the events of an execution that this transaction has locked.

    `claims_for` is the target of which this process wants an action. None if nothing has happened.
    """
    events: list[Event] = []
    if seen is None or seen.has_more or locked.is_cut_off or force:
        events += take_events(locked, look_at_all=force)
    if seen is not None:
        locked.view.keep([seen.task])
        locked.view.busy_task = seen.other
        events.append(seen.event)
    if not events and not force:
        if locked.advance_failures:
            forget_failures(locked.view.execution.id)
        return None
    applied = apply_decision(locked, decide_on(locked, events), claims_for=claims_for)
    applied.is_alone = seen is not None and seen.other is None
    return applied


def _advance_once(execution_id: UUID, *, force: bool) -> Applied | None:
    return advance_within_limit(partial(_take_step, execution_id, force=force))


def _take_step(execution_id: UUID, *, force: bool) -> Applied | None:
    with transaction.atomic(durable=True):
        locked = lock_execution(execution_id, skip_locked=True)
        return None if locked is None else move_on(locked, force=force)


def finish(execution_id: UUID, applied: Applied, kept: list[UUID] | None = None) -> bool:
    """Do what follows the commit of an advance. False if there is more to advance by now.

    One execution that should be rung is put into an empty `kept`, for the caller to advance.
    """
    work = applied.work
    if kept is not None and not kept and work.executions:
        kept.append(work.executions[0])
        work = replace(work, executions=work.executions[1:])
    ring(work)
    tell_changes(applied.changed)
    for request in applied.requests:
        _tell_child(request)
    if applied.is_alone or not applied.changed.execution.is_started:
        return applied.is_complete  # what it has made could not end before the commit
    return applied.is_complete and not has_unhandled(execution_id)


def _tell_child(request: ChildRequest) -> None:
    """Pass a change of state down. Where it comes too late, nothing happens."""
    with suppress(NotFound, StateChangeNotAllowed):
        change(
            request.child_id,
            lambda locked: events_for_state(locked, request.state, reason=request.reason),
        )
