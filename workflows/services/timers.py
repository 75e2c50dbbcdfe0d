"""Timers that are due: their executions are rung, and the advance does what the timer says."""

from __future__ import annotations

from workflows.canvas import Work, ring
from workflows.models.statements import fetch_all, fetch_one

# Executions rung in one pass.
_BATCH = 500
# The longest sleep, so that a timer set meanwhile is not late.
_LONGEST = 1.0

# A paused execution starts nothing, so what would start something has to wait for the resume.
_FIRES = "(e.state = 'RUNNING' OR t.kind IN ('timeout', 'wait-after'))"
_DUE_SQL = f"""
    SELECT DISTINCT t.execution_id FROM timers t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.due_at <= clock_timestamp() AND {_FIRES} LIMIT %s
"""
_NEXT_SQL = f"""
    SELECT extract(epoch FROM min(t.due_at) - clock_timestamp()) FROM timers t
    JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.due_at > clock_timestamp() AND t.due_at < clock_timestamp() + interval '2 seconds'
      AND {_FIRES}
"""


def ring_due_timers() -> float:
    """Ring every execution with a due timer; give the seconds until the next one, 1 at most."""
    due = tuple(row[0] for row in fetch_all(_DUE_SQL, [_BATCH]))
    row = fetch_one(_NEXT_SQL)
    if due:
        ring(Work(executions=due))
    seconds = float(row[0]) if row and row[0] is not None else _LONGEST
    return max(0.01, min(seconds, _LONGEST))
