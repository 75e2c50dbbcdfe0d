"""Lanes: each works on the items that one with-items task has for one target, one after the other.

A lane runs on the queue of its target, where the workers are that its items are meant for. It
claims the next item, runs it and records it. With a limited concurrency items beyond the limit are
IDLE, and a lane lets one run only while fewer than the limit do, whatever their targets, which it
counts under the lock of the task's row; so it does not matter how many lanes there are.
"""

from __future__ import annotations

import time
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from workflows.actions.base import Outcome
from workflows.canvas import Lanes, Work, ring
from workflows.models.statements import execute, fetch_all, fetch_one
from workflows.services.running.attempts import (
    CLAIM_CHANGES,
    CLAIMED_COLUMNS,
    RECORD_SQL,
    Claim,
    keep_trying,
    note_refusal,
    perform,
    record,
    record_values,
)
from workflows.services.running.process import this_process

_MAY_RUN_SQL = """
    SELECT 1 FROM task_executions t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.id = %s AND e.state = 'RUNNING' AND t.state = 'RUNNING'
"""
_CLAIM_READY_SQL = f"""
    UPDATE action_executions a SET {CLAIM_CHANGES}
    WHERE a.id = (
        SELECT id FROM action_executions
        WHERE task_id = %s AND target = %s AND state = 'RUNNING' AND token IS NULL
          AND NOT is_inline AND NOT is_handled
        ORDER BY item_index LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {CLAIMED_COLUMNS}
"""
_CLAIM_IDLE_SQL = f"""
    UPDATE action_executions a SET state = 'RUNNING', {CLAIM_CHANGES}
    WHERE a.id = (
        SELECT id FROM action_executions
        WHERE task_id = %s AND target = %s AND state = 'IDLE' AND NOT is_handled
        ORDER BY item_index LIMIT 1 FOR UPDATE SKIP LOCKED)
      AND (SELECT count(*) FROM action_executions
           WHERE task_id = %s AND state IN ('RUNNING', 'PAUSED') AND NOT is_handled) < %s
    RETURNING {CLAIMED_COLUMNS}
"""
# Record an item and take the next. One that waits for room may have the room of the one that has
# just ended: the number of those that run stays the same, so nobody has to count them.
_RECORD_AND_CLAIM_SQL = f"""
    WITH recorded AS ({RECORD_SQL} RETURNING id),
    ready AS (
        SELECT id FROM action_executions
        WHERE task_id = %s AND target = %s AND state = 'RUNNING' AND token IS NULL
          AND NOT is_inline AND NOT is_handled AND EXISTS ({_MAY_RUN_SQL})
        ORDER BY item_index LIMIT 1 FOR UPDATE SKIP LOCKED),
    waiting AS (
        SELECT id FROM action_executions
        WHERE task_id = %s AND target = %s AND state = 'IDLE' AND NOT is_handled
          AND EXISTS (SELECT 1 FROM recorded) AND NOT EXISTS (SELECT 1 FROM ready)
          AND EXISTS ({_MAY_RUN_SQL})
        ORDER BY item_index LIMIT 1 FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE action_executions a SET state = 'RUNNING', {CLAIM_CHANGES}
        WHERE a.id IN (SELECT id FROM ready UNION ALL SELECT id FROM waiting)
        RETURNING {CLAIMED_COLUMNS})
    SELECT (SELECT count(*) FROM recorded), claimed.* FROM (VALUES (1)) AS once
    LEFT JOIN claimed ON true
"""
# Items of other targets that a lane leaves behind when it has no more of its own.
_OTHER_TARGETS_SQL = """
    SELECT DISTINCT target FROM action_executions
    WHERE task_id = %s AND target <> %s AND state = 'IDLE' AND NOT is_handled
"""


def run_lane(task_id: UUID, target: str) -> None:
    """Run items until none may be claimed, or until it is time to let others have the worker."""
    deadline = time.monotonic() + settings.LEVANTE_TURN_SECONDS
    claim, last = claim_next(task_id, target), None
    while claim is not None:
        last, outcome = claim, perform(claim)
        if time.monotonic() > deadline or this_process().is_stopping:
            keep_trying(partial(record, claim, outcome))
            _ring(claim, target)
            return
        claim = keep_trying(partial(_record_and_claim, claim, outcome, task_id, target))
    if last is not None:
        _hand_over(last, target)


def claim_next(task_id: UUID, target: str) -> Claim | None:
    """Take the next item for a target. None if there is none, or if it may not start now."""
    with transaction.atomic():
        limit = _lock_task(task_id)
        return _claim(task_id, target, limit)


def _hand_over(last: Claim, target: str) -> None:
    """Give the room of a lane that has no more items to those of other targets."""
    others = [row[0] for row in fetch_all(_OTHER_TARGETS_SQL, [last.task_id, target])]
    _ring(last, *others)


def _ring(claim: Claim, *targets: str) -> None:
    task_id, execution_id = claim.task_id, claim.execution_id
    if task_id is not None and execution_id is not None and targets:
        ring(Work(lanes=tuple(Lanes(task_id, execution_id, 1, target) for target in targets)))


def _record_and_claim(
    claim: Claim, outcome: Outcome | None, task_id: UUID, target: str
) -> Claim | None:
    """Record one item and take the next in one statement, which is one commit for an item."""
    if outcome is None:
        return _hand_on_and_claim(claim, task_id, target)
    item = [task_id, target, task_id]
    claimant = [uuid4(), this_process().id]
    values = [*record_values(claim, outcome), *item, *item, *claimant]
    count, *claimed = fetch_one(_RECORD_AND_CLAIM_SQL, values, prepared=True)
    if count == 0:
        note_refusal(claim)
    return None if claimed[0] is None else Claim(*claimed)


def _hand_on_and_claim(claim: Claim, task_id: UUID, target: str) -> Claim | None:
    """Leave an item to be completed from outside, and take the next if there is still room."""
    with transaction.atomic():
        limit = _lock_task(task_id)
        record(claim, None)
        return _claim(task_id, target, limit)


def _lock_task(task_id: UUID) -> int | None:
    """Lock a task with a limit of concurrency, before any of its actions, as everybody does."""
    sql = "SELECT concurrency FROM task_executions WHERE id = %s"
    row = fetch_one(sql, [task_id], prepared=True)
    if row is None or row[0] is None:
        return None
    sql = "SELECT 1 FROM task_executions WHERE id = %s FOR NO KEY UPDATE"
    execute(sql, [task_id], prepared=True)
    return int(row[0])


def _claim(task_id: UUID, target: str, limit: int | None) -> Claim | None:
    if fetch_one(_MAY_RUN_SQL, [task_id], prepared=True) is None:
        return None
    claim = [uuid4(), this_process().id]
    found = fetch_one(_CLAIM_READY_SQL, [*claim, task_id, target], prepared=True)
    if found is None and limit is not None:
        values = [*claim, task_id, target, task_id, limit]
        found = fetch_one(_CLAIM_IDLE_SQL, values, prepared=True)
    return None if found is None else Claim(*found)
