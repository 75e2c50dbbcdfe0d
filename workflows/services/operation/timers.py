"""Timers that are due: their executions are rung, and the advance does what the timer says."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from workflows.canvas import Work, ring
from workflows.models.statements import fetch_all, fetch_one
from workflows.services.operation.reminders import Reminders

# The longest sleep, so that a timer set meanwhile is not late.
_LONGEST: Final = 1.0
# The shortest, so that many timers in one moment are rung together.
_SHORTEST: Final = 0.01

# A paused execution starts nothing, so what would start something has to wait for the resume.
_FIRES = "(e.state = 'RUNNING' OR t.kind IN ('timeout', 'wait-after'))"
_DUE_SQL = f"""
    SELECT t.id, t.execution_id FROM timers t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.due_at <= clock_timestamp() AND {_FIRES} AND t.id <> ALL(%s)
    ORDER BY t.due_at LIMIT %s
"""
_NEXT_SQL = f"""
    SELECT extract(epoch FROM min(t.due_at) - clock_timestamp()) FROM timers t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.due_at > clock_timestamp() AND t.due_at < clock_timestamp() + interval '2 seconds'
      AND {_FIRES}
"""

# A timer stays until its execution has been advanced, which may take a while.
_rung = Reminders()


def ring_due_timers() -> float:
    """Ring every execution with a due timer; give the seconds until the next one, 1 at most.

    Deletes nothing: the advance of the execution takes its timers, in one transaction with what
    they do.
    """
    batch = settings.LEVANTE_SWEEP_BATCH
    rows = fetch_all(_DUE_SQL, [_rung.resting(), batch])
    due = set(_rung.take_due(row[0] for row in rows))
    executions = tuple(dict.fromkeys(row[1] for row in rows if row[0] in due))
    if executions:
        ring(Work(executions=executions))
    if len(rows) == batch:
        return _SHORTEST
    row = fetch_one(_NEXT_SQL)
    seconds = float(row[0]) if row and row[0] is not None else _LONGEST
    return max(_SHORTEST, min(seconds, _LONGEST))
