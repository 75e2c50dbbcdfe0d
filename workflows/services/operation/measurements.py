"""What the metrics show, measured in the database and in the broker at the moment of asking.

Every statement reads what is open, or what ended within the last minutes, through an index made
for it; so it costs the same with a million ended executions as with none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from workflows.canvas import ACTION_QUEUE, ENGINE_QUEUE
from workflows.models.statements import FINAL_STATES, OPEN_STATES, fetch_all, fetch_one
from workflows.services.running.broker import BrokerAway, redis_client
from workflows.services.telemetry.tallies import read_tallies

_MOST_TARGETS: Final = 50  # a label for each name that users invent would be without bound

_AGE = "coalesce(extract(epoch FROM clock_timestamp() - min({})), 0)::float8"
_LIVE_SQL = """
    SELECT state, count(*) FROM workflow_executions WHERE state = ANY(%s) GROUP BY state
"""
_ENDED_SQL = """
    SELECT state, count(*) FROM workflow_executions
    WHERE finished_at > statement_timestamp() - interval '5 minutes'
      AND state = ANY(%s) AND parent_task_id IS NULL
    GROUP BY state
"""
_READY_SQL = f"""
    SELECT target, count(*), {_AGE.format("coalesce(dispatched_at, created_at)")}
    FROM action_executions
    WHERE NOT is_handled AND state = 'RUNNING' AND token IS NULL AND NOT is_inline
    GROUP BY target ORDER BY count(*) DESC LIMIT {_MOST_TARGETS}
"""
_CLAIMED_SQL = f"""
    SELECT count(*) FILTER (WHERE process_id IS NOT NULL),
           count(*) FILTER (WHERE process_id IS NULL),
           {_AGE.format("started_at")}
    FROM action_executions WHERE NOT is_handled AND state = 'RUNNING' AND token IS NOT NULL
"""
_UNSTARTED_SQL = f"""
    SELECT count(*), {_AGE.format("created_at")} FROM workflow_executions
    WHERE state = ANY(%s) AND state = 'RUNNING' AND NOT is_started
"""
_UNSEEN_SQL = f"""
    SELECT count(*), {_AGE.format("finished_at")} FROM action_executions
    WHERE NOT is_handled AND state = ANY(%s)
"""
_TIMERS_SQL = f"""
    SELECT (SELECT count(*) FROM timers), count(*), {_AGE.format("t.due_at")}
    FROM timers t JOIN workflow_executions e ON e.id = t.execution_id
    WHERE t.due_at < statement_timestamp()
      AND (e.state = 'RUNNING' OR t.kind IN ('timeout', 'wait-after'))
"""
_PROCESSES_SQL = f"""
    SELECT queues, count(*), {_AGE.format("beat_at")},
           count(*) FILTER (WHERE tokens::jsonb <> '[]') FROM worker_processes GROUP BY queues
"""
_PROBES_SQL = """
    SELECT name, CASE WHEN answered_at IS NULL
                      THEN extract(epoch FROM clock_timestamp() - sent_at)
                      ELSE 0 END::float8,
           extract(epoch FROM answered_at - sent_at)::float8,
           extract(epoch FROM clock_timestamp() - sent_at)::float8
    FROM queue_probes
"""
_BEAT_SQL = """
    SELECT extract(epoch FROM clock_timestamp() - max(last_run_at))::float8
    FROM django_celery_beat_periodictask WHERE enabled
"""
_TABLES_SQL = """
    SELECT c.relname, greatest(c.reltuples, 0)::float8, coalesce(s.n_dead_tup, 0)
    FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relname = ANY(%s)
"""
_TABLES: Final = ["workflow_executions", "task_executions", "action_executions", "timers"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number. `labels` tell it from others of the same name; `is_total` says that it grows."""

    name: str
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    is_total: bool = False


def take_measurements() -> list[Metric]:
    """Measure everything once."""
    return [
        *_executions(),
        *_actions(),
        *_timers(),
        *_processes(),
        *_tallies(),
        *_tables(),
        *_broker(),
    ]


def _executions() -> Iterator[Metric]:
    live = dict(fetch_all(_LIVE_SQL, [OPEN_STATES]))
    for state in OPEN_STATES:
        text = "Executions that are not final, by state."
        yield Metric("executions", text, live.get(state, 0), (("state", state),))
    ended = dict(fetch_all(_ENDED_SQL, [FINAL_STATES]))
    for state in ("SUCCESS", "ERROR", "CANCELLED"):
        text = "Root executions that ended in the last five minutes, by state."
        yield Metric("executions_ended_recently", text, ended.get(state, 0), (("state", state),))
    count, age = fetch_one(_UNSTARTED_SQL, [OPEN_STATES])
    yield Metric("executions_waiting", "Accepted executions without a first task.", count)
    yield Metric("executions_waiting_seconds", "Age of the oldest of them.", age)


def _actions() -> Iterator[Metric]:
    for target, count, age in fetch_all(_READY_SQL):
        labels = (("target", target),)
        yield Metric("actions_ready", "Actions that no worker has taken.", count, labels)
        yield Metric("actions_ready_seconds", "For how long the oldest waits.", age, labels)
    claimed, outside, age = fetch_one(_CLAIMED_SQL)
    yield Metric("actions_running", "Actions that a worker runs.", claimed)
    yield Metric("actions_running_seconds", "For how long the oldest runs.", age)
    yield Metric("actions_outside", "Actions that wait for a result from outside.", outside)
    count, age = fetch_one(_UNSEEN_SQL, [FINAL_STATES])
    yield Metric("results_unseen", "Ends that their execution has not taken note of.", count)
    yield Metric("results_unseen_seconds", "Age of the oldest of them.", age)


def _timers() -> Iterator[Metric]:
    count, overdue, lag = fetch_one(_TIMERS_SQL)
    yield Metric("timers", "Timers that are set.", count)
    yield Metric("timers_overdue", "Timers that are due and not fired.", overdue)
    yield Metric("timers_lag_seconds", "By how much the latest of them is late.", lag)


def _processes() -> Iterator[Metric]:
    for name, count, age, busy in fetch_all(_PROCESSES_SQL):
        labels = (("worker", name),)
        yield Metric("worker_processes", "Processes that run jobs.", count, labels)
        yield Metric("worker_processes_busy", "Those that run an action.", busy, labels)
        yield Metric("worker_beat_seconds", "Age of the oldest beat of them.", age, labels)
    for name, waits, latency, age in fetch_all(_PROBES_SQL):
        labels = (("queue", name),)
        yield Metric("probe_waits_seconds", "For how long a probe is not taken.", waits, labels)
        if latency is not None:
            text = "How long the last probe took to be taken."
            yield Metric("probe_latency_seconds", text, latency, labels)
        yield Metric("probe_sent_seconds", "When the sweep sent the last probe.", age, labels)
    lag = fetch_one(_BEAT_SQL)[0]
    if lag is not None:
        yield Metric("scheduler_seconds", "When the scheduler last ran something.", lag)


def _tallies() -> Iterator[Metric]:
    for name, value in sorted(read_tallies().items()):
        rule = name.removeprefix("sweep_")
        if rule != name:
            labels = (("rule", rule),)
            yield Metric("sweep_findings", "What the sweep found.", value, labels, is_total=True)
        else:
            yield Metric(name, "Since the database was made.", value, is_total=True)


def _tables() -> Iterator[Metric]:
    for name, rows, dead in fetch_all(_TABLES_SQL, [_TABLES]):
        labels = (("table", name),)
        yield Metric("table_rows", "Rows, as the database estimates them.", rows, labels)
        yield Metric("table_dead_rows", "Rows that wait for a vacuum.", dead, labels)


def _broker() -> Iterator[Metric]:
    text = "Whether the broker answers."
    try:
        found = _ask_broker()
    except BrokerAway:
        yield Metric("broker_up", text, 0)
        return
    yield Metric("broker_up", text, 1)
    if found is None:
        return
    for queue in (ENGINE_QUEUE, ACTION_QUEUE):
        labels = (("queue", queue),)
        yield Metric("broker_messages", "Messages that nobody has taken.", found[queue], labels)
    yield Metric("broker_unacked", "Messages that were taken and not finished.", found["unacked"])
    yield Metric("broker_memory_bytes", "Memory that the broker uses.", found["memory"])


def _ask_broker() -> dict[str, Any] | None:
    """Ask Redis; another broker has its own metrics."""
    with redis_client() as client:
        if client is None:
            return None
        return {
            ENGINE_QUEUE: client.llen(ENGINE_QUEUE),
            ACTION_QUEUE: client.llen(ACTION_QUEUE),
            "unacked": client.hlen("unacked"),
            "memory": client.info("memory")["used_memory"],
        }
