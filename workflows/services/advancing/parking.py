"""Executions that cannot be moved on: their failures are counted, and at last they are ended.

An advance that raises is rung again by the sweep, since most reasons pass. One that raises each
time would be rung for ever, so after LEVANTE_MAX_ADVANCE_FAILURES the execution ends in ERROR with
a text that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from psycopg.errors import QueryCanceled

from workflows.canvas import Work, ring
from workflows.engine.events import StopAsked
from workflows.engine.states import FINAL, State
from workflows.models.statements import FINAL_STATES, OPEN_STATES, execute, fetch_one
from workflows.services.advancing.advance_limit import advance_within_limit
from workflows.services.advancing.apply import Applied, apply_decision
from workflows.services.advancing.decisions import decide_on
from workflows.services.advancing.store import lock_execution, take_events
from workflows.services.telemetry import tallies
from workflows.services.telemetry.observing import tell_changes
from workflows.services.telemetry.tallies import tally

logger = logging.getLogger(__name__)


_FAILED: Final = "Failed {count} times to move the execution on: {reason}."
NO_PROGRESS: Final = "No progress: nothing is left to do."
# What `state_info` of a parked execution is LIKE.
PARKED_PATTERNS: Final = [_FAILED.format(count="%", reason="%"), NO_PROGRESS]

_COUNT_SQL = """
    UPDATE workflow_executions SET advance_failures = advance_failures + 1
    WHERE id = %s AND state = ANY(%s)
    RETURNING advance_failures
"""
_PARK_SQL = """
    UPDATE workflow_executions
    SET state = 'ERROR', state_info = %s, finished_at = clock_timestamp(),
        updated_at = clock_timestamp(), is_started = true, is_cut_off = false, backlog = '[]',
        is_handled = (parent_task_id IS NULL), advance_failures = 0
    WHERE id = %s AND state = ANY(%s)
    RETURNING parent_execution_id
"""
_CLOSE_TASKS_SQL = """
    UPDATE task_executions
    SET state = 'CANCELLED', state_info = %s, closed_from = state, is_processed = true,
        finished_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE execution_id = %s AND state = ANY(%s)
"""
_CLOSE_ACTIONS_SQL = """
    UPDATE action_executions
    SET state = 'CANCELLED', is_closed = true, is_handled = true,
        finished_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE execution_id = %s AND state IN ('RUNNING', 'PAUSED')
"""
_SEE_ACTIONS_SQL = """
    UPDATE action_executions SET is_handled = true WHERE execution_id = %s AND NOT is_handled
"""
_SEE_CHILDREN_SQL = """
    UPDATE workflow_executions SET is_handled = true
    WHERE parent_execution_id = %s AND NOT is_handled AND state = ANY(%s)
"""
_HISTORY_SQL = """
    INSERT INTO history_events
        (execution_id, name, state_from, state_to, reason, actor, at)
    SELECT id, workflow_name, state, 'ERROR', %s, '', clock_timestamp()
    FROM workflow_executions WHERE id = %s AND state = ANY(%s)
    FOR NO KEY UPDATE
"""


@contextmanager
def failures_counted(execution_id: UUID) -> Iterator[None]:
    """Count an advance that raises. A database that is away is no failure of the execution."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if isinstance(error.__cause__, QueryCanceled):
            count_failure(execution_id, "a statement takes too long")
        raise
    except Exception as error:
        count_failure(execution_id, type(error).__name__)
        raise


def count_failure(execution_id: UUID, reason: str) -> None:
    """Note that an advance failed, and end the execution if it did so too often.

    `reason` is a few words without any value of the execution.
    """
    row = fetch_one(_COUNT_SQL, [execution_id, OPEN_STATES])
    if row is None:
        return
    tally(tallies.ADVANCE_FAILURES)
    facts = {"execution_id": str(execution_id), "failures": row[0], "reason": reason}
    logger.error("An execution could not be moved on.", extra=facts)
    if row[0] >= settings.LEVANTE_MAX_ADVANCE_FAILURES:
        park(execution_id, _FAILED.format(count=row[0], reason=reason))


def forget_failures(execution_id: UUID) -> None:
    """Note that an advance went well: only failures in a row count."""
    execute("UPDATE workflow_executions SET advance_failures = 0 WHERE id = %s", [execution_id])


def park(execution_id: UUID, reason: str) -> None:
    """End an execution in ERROR: as the engine does it, or by force where even that fails."""
    tally(tallies.PARKED)
    logger.error("An execution is parked.", extra={"execution_id": str(execution_id)})
    try:
        applied = advance_within_limit(partial(_stop, execution_id, reason))
    except Exception:  # a border: whatever is wrong with it, it has to end
        logger.exception(
            "A parked execution is ended by force.", extra={"execution_id": str(execution_id)}
        )
        _stop_by_force(execution_id, reason)
        return
    if applied is not None:
        ring(applied.work)
        tell_changes(applied.changed)


def _stop(execution_id: UUID, reason: str) -> Applied | None:
    with transaction.atomic():
        locked = lock_execution(execution_id, skip_locked=False)
        if locked is None or locked.view.execution.state in FINAL:
            return None
        take_events(locked, look_at_all=True)  # they may be what fails
        decision = decide_on(locked, [StopAsked(State.ERROR, reason)])
        return apply_decision(locked, decision)


def _stop_by_force(execution_id: UUID, reason: str) -> None:
    with transaction.atomic():
        execute(_HISTORY_SQL, [reason, execution_id, OPEN_STATES])
        row = fetch_one(_PARK_SQL, [reason, execution_id, OPEN_STATES])
        if row is None:
            return
        execute(_CLOSE_TASKS_SQL, [reason, execution_id, OPEN_STATES])
        execute(_CLOSE_ACTIONS_SQL, [execution_id])
        execute(_SEE_ACTIONS_SQL, [execution_id])
        execute(_SEE_CHILDREN_SQL, [execution_id, FINAL_STATES])
        execute("DELETE FROM timers WHERE execution_id = %s", [execution_id])
    if row[0] is not None:
        ring(Work(executions=(row[0],)))
