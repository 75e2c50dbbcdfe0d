"""A worker's turn: run an action, move its execution on, and go on with what is ready there.

The result, the advance and the next claim are one transaction, so an ordinary action costs one
commit and, as long as the turn lasts, no message. The claim is committed before the action runs.
"""

from __future__ import annotations

import time
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction

from workflows.actions.base import Outcome
from workflows.canvas import ReadyAction, Work, ring
from workflows.log_facts import log_facts
from workflows.services.advancing.advance import advance_briefly, advance_family, finish, move_on
from workflows.services.advancing.advance_limit import advance_within_limit
from workflows.services.advancing.apply import Applied
from workflows.services.advancing.parking import count_failure
from workflows.services.advancing.store import lock_execution
from workflows.services.running.attempts import (
    Claim,
    claim_action,
    claim_ready,
    find_ready,
    keep_trying,
    perform,
    record,
    record_seen,
)
from workflows.services.running.process import this_process


def take_turn(action_id: UUID, execution_id: UUID | None = None, target: str = "") -> None:
    """Run an action and those that are ready after it, as long as others need not wait.

    Where somebody else has taken the action, another one of its execution is as good.
    """
    deadline = time.monotonic() + settings.LEVANTE_TURN_SECONDS
    with log_facts(execution_id=execution_id):
        claim = claim_action(action_id)
        if claim is None and execution_id is not None:
            claim = claim_ready(execution_id, target)
        kept: list[UUID] = []
        while claim is not None:
            outcome = perform(claim)
            may_go_on = time.monotonic() <= deadline and not this_process().is_stopping
            claim = _end_action(claim, outcome, kept, may_go_on=may_go_on)
        for one in kept:
            advance_family(one)


def _end_action(
    claim: Claim, outcome: Outcome | None, kept: list[UUID], *, may_go_on: bool
) -> Claim | None:
    """Store a result, move its execution on, and give the action to run next, if any.

    `kept` gets what has to be advanced when no action follows.
    """
    execution_id = claim.execution_id
    if execution_id is None:
        keep_trying(partial(record, claim, outcome))
        return None
    step = partial(_record_and_advance, execution_id, claim, outcome, may_go_on=may_go_on)
    store = partial(advance_within_limit, step)
    try:
        applied, following = keep_trying(store)
    except OperationalError:
        raise
    except Exception as error:
        # The work is done: its result must not be lost with what could not be decided after it.
        keep_trying(partial(record, claim, outcome))
        count_failure(execution_id, type(error).__name__)
        raise
    # Where somebody else had the execution at that moment, this end may not have been seen.
    ours = kept if following is None else None
    is_done = outcome is None if applied is None else finish(execution_id, applied, ours)
    if not is_done and following is None:
        kept.append(execution_id)
    elif not is_done:
        # No beat names the claim before its action runs, so that must not take long.
        advance_briefly(execution_id)
    if not may_go_on:
        _pass_on(execution_id, claim.target)
    return following


def _record_and_advance(
    execution_id: UUID, claim: Claim, outcome: Outcome | None, *, may_go_on: bool
) -> tuple[Applied | None, Claim | None]:
    target = claim.target if may_go_on else None
    with transaction.atomic(durable=True):
        # What is completed from outside is advanced by whoever completes it.
        locked = lock_execution(execution_id, skip_locked=True) if outcome is not None else None
        if locked is None or outcome is None or claim.is_item:
            record(claim, outcome)
            applied = None if locked is None else move_on(locked, claims_for=target)
        else:
            seen = record_seen(claim, outcome, locked.clock)
            applied = move_on(locked, seen, claims_for=target)
        following = None if applied is None else applied.claim
        if following is None and may_go_on:
            following = claim_ready(execution_id, claim.target)
        return applied, following


def _pass_on(execution_id: UUID, target: str) -> None:
    """Send an action that is ready, so that as many as now go on with what was not sent."""
    action_id = find_ready(execution_id, target)
    if action_id is not None:
        ring(Work(actions=(ReadyAction(action_id, execution_id, target),)))
