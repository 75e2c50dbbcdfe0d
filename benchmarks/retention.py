"""Deleting very many old executions while others start: how long each transaction takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, Final

import psycopg

from benchmarks.client import ApiClient
from benchmarks.measure import percentiles
from benchmarks.stack import ROOT, Target

KEPT_DAYS: Final = 30
# Seconds between two starts, and between two looks for sessions that wait for a lock.
_START_EVERY: Final = 0.1
_LOOK_EVERY: Final = 0.02

_WORKFLOW: Final = """
version: '2.0'
bench_retention:
  tasks:
    a: {action: std.echo output=1, publish: {got: <% task().result %>}, on-success: b}
    b: {action: std.echo output=2}
"""
# Tables with their columns of ids that are made anew for each copy; others stay as they are.
_TABLES: Final = {
    "workflow_executions": ("id",),
    "context_nodes": ("id", "execution_id", "base_id"),
    "task_executions": ("id", "execution_id", "context_id", "out_context_id"),
    "action_executions": ("id", "execution_id", "task_id"),
    "history_events": ("execution_id", "task_id"),
}
_COLUMNS_SQL: Final = """
    SELECT attname, atttypid = 'timestamptz'::regtype FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''
"""
_WAITING_SQL: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def measure_retention(target: Target, count: int) -> dict[str, Any]:
    """Fill the tables with `count` old executions, delete them, and start others meanwhile."""
    client = ApiClient(target.url, target.token)
    client.upload(_WORKFLOW)
    sample = client.start("bench_retention", {})
    client.wait(sample, time.monotonic(), time.monotonic() + 60)
    with psycopg.connect(target.database_url, autocommit=True) as database:
        rows = sum(_copy(database, table, sample, count) for table in _TABLES)
        database.execute("VACUUM (ANALYZE)")
        idle = percentiles(_start_for(client, seconds=5))
        ended = threading.Event()
        waiting: list[int] = []
        watcher = threading.Thread(target=_watch_locks, args=(target, ended, waiting))
        starts: list[float] = []
        starter = threading.Thread(target=_keep_starting, args=(target, ended, starts))
        watcher.start()
        starter.start()
        begin = time.monotonic()
        try:
            held = _expire(target)
        finally:
            seconds = time.monotonic() - begin
            ended.set()
            watcher.join()
            starter.join()
    return {
        "executions": count,
        "rows": rows,
        "seconds": round(seconds, 1),
        "transactions": len(held),
        "a transaction": percentiles(held) | {"longest": round(max(held), 1)},
        "looks with a session that waits for a lock": sum(1 for one in waiting if one),
        "looks": len(waiting),
        "a start meanwhile": percentiles(starts),
        "a start before": idle,
    }


def _copy(database: psycopg.Connection[Any], table: str, sample: str, count: int) -> int:
    """Copy the rows of the sample, so long ago that they are to be deleted; give their number."""
    ids = _TABLES[table]
    columns = database.execute(_COLUMNS_SQL, [table]).fetchall()
    names = [name for name, _ in columns if name != "id" or "id" in ids]
    is_time = dict(columns)

    def value(name: str) -> str:
        if name in ids:
            return f"md5(t.{name}::text || n)::uuid"
        return f"t.{name} - interval '{2 * KEPT_DAYS} days'" if is_time[name] else f"t.{name}"

    key = "id" if table == "workflow_executions" else "execution_id"
    done = database.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(map(value, names))}"
        f" FROM {table} t, generate_series(1, %s) AS n WHERE t.{key} = %s",
        [count, sample],
    )
    return done.rowcount


def _expire(target: Target) -> list[float]:
    """Let a process of its own delete as the sweep does; give the milliseconds of transactions."""
    environment = {
        **os.environ,
        "DATABASE_URL": target.database_url,
        "REDIS_URL": target.redis_url,
        "LEVANTE_DATA_DIR": str(target.data_directory),
        "LEVANTE_KEEP_DAYS": str(KEPT_DAYS),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-m", "benchmarks.expire"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    held: list[float] = json.loads(done.stdout)
    return held


def _start_for(client: ApiClient, seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    times: list[float] = []
    while time.monotonic() < until:
        times.append(_time_start(client))
    return times


def _keep_starting(target: Target, ended: threading.Event, times: list[float]) -> None:
    client = ApiClient(target.url, target.token)
    while not ended.is_set():
        times.append(_time_start(client))


def _time_start(client: ApiClient) -> float:
    began = time.monotonic()
    client.start("bench_retention", {})
    taken = time.monotonic() - began
    time.sleep(max(_START_EVERY - taken, 0))
    return 1000 * taken


def _watch_locks(target: Target, ended: threading.Event, counts: list[int]) -> None:
    with psycopg.connect(target.database_url, autocommit=True) as database:
        while not ended.wait(_LOOK_EVERY):
            row = database.execute(_WAITING_SQL).fetchone()
            counts.append(row[0] if row else 0)
