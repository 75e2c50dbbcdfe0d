"""The repair pass: finds what a lost message, a dead process or a crash left behind.

Any number of sweeps may run at once. Each rule reads a small batch and repairs it by the same
guarded statements that the normal way uses, so a repair that comes too late changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings

from workflows.canvas import Lanes, ReadyAction, Work, breaker, ring
from workflows.engine.with_items import MAX_LANES
from workflows.models.statements import FINAL_STATES, OPEN_STATES, fetch_all, fetch_one
from workflows.services.executions.admission import admit_waiting
from workflows.services.executions.expiry import Expiry
from workflows.services.operation import maintenance
from workflows.services.operation.defects import StuckWatch, cancel_orphans, set_missing_timers
from workflows.services.operation.probes import send_probes
from workflows.services.operation.reminders import Reminders
from workflows.services.running import broker_mark
from workflows.services.running.broker import BrokerAway
from workflows.services.running.celery_runs import follow_runs
from workflows.services.running.lost_work import ClaimWatch, ProcessWatch
from workflows.services.telemetry import tallies
from workflows.services.telemetry.tallies import tally

logger = logging.getLogger(__name__)


# A moment of the future was written by a process whose clock is ahead; nothing waits for it.
_IS_LATE = "NOT BETWEEN clock_timestamp() - %(gap)s * interval '1 second' AND clock_timestamp()"
# Accepted and not started, or with inline actions that the last advance had no time for.
_UNSTARTED_SQL = f"""
    SELECT id FROM workflow_executions
    WHERE state = ANY(%(open)s) AND state = 'RUNNING' AND (NOT is_started OR is_cut_off)
      AND coalesce(updated_at, created_at) {_IS_LATE} AND id <> ALL(%(resting)s)
    ORDER BY created_at LIMIT %(batch)s
"""
_UNSEEN_ENDS_SQL = f"""
    SELECT DISTINCT execution_id FROM action_executions
    WHERE state = ANY(%(final)s) AND NOT is_handled AND execution_id IS NOT NULL
      AND coalesce(finished_at, updated_at, created_at) {_IS_LATE}
      AND execution_id <> ALL(%(resting)s)
    LIMIT %(batch)s
"""
_UNSEEN_CHILDREN_SQL = f"""
    SELECT DISTINCT parent_execution_id FROM workflow_executions
    WHERE NOT is_handled AND parent_execution_id IS NOT NULL
      AND coalesce(updated_at, created_at) {_IS_LATE}
      AND parent_execution_id <> ALL(%(resting)s)
    LIMIT %(batch)s
"""
# The gap doubles with each send, so that a deep queue is not flooded. Of one execution only so
# many are sent at once: workers take the others as they end these. Items are for lanes.
_UNCLAIMED_SQL = """
    UPDATE action_executions a
    SET send_count = a.send_count + 1, dispatched_at = clock_timestamp()
    FROM (SELECT x.id, x.dispatched_at, row_number() OVER (
                     PARTITION BY coalesce(x.execution_id, x.id), x.target
                     ORDER BY x.created_at) AS place
          FROM action_executions x
          WHERE x.state = 'RUNNING' AND NOT x.is_handled AND x.token IS NULL AND NOT x.is_inline
            AND NOT x.is_item
            AND (coalesce(x.dispatched_at, x.created_at) < %(lost_at)s
                 OR coalesce(x.dispatched_at, x.created_at) NOT BETWEEN clock_timestamp()
                    - interval '1 second'
                    * least(%(gap)s * power(2, least(x.send_count, 30)), %(longest)s)
                    AND clock_timestamp())
          ORDER BY place, x.dispatched_at LIMIT %(batch)s) late
    WHERE a.id = late.id AND late.place <= %(sent)s AND a.token IS NULL AND a.state = 'RUNNING'
      AND a.dispatched_at IS NOT DISTINCT FROM late.dispatched_at -- another sweep was faster
    RETURNING a.id, a.execution_id, a.target
"""
_OPEN_ITEMS = "SELECT 1 FROM action_executions a WHERE a.task_id = t.id AND NOT a.is_handled"
# For each task with items that somebody may take: how many there are, and how many are at work.
# All counts end where more lanes would bring nothing.
_ITEMS_SQL = f"""
    SELECT * FROM (
        SELECT t.id, t.execution_id, t.concurrency,
               (SELECT count(*) FROM ({_OPEN_ITEMS} AND a.state = 'RUNNING'
                    AND a.token IS NULL AND NOT a.is_inline LIMIT %(lanes)s) AS ready) AS ready,
               (SELECT count(*) FROM ({_OPEN_ITEMS} AND a.state = 'RUNNING'
                    AND a.process_id IS NOT NULL LIMIT %(lanes)s) AS busy) AS busy,
               CASE WHEN t.concurrency IS NULL THEN 0 ELSE least(
                   (SELECT count(*) FROM ({_OPEN_ITEMS} AND a.state = 'IDLE'
                        LIMIT %(lanes)s) AS idle),
                   t.concurrency - (SELECT count(*) FROM ({_OPEN_ITEMS}
                        AND a.state IN ('RUNNING', 'PAUSED')) AS running)) END AS room,
               (SELECT array_agg(DISTINCT a.target) FROM action_executions a
                WHERE a.task_id = t.id AND NOT a.is_handled AND a.token IS NULL
                  AND NOT a.is_inline AND a.state IN ('RUNNING', 'IDLE')) AS targets
        FROM task_executions t
        JOIN workflow_executions e ON e.id = t.execution_id AND e.state = 'RUNNING'
        WHERE t.state = ANY(%(open)s) AND t.state = 'RUNNING' AND t.items_total IS NOT NULL
          AND t.id <> ALL(%(resting)s)) AS found
    WHERE (ready > 0 OR room > 0) AND busy < %(lanes)s
    LIMIT %(batch)s
"""


class Sweep:
    """One sweeping process, with what it remembers from one pass to the next."""

    def __init__(self) -> None:
        self._executions = Reminders()
        self._lanes = Reminders(at_once=False)
        self._processes = ProcessWatch()
        self._claims = ClaimWatch()
        self._stuck = StuckWatch()
        self._expiry = Expiry()
        self._is_broker_there = True
        self._lost_at: datetime | None = None
        self._next_check = 0.0

    def run(self) -> int:
        """Apply the rules once; give how many things were repaired."""
        rules: list[Callable[[], int]] = [
            self._processes.bury_dead_processes,
            self._claims.settle_abandoned,
            cancel_orphans,
            maintenance.carry_out,
            admit_waiting,
            self._expiry.expire_executions,
        ]
        if self._is_broker_there:
            rules.append(send_probes)
        if _attempt(self.look_at_broker):
            rules += [self.ring_waiting, self.resend_unclaimed, self.ring_lanes, follow_runs]
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + settings.LEVANTE_STUCK_SECONDS
            rules += [set_missing_timers, self._stuck.nudge_stuck]
        found = {rule.__name__: _attempt(rule) or 0 for rule in rules}
        _attempt(partial(_count, found))
        return sum(found.values())

    def look_at_broker(self) -> bool:
        """Tell whether the broker takes messages. One that has lost its data is sent all again.

        Without this question each ring that cannot be sent would make the gap to the next longer.
        """
        was_there = self._is_broker_there
        try:
            if self._lost_at is None and broker_mark.has_lost_its_mark():
                logger.warning("The broker has lost its data; what is waiting is sent again.")
                self._lost_at = fetch_one("SELECT clock_timestamp()")[0]
                self._executions, self._lanes = Reminders(), Reminders(at_once=False)
            self._is_broker_there = True
        except BrokerAway:
            self._is_broker_there = False
            if was_there:
                logger.warning("The broker does not answer; what is waiting is sent later.")
        return self._is_broker_there and not breaker.is_open

    def ring_waiting(self) -> int:
        """Ring executions that something waits for: a start, a result, a sub-workflow's end."""
        values = {
            "open": OPEN_STATES,
            "final": FINAL_STATES,
            "gap": settings.LEVANTE_RESEND_SECONDS if self._lost_at is None else 0,
            "resting": self._executions.resting(),
            "batch": settings.LEVANTE_SWEEP_BATCH,
        }
        statements = (_UNSTARTED_SQL, _UNSEEN_ENDS_SQL, _UNSEEN_CHILDREN_SQL)
        found = [row[0] for sql in statements for row in fetch_all(sql, values)]
        due = tuple(self._executions.take_due(found))
        if due:
            ring(Work(executions=due))
        return len(due)

    def resend_unclaimed(self) -> int:
        """Send actions again that no worker has claimed for a while.

        After a loss of the broker's data these are all that were sent before it, as fast as the
        time of one pass allows; the mark is renewed when none is left.
        """
        batch = settings.LEVANTE_SWEEP_BATCH
        deadline = time.monotonic() + settings.LEVANTE_SWEEP_SECONDS
        count = sent = self._resend_some()
        while self._lost_at and sent == batch and time.monotonic() < deadline:
            sent = self._resend_some()
            count += sent
        if self._lost_at and sent < batch and not breaker.is_open:
            broker_mark.renew_mark()
            self._lost_at = None
        return count

    def ring_lanes(self) -> int:
        """Have lanes work on tasks with items that somebody could take.

        If nobody is at work, all lanes are rung; otherwise one, since more may be on their way.
        """
        rows = fetch_all(
            _ITEMS_SQL,
            {
                "open": OPEN_STATES,
                "lanes": MAX_LANES,
                "resting": self._lanes.resting(),
                "batch": settings.LEVANTE_SWEEP_BATCH,
            },
        )
        due = set(self._lanes.take_due(row[0] for row in rows))
        lanes = tuple(
            Lanes(task_id, execution_id, _missing_lanes(limit, ready, busy, room), target)
            for task_id, execution_id, limit, ready, busy, room, targets in rows
            if task_id in due
            for target in targets
        )
        if lanes:
            ring(Work(lanes=lanes))
        return len({one.task_id for one in lanes})

    def _resend_some(self) -> int:
        values: dict[str, Any] = {
            "lost_at": self._lost_at,
            "gap": settings.LEVANTE_RESEND_SECONDS,
            "sent": settings.LEVANTE_ACTIONS_SENT,
            "longest": settings.LEVANTE_LONGEST_RESEND_SECONDS,
            "batch": settings.LEVANTE_SWEEP_BATCH,
        }
        rows = fetch_all(_UNCLAIMED_SQL, values)
        if rows:
            ring(Work(actions=tuple(ReadyAction(*row) for row in rows)))
        return len(rows)


def _count(found: dict[str, int]) -> int:
    for rule, count in found.items():
        tally(tallies.SWEEP + rule, count)
    return 0


def _missing_lanes(limit: int | None, ready: int, busy: int, room: int) -> int:
    if busy:
        return 1
    return min(limit or MAX_LANES, ready + max(room, 0), MAX_LANES)


def _attempt(rule: Callable[[], int]) -> int:
    """A rule that fails must not keep the others from working."""
    try:
        return rule()
    except Exception:  # a border: each rule is a program of its own
        name = getattr(rule, "__name__", "count")
        logger.exception("A rule of the sweep failed.", extra={"rule": name})
        return 0
