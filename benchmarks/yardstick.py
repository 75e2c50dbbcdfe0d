"""Measures bare Celery: tasks in parallel, and tasks one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from benchmarks.client import BenchmarkFailed
from benchmarks.stack import ROOT, Target
from benchmarks.yardstick_app import TABLE, app, step

START_SECONDS: Final = 60.0
RUN_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


def measure_yardstick(target: Target, size: int) -> dict[str, float]:
    """Give tasks per second, in parallel and one after the other."""
    with (
        psycopg.connect(target.database_url, autocommit=True) as database,
        _table(database),
        _worker(target),
    ):
        app.conf.broker_url = target.redis_url
        step.delay(0)
        _wait_for(database, 1, START_SECONDS)
        # Every process of the worker has its connection before the clock runs.
        _run(database, 50, lambda: _send(50))
        return {
            "parallel": _run(database, size, lambda: _send(size)),
            "sequential": _run(database, size // 2, lambda: step.delay(size // 2 - 1)),
        }


def _send(count: int) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            step.apply_async((0,), producer=producer)


def _run(database: psycopg.Connection[Any], size: int, send: Callable[[], object]) -> float:
    database.execute(f"TRUNCATE {TABLE}")
    started = time.monotonic()
    send()
    _wait_for(database, size, RUN_SECONDS)
    return size / (time.monotonic() - started)


def _wait_for(database: psycopg.Connection[Any], count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        row = database.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
        if row is not None and row[0] >= count:
            return
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"bare Celery did not do {count} tasks in {seconds:.0f} s")
        time.sleep(0.02)


@contextmanager
def _table(database: psycopg.Connection[Any]) -> Iterator[None]:
    database.execute(f"DROP TABLE IF EXISTS {TABLE}")
    database.execute(
        f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, worker integer,"
        " at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    try:
        yield
    finally:
        database.execute(f"DROP TABLE {TABLE}")


@contextmanager
def _worker(target: Target) -> Iterator[None]:
    processes = max(4, 2 * (os.cpu_count() or 1))  # as many as `manage.py up` has for actions
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "benchmarks.yardstick_app"]
    command += ["worker", "--concurrency", str(processes), "--loglevel", "ERROR"]
    command += ["--queues", "yardstick", "--without-mingle", "--without-gossip"]
    environment = {
        **os.environ,
        "YARDSTICK_DATABASE_URL": target.database_url,
        "YARDSTICK_REDIS_URL": target.redis_url,
        "PYTHONWARNINGS": "ignore",
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
