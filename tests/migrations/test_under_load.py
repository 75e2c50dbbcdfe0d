"""The schema changes as a later release would change it, while this one goes on with its work."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import pytest
import requests

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

TEXT = """
version: '2.0'
upgraded:
  output: {done: <% task(each).result.len() %>}
  tasks:
    first: {action: std.sleep seconds=0.05, on-success: each}
    each:
      with-items: i in <% range(5) %>
      action: std.sleep seconds=0.05
      on-success: last
    last: {action: std.noop}
"""
TABLES = ("workflow_executions", "task_executions", "action_executions", "timers")


def test_executions_go_on_while_columns_and_indexes_are_added(live: LiveStack) -> None:
    requests.post(f"{live.url}/workflows", data=TEXT, timeout=20).raise_for_status()
    state = json.loads((live.directory / "data" / "servers.json").read_text())
    with psycopg.connect(state["database_url"], autocommit=True) as database:
        database.execute("SET lock_timeout = '5s'")
        started = [start(live)]
        try:
            for table in TABLES:
                started += [start(live) for _ in range(5)]
                database.execute(f"ALTER TABLE {table} ADD COLUMN of_later integer")
                database.execute(
                    f"ALTER TABLE {table} ADD COLUMN counted integer DEFAULT 0 NOT NULL"
                )
                started += [start(live) for _ in range(5)]
                database.execute(f"CREATE INDEX CONCURRENTLY {table}_later ON {table} (of_later)")
            for execution in started:
                found = wait(live, execution)
                assert found["state"] == "SUCCESS", found["state_info"]
                assert json.loads(found["output"]) == {"done": 5}
        finally:
            for table in TABLES:
                database.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS of_later")
                database.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS counted")


def start(live: LiveStack) -> str:
    answer = requests.post(f"{live.url}/executions", json={"workflow_name": "upgraded"}, timeout=20)
    return str(answer.json()["id"])


def wait(live: LiveStack, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = requests.get(
            f"{live.url}/executions/{execution}", timeout=20
        ).json()
        if found["state"] != "RUNNING":
            return found
        assert time.monotonic() < deadline, "the execution is stuck"
        time.sleep(0.1)
