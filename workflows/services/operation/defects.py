"""Rules of the sweep for what should not exist: each repairs it and says so in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from workflows.engine.states import State
from workflows.models.statements import FINAL_STATES, OPEN_STATES, execute, fetch_all
from workflows.services.advancing.advance import advance
from workflows.services.advancing.parking import NO_PROGRESS, park
from workflows.services.executions.executions import change_state

logger = logging.getLogger(__name__)


# A moment of the future was written by a process whose clock is ahead; nothing waits for it.
_IS_OLD = "NOT BETWEEN clock_timestamp() - %(age)s * interval '1 second' AND clock_timestamp()"
_ORPHANS_SQL = f"""
    SELECT c.id FROM workflow_executions c
    JOIN workflow_executions p ON p.id = c.parent_execution_id
    WHERE c.state = ANY(%(open)s) AND p.state = 'CANCELLED'
      AND coalesce(p.finished_at, p.updated_at, p.created_at) {_IS_OLD}
    LIMIT %(batch)s
"""
_WITHOUT_TIMER_SQL = f"""
    SELECT t.id, t.execution_id, t.waits_for FROM task_executions t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.state = 'DELAYED' AND t.waits_for IN ('wait-before', 'wait-after', 'retry')
      AND e.state = ANY(%(open)s)
      AND coalesce(t.updated_at, t.created_at) {_IS_OLD}
      AND NOT EXISTS (SELECT 1 FROM timers m WHERE m.task_id = t.id AND m.kind = t.waits_for)
    LIMIT %(batch)s
"""
_SET_TIMER_SQL = """
    INSERT INTO timers (id, execution_id, task_id, kind, due_at)
    VALUES (%s, %s, %s, %s, clock_timestamp()) ON CONFLICT (task_id, kind) DO NOTHING
"""
# A join that waits while nothing else is open waits in vain.
_STUCK_SQL = f"""
    SELECT e.id FROM workflow_executions e
    WHERE e.state = ANY(%(open)s) AND e.state = 'RUNNING' AND e.is_started AND NOT e.is_cut_off
      AND coalesce(e.updated_at, e.created_at) {_IS_OLD}
      AND NOT EXISTS (SELECT 1 FROM task_executions t
                      WHERE t.execution_id = e.id AND t.state = ANY(%(open)s)
                        AND t.state <> 'WAITING')
      AND NOT EXISTS (SELECT 1 FROM action_executions a
                      WHERE a.execution_id = e.id AND NOT a.is_handled AND a.state = ANY(%(final)s))
      AND NOT EXISTS (SELECT 1 FROM workflow_executions c
                      WHERE c.parent_execution_id = e.id AND NOT c.is_handled)
    ORDER BY e.created_at LIMIT %(batch)s
"""


class StuckWatch:
    """Remembers which executions had nothing left to do when it last looked."""

    def __init__(self) -> None:
        self._seen: set[UUID] = set()

    def nudge_stuck(self) -> int:
        """Let the engine look at running executions in which nothing is open.

        It ends them. One that is found again is a fault of ours, and is ended here.
        """
        rows = fetch_all(_STUCK_SQL, _values(settings.LEVANTE_STUCK_SECONDS))
        stuck = {row[0] for row in rows}
        for execution_id in stuck & self._seen:
            logger.error(
                "An execution has nothing left to do and does not end.",
                extra={"execution_id": str(execution_id)},
            )
        _try_each(
            stuck & self._seen,
            lambda execution_id: park(execution_id, NO_PROGRESS),
        )
        stuck -= self._seen
        self._seen = stuck
        return _try_each(stuck, lambda execution_id: advance(execution_id, force=True))


def cancel_orphans() -> int:
    """Cancel sub-workflows that were not told that their parent was cancelled."""
    rows = fetch_all(_ORPHANS_SQL, _values(settings.LEVANTE_RESEND_SECONDS))
    return _try_each(
        {row[0] for row in rows}, lambda child_id: change_state(child_id, State.CANCELLED)
    )


def set_missing_timers() -> int:
    """Wake up delayed tasks that have no timer."""
    rows = fetch_all(_WITHOUT_TIMER_SQL, _values(settings.LEVANTE_RESEND_SECONDS))
    for task_id, execution_id, kind in rows:
        logger.error("A delayed task had no timer.", extra={"task_id": str(task_id)})
        execute(_SET_TIMER_SQL, [uuid4(), execution_id, task_id, kind])
    return len(rows)


def _try_each(execution_ids: set[UUID], repair: Callable[[UUID], None]) -> int:
    """Repair one after the other; one that cannot be repaired must not keep the others waiting."""
    count = 0
    for execution_id in execution_ids:
        try:
            repair(execution_id)
            count += 1
        except Exception:  # a border: whatever is wrong with this one
            logger.exception(
                "An execution could not be repaired.", extra={"execution_id": str(execution_id)}
            )
    return count


def _values(age: float) -> dict[str, Any]:
    return {
        "open": OPEN_STATES,
        "final": FINAL_STATES,
        "age": age,
        "batch": settings.LEVANTE_SWEEP_BATCH,
    }
