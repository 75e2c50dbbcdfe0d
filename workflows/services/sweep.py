"""The repair pass: finds what a lost message, a dead process or a crash left behind.

Any number of sweeps may run at once. Each rule reads a small batch and repairs it by the same
guarded statements that the normal way uses, so a repair that comes too late changes nothing.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import redis
from django.conf import settings

from workflows.canvas import Lanes, ReadyAction, Work, ring
from workflows.engine.states import FINAL, UNFINISHED, State
from workflows.models.statements import as_payload, execute, fetch_all
from workflows.services.advance import advance
from workflows.services.executions import change_state

logger = logging.getLogger(__name__)

LOST = "The worker was lost; the outcome of the action is unknown."

_FINAL = [str(state) for state in sorted(FINAL)]
_OPEN = [str(state) for state in sorted(UNFINISHED)]

_WAITING_EXECUTIONS_SQL = """
    SELECT id FROM workflow_executions
    WHERE state = ANY(%(open)s) AND created_at < clock_timestamp() - %(gap)s * interval '1 second'
      AND ((state = 'RUNNING' AND (NOT is_started OR is_cut_off))
           OR EXISTS (SELECT 1 FROM action_executions a
                      WHERE a.execution_id = workflow_executions.id AND NOT a.is_handled
                        AND a.state = ANY(%(final)s)
                        AND a.finished_at < clock_timestamp() - %(gap)s * interval '1 second')
           OR EXISTS (SELECT 1 FROM workflow_executions c
                      WHERE c.parent_execution_id = workflow_executions.id AND NOT c.is_handled
                        AND c.updated_at < clock_timestamp() - %(gap)s * interval '1 second'))
    LIMIT %(batch)s
"""
_LATE_RESULTS_SQL = """
    SELECT DISTINCT a.execution_id FROM action_executions a
    JOIN workflow_executions e ON e.id = a.execution_id
    WHERE NOT a.is_handled AND a.state = ANY(%(final)s) AND e.state = ANY(%(final)s)
      AND a.finished_at < clock_timestamp() - %(gap)s * interval '1 second'
    LIMIT %(batch)s
"""
# The gap doubles with each send, so that a deep queue is not flooded.
_UNCLAIMED_SQL = """
    UPDATE action_executions a
    SET send_count = a.send_count + 1, dispatched_at = clock_timestamp()
    FROM (SELECT x.id, t.items_total FROM action_executions x
          LEFT JOIN task_executions t ON t.id = x.task_id
          WHERE x.state = 'RUNNING' AND x.token IS NULL AND NOT x.is_inline
            AND (%(all)s OR x.dispatched_at < clock_timestamp() - interval '1 second'
                 * least(%(gap)s * power(2, x.send_count), %(longest)s))
          LIMIT %(batch)s FOR UPDATE OF x SKIP LOCKED) late
    WHERE a.id = late.id
    RETURNING a.id, a.execution_id, a.target, a.task_id, late.items_total IS NOT NULL
"""
# Items that may start although nobody is at work on their task.
_IDLE_ITEMS_SQL = """
    SELECT t.id, t.execution_id FROM task_executions t
    JOIN workflow_executions e ON e.id = t.execution_id AND e.state = 'RUNNING'
    WHERE t.state = 'RUNNING' AND t.concurrency IS NOT NULL
      AND t.updated_at < clock_timestamp() - %(gap)s * interval '1 second'
      AND EXISTS (SELECT 1 FROM action_executions a WHERE a.task_id = t.id AND a.state = 'IDLE')
      AND (SELECT count(*) FROM action_executions a
           WHERE a.task_id = t.id AND a.state IN ('RUNNING', 'PAUSED')) < t.concurrency
    LIMIT %(batch)s
"""
# Claimed by a process that is gone, or that has not named the attempt for two beats.
_ABANDONED_SQL = """
    SELECT a.id, a.token, a.is_safe_rerun, a.starts, a.execution_id, a.target
    FROM action_executions a LEFT JOIN worker_processes p ON p.id = a.process_id
    WHERE a.state = 'RUNNING' AND a.token IS NOT NULL AND a.process_id IS NOT NULL
      AND a.started_at < clock_timestamp() - %(dead)s * interval '1 second'
      AND (p.id IS NULL
           OR (p.beat_at > a.started_at + %(beats)s * interval '1 second'
               AND NOT p.tokens::jsonb ? a.token::text))
    LIMIT %(batch)s
"""
_OF_PROCESS_SQL = """
    SELECT id, token, is_safe_rerun, starts, execution_id, target FROM action_executions
    WHERE state = 'RUNNING' AND token IS NOT NULL AND process_id = %s
"""
_RELEASE_SQL = """
    UPDATE action_executions SET token = NULL, process_id = NULL, dispatched_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
_LOSE_SQL = """
    UPDATE action_executions
    SET state = 'ERROR', output = %s, finished_at = clock_timestamp(),
        updated_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
_ORPHANS_SQL = """
    SELECT c.id FROM workflow_executions c
    JOIN workflow_executions p ON p.id = c.parent_execution_id
    WHERE c.state = ANY(%(open)s) AND p.state = 'CANCELLED'
      AND p.finished_at < clock_timestamp() - %(gap)s * interval '1 second'
    LIMIT %(batch)s
"""
_WITHOUT_TIMER_SQL = """
    SELECT t.id, t.execution_id, t.waits_for FROM task_executions t
    WHERE t.state = 'DELAYED' AND t.waits_for IN ('wait-before', 'wait-after', 'retry')
      AND t.updated_at < clock_timestamp() - %(gap)s * interval '1 second'
      AND NOT EXISTS (SELECT 1 FROM timers m WHERE m.task_id = t.id AND m.kind = t.waits_for)
    LIMIT %(batch)s
"""
_SET_TIMER_SQL = """
    INSERT INTO timers (id, execution_id, task_id, kind, due_at)
    VALUES (%s, %s, %s, %s, clock_timestamp()) ON CONFLICT (task_id, kind) DO NOTHING
"""
_STUCK_SQL = """
    SELECT e.id FROM workflow_executions e
    WHERE e.state = 'RUNNING' AND e.is_started AND NOT e.is_cut_off
      AND e.updated_at < clock_timestamp() - %(stuck)s * interval '1 second'
      AND NOT EXISTS (SELECT 1 FROM task_executions t
                      WHERE t.execution_id = e.id AND t.state = ANY(%(open)s)
                        AND t.state <> 'WAITING')
    LIMIT %(batch)s
"""


class Sweep:
    """One sweeping process. It remembers when it saw each worker's counter move."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[int, float]] = {}
        self._mark: str | None = None

    def run(self) -> int:
        """Apply every rule once; give how many things were repaired."""
        rules: list[Callable[[], int]] = [
            self.check_broker,
            advance_waiting,
            resend_unclaimed,
            ring_idle_items,
            self.bury_dead_processes,
            settle_abandoned,
            cancel_orphans,
            set_missing_timers,
            nudge_stuck,
        ]
        return sum(_try(rule) for rule in rules)

    def check_broker(self) -> int:
        """A broker whose mark is gone has lost its messages: send everything again."""
        try:
            with redis.Redis.from_url(
                settings.CELERY_BROKER_URL, socket_timeout=2, socket_connect_timeout=2
            ) as client:
                found = client.get(settings.LEVANTE_BROKER_MARK)
                if found is not None and (self._mark is None or found.decode() == self._mark):
                    self._mark = found.decode()
                    return 0
                mark = secrets.token_hex(16)
                client.set(settings.LEVANTE_BROKER_MARK, mark, nx=True)
        except redis.RedisError:
            return 0
        if self._mark is None and found is None:
            logger.info("The broker is new; what is waiting is sent again.")
        elif self._mark is not None:
            logger.warning("The broker has lost its data; what is waiting is sent again.")
        self._mark = None
        return resend_unclaimed(everything=True) + advance_waiting(gap=0)

    def bury_dead_processes(self) -> int:
        """Settle what dead processes had claimed.

        A process is dead when its counter has not moved for LEVANTE_DEAD_SECONDS of our own clock;
        no clocks are compared. If most seem dead at once, it is more likely us: wait once more.
        """
        now = time.monotonic()
        rows = fetch_all("SELECT id, beat FROM worker_processes", {})
        before = self._seen
        self._seen = {
            process: before[process]
            if process in before and before[process][0] == counter
            else (counter, now)
            for process, counter in rows
        }
        dead = [
            process
            for process, (_, at) in self._seen.items()
            if now - at > settings.LEVANTE_DEAD_SECONDS
        ]
        if len(dead) > 1 and len(dead) * 2 > len(rows):
            patience = 2 * settings.LEVANTE_DEAD_SECONDS
            dead = [process for process in dead if now - self._seen[process][1] > patience]
        count = 0
        for process in dead:
            count += _settle(fetch_all(_OF_PROCESS_SQL, [process]))
            execute("DELETE FROM worker_processes WHERE id = %s", [process])
            logger.warning("A worker process is dead.", extra={"process_id": str(process)})
        return count


def advance_waiting(gap: float | None = None) -> int:
    """Ring executions that something waits for: their start, a result, a sub-workflow's end."""
    values = _values(gap)
    found = fetch_all(_WAITING_EXECUTIONS_SQL, values) + fetch_all(_LATE_RESULTS_SQL, values)
    return _ring_executions([row[0] for row in found])


def resend_unclaimed(*, everything: bool = False) -> int:
    """Send actions again that no worker has claimed for a while."""
    rows = fetch_all(
        _UNCLAIMED_SQL,
        {
            "all": everything,
            "gap": settings.LEVANTE_RESEND_SECONDS,
            "longest": settings.LEVANTE_LONGEST_RESEND_SECONDS,
            "batch": settings.LEVANTE_SWEEP_BATCH,
        },
    )
    actions = [ReadyAction(row[0], row[1], row[2]) for row in rows if not row[4]]
    tasks = {row[3]: row for row in rows if row[4]}
    lanes = [Lanes(task_id, row[1], 1, row[2]) for task_id, row in tasks.items()]
    if rows:
        ring(Work(actions=tuple(actions), lanes=tuple(lanes)))
    return len(rows)


def ring_idle_items() -> int:
    """Have a lane work on tasks whose items may start while nobody is at work."""
    rows = fetch_all(_IDLE_ITEMS_SQL, _values())
    if rows:
        ring(Work(lanes=tuple(Lanes(task_id, execution, 1, "") for task_id, execution in rows)))
    return len(rows)


def settle_abandoned() -> int:
    """Settle claims that no living process names any more."""
    values = _values() | {
        "dead": settings.LEVANTE_DEAD_SECONDS,
        "beats": 2 * settings.LEVANTE_BEAT_SECONDS + settings.LEVANTE_STOP_POLL_SECONDS,
    }
    return _settle(fetch_all(_ABANDONED_SQL, values))


def cancel_orphans() -> int:
    """Cancel sub-workflows that were not told that their parent was cancelled."""
    rows = fetch_all(_ORPHANS_SQL, _values())
    for (child_id,) in rows:
        change_state(child_id, State.CANCELLED)
    return len(rows)


def set_missing_timers() -> int:
    """Wake up delayed tasks that have no timer."""
    rows = fetch_all(_WITHOUT_TIMER_SQL, _values())
    for task_id, execution_id, kind in rows:
        logger.error("A delayed task had no timer.", extra={"task_id": str(task_id)})
        execute(_SET_TIMER_SQL, [uuid4(), execution_id, task_id, kind])
    return len(rows)


def nudge_stuck() -> int:
    """Look at running executions in which nothing is open; there should be none."""
    rows = fetch_all(_STUCK_SQL, _values() | {"stuck": settings.LEVANTE_STUCK_SECONDS})
    for (execution_id,) in rows:
        logger.error("An execution had nothing left to do.", extra={"id": str(execution_id)})
        advance(execution_id, force=True)
    return len(rows)


def _settle(rows: list[tuple[Any, ...]]) -> int:
    """Run a safe action again, a limited number of times; an unsafe one is in ERROR."""
    for action_id, token, is_safe_rerun, starts, execution_id, target in rows:
        if is_safe_rerun and starts < settings.LEVANTE_MAX_STARTS:
            if execute(_RELEASE_SQL, [action_id, token]):
                ring(Work(actions=(ReadyAction(action_id, execution_id, target),)))
            continue
        output = as_payload({"result": LOST})
        if execute(_LOSE_SQL, [output, action_id, token]) and execution_id is not None:
            ring(Work(executions=(execution_id,)))
    return len(rows)


def _ring_executions(ids: list[UUID]) -> int:
    if ids:
        ring(Work(executions=tuple(dict.fromkeys(ids))))
    return len(ids)


def _values(gap: float | None = None) -> dict[str, Any]:
    return {
        "final": _FINAL,
        "open": _OPEN,
        "gap": settings.LEVANTE_RESEND_SECONDS if gap is None else gap,
        "batch": settings.LEVANTE_SWEEP_BATCH,
    }


def _try(rule: Callable[[], int]) -> int:
    """A rule that fails must not keep the others from working."""
    try:
        return rule()
    except Exception:
        logger.exception("A rule of the sweep failed.", extra={"rule": rule.__name__})
        return 0
