"""What is stuck, lost or overdue right now, why, and what to do about it.

For a person who wonders why nothing happens. Everything here is also found and repaired by the
sweep, so a finding means that the sweep does not run, that something it needs is missing, or that a
person has to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from workflows.models.statements import FINAL_STATES, OPEN_STATES, fetch_all, fetch_one
from workflows.services.advancing.parking import PARKED_PATTERNS
from workflows.services.running.broker import is_reachable

_EXAMPLES: Final = 5
_MOST: Final = 10_000  # what is counted at most

_ALIVE_SQL = """
    SELECT count(*) FROM worker_processes
    WHERE beat_at > clock_timestamp() - %s * interval '1 second'
"""
_SILENT_SQL = """
    SELECT host, pid FROM worker_processes
    WHERE beat_at < clock_timestamp() - %s * interval '1 second'
"""
_OLDER = "< statement_timestamp() - %(age)s * interval '1 second'"
_NO_SWEEP = "The sweep repairs this within seconds: look whether `manage.py sweep` runs."


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: how often, some ids of it, why, and the way out."""

    what: str
    count: int
    examples: tuple[str, ...]
    reason: str
    way_out: str


@dataclass(frozen=True, slots=True)
class _Check:
    """`sql` gives the ids, oldest first; `age` are seconds that it may take in good order."""

    what: str
    sql: str
    reason: str
    way_out: str
    age: float = 0.0


def _checks() -> tuple[_Check, ...]:
    slow = 10 * settings.LEVANTE_RESEND_SECONDS
    dead = 2 * settings.LEVANTE_DEAD_SECONDS
    return (
        _Check(
            "executions that have not started",
            f"""SELECT id FROM workflow_executions
                WHERE state = ANY(%(open)s) AND state = 'RUNNING' AND NOT is_started
                  AND created_at {_OLDER} ORDER BY created_at""",
            "They were accepted, and no worker of the queue `engine` has looked at them.",
            "Start an engine worker and the sweep, or wait if the queue is long.",
            slow,
        ),
        _Check(
            "actions that nobody takes",
            f"""SELECT a.id FROM action_executions a
                LEFT JOIN workflow_executions e ON e.id = a.execution_id
                WHERE NOT a.is_handled AND a.state = 'RUNNING' AND a.token IS NULL
                  AND NOT a.is_inline AND coalesce(a.dispatched_at, a.created_at) {_OLDER}
                  AND coalesce(e.state, 'RUNNING') = 'RUNNING' ORDER BY a.created_at""",
            "No worker listens to their queue, or all are busy.",
            "Start workers; a task with `target: NAME` needs one with `--queues NAME`.",
            slow,
        ),
        _Check(
            "actions whose worker is lost",
            f"""SELECT a.id FROM action_executions a
                LEFT JOIN worker_processes p ON p.id = a.process_id
                WHERE NOT a.is_handled AND a.state = 'RUNNING' AND a.token IS NOT NULL
                  AND a.process_id IS NOT NULL AND a.started_at {_OLDER}
                  AND (p.id IS NULL OR p.beat_at {_OLDER}) ORDER BY a.started_at""",
            "Their process shows no sign of life.",
            _NO_SWEEP,
            dead,
        ),
        _Check(
            "actions past their time",
            """SELECT id FROM action_executions
               WHERE NOT is_handled AND state = 'RUNNING' AND token IS NOT NULL
                 AND process_id IS NOT NULL
                 AND started_at < clock_timestamp() - interval '1 second'
                     * (coalesce(nullif(timeout, 0), %(timeout)s) + %(age)s) ORDER BY started_at""",
            "They neither end nor can they be interrupted.",
            "Restart their worker; what is unsafe to repeat ends in ERROR.",
            dead,
        ),
        _Check(
            "results that nobody has looked at",
            f"""SELECT execution_id FROM action_executions
                WHERE NOT is_handled AND state = ANY(%(final)s) AND execution_id IS NOT NULL
                  AND coalesce(finished_at, created_at) {_OLDER} ORDER BY finished_at""",
            "Their executions were not moved on.",
            _NO_SWEEP,
            slow,
        ),
        _Check(
            "timers that are overdue",
            f"""SELECT t.execution_id FROM timers t
                JOIN workflow_executions e ON e.id = t.execution_id
                WHERE t.due_at {_OLDER}
                  AND (e.state = 'RUNNING' OR t.kind IN ('timeout', 'wait-after'))
                ORDER BY t.due_at""",
            "Retries, waits and timeouts of these executions are late.",
            _NO_SWEEP,
            slow,
        ),
        _Check(
            "executions with nothing left to do",
            f"""SELECT e.id FROM workflow_executions e
                WHERE e.state = ANY(%(open)s) AND e.state = 'RUNNING' AND e.is_started
                  AND coalesce(e.updated_at, e.created_at) {_OLDER}
                  AND NOT EXISTS (SELECT 1 FROM task_executions t WHERE t.execution_id = e.id
                                  AND t.state = ANY(%(open)s) AND t.state <> 'WAITING')
                ORDER BY e.created_at""",
            "All their tasks have ended and they have not: a fault of Levante.",
            f"{_NO_SWEEP} Please report it.",
            3 * settings.LEVANTE_STUCK_SECONDS,
        ),
        _Check(
            "sub-workflows of what was cancelled",
            f"""SELECT c.id FROM workflow_executions c
                JOIN workflow_executions p ON p.id = c.parent_execution_id
                WHERE c.state = ANY(%(open)s) AND p.state = 'CANCELLED'
                  AND coalesce(p.finished_at, p.created_at) {_OLDER}""",
            "They were not told.",
            _NO_SWEEP,
            slow,
        ),
        _Check(
            "executions that were given up",
            """SELECT id FROM workflow_executions
               WHERE state = 'ERROR' AND parent_task_id IS NULL
                 AND finished_at > statement_timestamp() - interval '1 day'
                 AND state_info LIKE ANY(%(parked)s)""",
            "Moving them on failed each time; `state_info` and the log say how.",
            "Mend the cause, then rerun the failed task or start the execution anew.",
        ),
        _Check(
            "queues that nobody listens to",
            f"""SELECT name FROM queue_probes WHERE answered_at IS NULL AND sent_at {_OLDER}""",
            "A probe was sent and no worker has taken it.",
            "Start a worker with `--queues NAME`, or restart the one that hears nothing.",
            settings.LEVANTE_DEAF_SECONDS,
        ),
    )


def find_problems() -> list[Finding]:
    """Look for everything that is wrong; an empty list means that all is well."""
    return [*_missing_parts(), *_run_checks()]


def _run_checks() -> Iterator[Finding]:
    for check in _checks():
        values = {
            "open": OPEN_STATES,
            "final": FINAL_STATES,
            "parked": PARKED_PATTERNS,
            "age": check.age,
            "timeout": settings.LEVANTE_ACTION_TIMEOUT,
        }
        rows = fetch_all(
            f"SELECT id, count(*) OVER () FROM (SELECT * FROM ({check.sql})"
            f" AS found (id) LIMIT {_MOST}) AS counted LIMIT {_EXAMPLES}",
            values,
        )
        if rows:
            examples = tuple(str(row[0]) for row in rows)
            yield Finding(check.what, rows[0][1], examples, check.reason, check.way_out)


def _missing_parts() -> Iterator[Finding]:
    if not is_reachable():
        yield Finding(
            "the broker",
            1,
            (),
            "It does not answer. Nothing is lost, and nothing new begins.",
            "Start it, or correct the URL of the broker.",
        )
    if not fetch_one(_ALIVE_SQL, [settings.LEVANTE_DEAD_SECONDS])[0]:
        yield Finding("workers", 1, (), "No worker process shows a beat.", "Start workers.")
    age = _seconds_since("SELECT max(sent_at) FROM queue_probes")
    if age is None or age > 3 * max(settings.LEVANTE_PROBE_SECONDS, settings.LEVANTE_DEAF_SECONDS):
        text = "never" if age is None else f"{age:.0f} seconds ago"
        yield Finding(
            "the sweep",
            1,
            (),
            f"It has sent its last probe {text}.",
            "Start `manage.py sweep`; what is lost is repaired by nobody else.",
        )
    if stale := fetch_all(_SILENT_SQL, [2 * settings.LEVANTE_DEAD_SECONDS]):
        examples = tuple(f"{host}:{pid}" for host, pid in stale[:_EXAMPLES])
        reason = "They were not buried."
        yield Finding("dead worker processes", len(stale), examples, reason, _NO_SWEEP)


def _seconds_since(sql: str) -> float | None:
    row: Any = fetch_one(f"SELECT extract(epoch FROM clock_timestamp() - ({sql}))")
    return None if row[0] is None else float(row[0])
