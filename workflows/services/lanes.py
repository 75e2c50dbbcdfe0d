"""Lanes: each works on the items of one with-items task, one after the other.

A lane claims the next item, runs it and records it. With a limited concurrency items beyond the
limit are IDLE, and a lane lets one run only while fewer than the limit do, which it counts under
the lock of the task's row; so it does not matter how many lanes there are.
"""

from __future__ import annotations

import time
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from workflows.actions.base import Outcome
from workflows.canvas import Lanes, Work, ring
from workflows.models.statements import execute, fetch_one
from workflows.services.attempts import (
    CLAIM_CHANGES,
    CLAIMED_COLUMNS,
    Claim,
    keep_trying,
    perform,
    record,
)
from workflows.services.process import this_process

_MAY_RUN_SQL = """
    SELECT 1 FROM task_executions t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.id = %s AND e.state = 'RUNNING' AND t.state = 'RUNNING'
"""
_CLAIM_READY_SQL = f"""
    UPDATE action_executions a SET {CLAIM_CHANGES}
    WHERE a.id = (
        SELECT id FROM action_executions
        WHERE task_id = %s AND state = 'RUNNING' AND token IS NULL AND NOT is_inline
          AND NOT is_handled
        ORDER BY item_index LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {CLAIMED_COLUMNS}
"""
_CLAIM_IDLE_SQL = f"""
    UPDATE action_executions a SET state = 'RUNNING', {CLAIM_CHANGES}
    WHERE a.id = (
        SELECT id FROM action_executions
        WHERE task_id = %s AND state = 'IDLE' AND NOT is_handled
        ORDER BY item_index LIMIT 1)
      AND (SELECT count(*) FROM action_executions
           WHERE task_id = %s AND state IN ('RUNNING', 'PAUSED') AND NOT is_handled) < %s
    RETURNING {CLAIMED_COLUMNS}
"""


def run_lane(task_id: UUID) -> None:
    """Run items until none may be claimed, or until it is time to let others have the worker."""
    deadline = time.monotonic() + settings.LEVANTE_LANE_SECONDS
    claim = claim_next(task_id)
    while claim is not None:
        outcome = perform(claim)
        if time.monotonic() > deadline:
            keep_trying(partial(record, claim, outcome))
            if claim.execution_id is not None:
                ring(Work(lanes=(Lanes(task_id, claim.execution_id, 1, ""),)))
            return
        claim = keep_trying(partial(_record_and_claim, claim, outcome, task_id))


def claim_next(task_id: UUID) -> Claim | None:
    """Take the next item of a task. None if there is none, or if it may not start now."""
    with transaction.atomic():
        limit = _lock_task(task_id)
        return _claim(task_id, limit)


def _record_and_claim(claim: Claim, outcome: Outcome | None, task_id: UUID) -> Claim | None:
    """Record one item and take the next in one transaction, which saves a commit an item."""
    with transaction.atomic():
        limit = _lock_task(task_id)
        record(claim, outcome)
        return _claim(task_id, limit)


def _lock_task(task_id: UUID) -> int | None:
    """Lock a task with a limit of concurrency, before any of its actions, as everybody does."""
    row = fetch_one("SELECT concurrency FROM task_executions WHERE id = %s", [task_id])
    if row is None or row[0] is None:
        return None
    execute("SELECT 1 FROM task_executions WHERE id = %s FOR NO KEY UPDATE", [task_id])
    return int(row[0])


def _claim(task_id: UUID, limit: int | None) -> Claim | None:
    if fetch_one(_MAY_RUN_SQL, [task_id]) is None:
        return None
    claim = [uuid4(), this_process().id]
    found = fetch_one(_CLAIM_READY_SQL, [*claim, task_id])
    if found is None and limit is not None:
        found = fetch_one(_CLAIM_IDLE_SQL, [*claim, task_id, task_id, limit])
    return None if found is None else Claim(*found)
