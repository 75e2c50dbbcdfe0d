"""What bare Celery costs: one message and one PostgreSQL transaction for each task, nothing else.

It runs on the same servers as what it is compared with. The worker is started by `yardstick.py`.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import psycopg
from celery import Celery

TABLE = "benchmark_steps"

app = Celery("yardstick", broker=os.environ.get("YARDSTICK_REDIS_URL"))
app.conf.task_ignore_result = True
app.conf.task_default_queue = "yardstick"


@cache
def connection() -> psycopg.Connection[Any]:
    """Keep one connection for each process."""
    return psycopg.connect(os.environ["YARDSTICK_DATABASE_URL"], autocommit=True)


@app.task(name="yardstick.step")
def step(left: int) -> None:
    """Do the least that leaves a trace, then send the next one if there is to be any."""
    connection().execute(f"INSERT INTO {TABLE} (worker) VALUES (%s)", [os.getpid()])
    if left > 0:
        step.delay(left - 1)
