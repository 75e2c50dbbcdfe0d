"""Attempts whose worker is gone: found without comparing clocks, and settled.

A process is dead when its counter stands still for a time measured by our own clock. A claim is
abandoned when its living process has made two beats without naming it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from workflows.canvas import ReadyAction, Work, ring
from workflows.models.statements import as_payload, execute, fetch_all, fetch_one
from workflows.services.telemetry import tallies
from workflows.services.telemetry.tallies import tally

logger = logging.getLogger(__name__)

LOST: Final = "The worker was lost; the outcome of the action is unknown."
STOPPED: Final = "The worker was stopped; the outcome of the action is unknown."

# Beats without a claim's name after which it is abandoned: the first one may have been on its way
# when the action was claimed, or just after it ended.
_BEATS_WITHOUT_NAME: Final = 2

_CLAIMED = "a.state = 'RUNNING' AND NOT a.is_handled AND a.token IS NOT NULL"
_FACTS = "a.id, a.token, a.is_safe_rerun, a.starts, a.execution_id, a.target"
_OF_PROCESS_SQL = f"""
    SELECT {_FACTS} FROM action_executions a WHERE {_CLAIMED} AND a.process_id = %s
"""
_OF_TOKEN_SQL = f"""
    SELECT {_FACTS} FROM action_executions a WHERE {_CLAIMED} AND a.id = %s AND a.token = %s
"""
_OF_NOBODY_SQL = f"""
    SELECT {_FACTS} FROM action_executions a
    WHERE {_CLAIMED} AND a.process_id IS NOT NULL
      AND a.started_at < clock_timestamp() - %(dead)s * interval '1 second'
      AND NOT EXISTS (SELECT 1 FROM worker_processes p WHERE p.id = a.process_id)
    LIMIT %(batch)s
"""
_NOT_NAMED_SQL = f"""
    SELECT {_FACTS}, p.beat FROM action_executions a
    JOIN worker_processes p ON p.id = a.process_id
    WHERE {_CLAIMED} AND NOT p.tokens::jsonb ? a.token::text
    LIMIT %(batch)s
"""
_RELEASE_SQL = """
    UPDATE action_executions SET token = NULL, process_id = NULL, dispatched_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
_RELEASE_UNBEGUN_SQL = """
    UPDATE action_executions
    SET token = NULL, process_id = NULL, starts = starts - 1, dispatched_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
# What belongs to no execution is not waited for by any advance.
_FAIL_SQL = """
    UPDATE action_executions
    SET state = 'ERROR', output = %s, finished_at = clock_timestamp(),
        updated_at = clock_timestamp(), is_handled = (execution_id IS NULL),
        is_accepted = (execution_id IS NULL)
    WHERE id = %s AND token = %s AND state = 'RUNNING'
    RETURNING execution_id
"""
_BURY_SQL = "DELETE FROM worker_processes WHERE id = %s AND beat = %s"


class ProcessWatch:
    """Remembers when the counter of each process last moved."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[int, float]] = {}
        self._looked_at = float("-inf")

    def bury_dead_processes(self) -> int:
        """Settle what dead processes had claimed, and forget them.

        After a time in which we could not look ourselves everybody gets the full time again. If
        most seem dead at once, it is more likely us: wait once more.
        """
        self._look()
        dead = self._silent_for(settings.LEVANTE_DEAD_SECONDS)
        if len(dead) > 1 and len(dead) * 2 > len(self._seen):
            dead = self._silent_for(2 * settings.LEVANTE_DEAD_SECONDS)
        count = 0
        for process_id, counter in dead:
            count += settle(fetch_all(_OF_PROCESS_SQL, [process_id]))
            if execute(_BURY_SQL, [process_id, counter]):
                tally(tallies.DEAD_PROCESSES)
                logger.warning("A worker process is dead.", extra={"process_id": str(process_id)})
        return count

    def _look(self) -> None:
        rows = fetch_all("SELECT id, beat FROM worker_processes")
        now = time.monotonic()
        before = self._seen if now - self._looked_at < settings.LEVANTE_DEAD_SECONDS / 2 else {}
        self._looked_at = now
        self._seen = {
            process_id: before[process_id]
            if process_id in before and before[process_id][0] == counter
            else (counter, now)
            for process_id, counter in rows
        }

    def _silent_for(self, seconds: float) -> list[tuple[UUID, int]]:
        return [
            (process_id, counter)
            for process_id, (counter, at) in self._seen.items()
            if self._looked_at - at > seconds
        ]


class ClaimWatch:
    """Remembers at which beat a claim was first seen without its process naming it."""

    def __init__(self) -> None:
        self._first_beats: dict[UUID, int] = {}

    def settle_abandoned(self) -> int:
        """Settle claims that their living process does not name, or whose process is unknown."""
        batch = settings.LEVANTE_SWEEP_BATCH
        rows = fetch_all(_NOT_NAMED_SQL, {"batch": batch})
        self._first_beats = {row[1]: self._first_beats.get(row[1], row[-1]) for row in rows}
        abandoned = [
            row[:-1] for row in rows if row[-1] >= self._first_beats[row[1]] + _BEATS_WITHOUT_NAME
        ]
        dead = settings.LEVANTE_DEAD_SECONDS
        abandoned += fetch_all(_OF_NOBODY_SQL, {"dead": dead, "batch": batch})
        return settle(abandoned)


def give_back(action_id: UUID, token: UUID) -> None:
    """Settle the attempt of this process, which is about to end in the middle of it."""
    settle(fetch_all(_OF_TOKEN_SQL, [action_id, token]), STOPPED)


def give_back_unbegun(action_id: UUID, token: UUID, execution_id: UUID | None, target: str) -> None:
    """Leave to another process what this one has claimed and not begun, be it safe or not."""
    if execute(_RELEASE_UNBEGUN_SQL, [action_id, token]):
        ring(Work(actions=(ReadyAction(action_id, execution_id, target),)))


def settle(claims: Sequence[tuple[Any, ...]], reason: str = LOST) -> int:
    """Let a safe action run again, a limited number of times; an unsafe one is in ERROR."""
    released = failed = 0
    for action_id, token, is_safe_rerun, starts, execution_id, target in claims:
        if is_safe_rerun and starts < settings.LEVANTE_MAX_STARTS:
            if execute(_RELEASE_SQL, [action_id, token]):
                ring(Work(actions=(ReadyAction(action_id, execution_id, target),)))
                released += 1
        elif fail_attempt(action_id, token, reason):
            failed += 1
    tally(tallies.CLAIMS_RELEASED, released)
    tally(tallies.CLAIMS_FAILED, failed)
    return released + failed


def fail_attempt(action_id: UUID, token: UUID, reason: str) -> bool:
    """End an attempt for the process that had claimed it. False if it has ended already."""
    row = fetch_one(_FAIL_SQL, [as_payload({"result": reason}), action_id, token])
    if row is not None and row[0] is not None:
        ring(Work(executions=(row[0],)))
    return row is not None
