"""A dump of the database is the whole backup: restored elsewhere, everything goes on from there."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import requests

from tests.live import ROOT, LiveStack
from workflows.embedded.postgres import INSTALLATION, PACKAGE

pytestmark = pytest.mark.e2e

TEXT = """
version: '2.0'
ended:
  output: {text: <% task(act).result %>}
  tasks:
    act: {action: std.echo output=kept}
waits:
  output: {answer: <% task(ask).result %>}
  tasks:
    ask: {action: std.async_noop, on-success: after}
    after: {action: std.sleep seconds=0}
unsafe:
  output: {result: <% task(act).result %>}
  tasks:
    act: {action: std.sleep seconds=600, on-error: noop}
"""


def program(name: str) -> str:
    package = importlib.util.find_spec(PACKAGE)
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / INSTALLATION / "bin" / name)


def post(stack: LiveStack, path: str, body: Any) -> Any:
    kind: dict[str, Any] = {"data": body} if isinstance(body, str) else {"json": body}
    answer = requests.post(f"{stack.url}/{path}", timeout=20, **kind)
    assert answer.status_code == 201, answer.text
    return answer.json()


def get(stack: LiveStack, path: str) -> Any:
    return requests.get(f"{stack.url}/{path}", timeout=20).json()


def wait(stack: LiveStack, execution: str) -> Any:
    deadline = time.monotonic() + 60
    while (found := get(stack, f"executions/{execution}"))["state"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution is stuck"
        time.sleep(0.1)
    return found["state"], json.loads(found["output"])


def action_of(stack: LiveStack, execution: str) -> dict[str, Any]:
    (task,) = get(stack, f"executions/{execution}/tasks")["tasks"]
    (action,) = get(stack, f"tasks/{task['id']}/action_executions")["action_executions"]
    found: dict[str, Any] = action
    return found


def wait_until_claimed(stack: LiveStack, execution: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        tasks = get(stack, f"executions/{execution}/tasks")["tasks"]
        if tasks and action_of(stack, execution)["updated_at"]:
            return
        assert time.monotonic() < deadline, "nobody takes the action"
        time.sleep(0.1)


def test_everything_goes_on_from_a_dump(tmp_path: Path, database_url: str) -> None:
    first = LiveStack(tmp_path / "first").start()
    dump = tmp_path / "levante.dump"
    try:
        post(first, "workflows", TEXT)
        started = {
            name: post(first, "executions", {"workflow_name": name})["id"]
            for name in ("ended", "waits", "unsafe")
        }
        assert wait(first, started["ended"]) == ("SUCCESS", {"text": "kept"})
        for name in ("waits", "unsafe"):
            wait_until_claimed(first, started[name])
        state = json.loads((first.directory / "data" / "servers.json").read_text())
        subprocess.run(
            [program("pg_dump"), "--format=custom", f"--file={dump}", state["database_url"]],
            check=True,
        )
    finally:
        first.kill()

    name = f"restored_{uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    url = database_url.replace("/levante?", f"/{name}?")
    assert url != database_url
    subprocess.run(
        [program("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", dump],
        check=True,
    )
    variables = {"DATABASE_URL": url}
    recovered = subprocess.run(
        [sys.executable, "manage.py", "recover"],
        cwd=ROOT,
        env={
            **{key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
            **variables,
            "LEVANTE_DATA_DIR": str(tmp_path / "none"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert recovered.stdout.startswith("1 unsafe actions ended as lost")

    second = LiveStack(tmp_path / "second", settings=variables).start()
    try:
        assert wait(second, started["ended"]) == ("SUCCESS", {"text": "kept"})
        state, output = wait(second, started["unsafe"])
        assert state == "SUCCESS"  # the workflow deals with the error of its task
        assert "lost" in output["result"] or "unknown" in output["result"]
        action = action_of(second, started["waits"])
        done = {"state": "SUCCESS", "output": {"text": "yes"}}
        requests.put(
            f"{second.url}/action_executions/{action['id']}", json=done, timeout=20
        ).raise_for_status()
        assert wait(second, started["waits"]) == ("SUCCESS", {"answer": {"text": "yes"}})
        again = post(second, "executions", {"workflow_name": "ended"})["id"]
        assert wait(second, again)[0] == "SUCCESS"
    finally:
        second.stop()
        with psycopg.connect(database_url, autocommit=True) as database:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)")
