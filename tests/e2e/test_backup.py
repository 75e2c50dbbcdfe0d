"""A dump of the database is the whole backup: restored elsewhere, everything goes on from there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final
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


PAGE: Final = (ROOT / "docs" / "operations.md").read_text()
(BACKUP,) = re.findall(r"^    (pg_dump .*)$", PAGE, re.MULTILINE)
(RESTORE,) = re.findall(r"`(pg_restore [^`]*)`", PAGE)


def shell(command: str, folder: Path, database_url: str) -> str:
    """Run a command of the page of operations in a folder; give what it writes."""
    package = importlib.util.find_spec(PACKAGE)
    assert package is not None
    assert package.origin is not None
    programs = [
        Path(package.origin).parent / INSTALLATION / "bin", Path(sys.executable).parent, ROOT,
    ]  # fmt: skip
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env={
            **{key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
            "DATABASE_URL": database_url,
            "LEVANTE_DATA_DIR": str(folder / "none"),
            "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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


def answer(stack: LiveStack, execution: str) -> None:
    action = action_of(stack, execution)
    done = {"state": "SUCCESS", "output": {"text": "yes"}}
    url = f"{stack.url}/action_executions/{action['id']}"
    requests.put(url, json=done, timeout=20).raise_for_status()


def test_everything_goes_on_from_a_dump(tmp_path: Path, database_url: str) -> None:
    first = LiveStack(tmp_path / "first").start()
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
        shell(BACKUP, tmp_path, state["database_url"])
    finally:
        first.kill()

    name = f"restored_{uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    url = database_url.replace("/levante?", f"/{name}?")
    assert url != database_url
    shell(RESTORE, tmp_path, url)
    assert shell("manage.py recover --dry-run", tmp_path, url).startswith("1 unsafe actions")
    recovered = shell("manage.py recover", tmp_path, url)
    assert recovered.startswith("1 unsafe actions ended as lost")

    variables = {"DATABASE_URL": url}
    second = LiveStack(tmp_path / "second", settings=variables).start()
    try:
        assert wait(second, started["ended"]) == ("SUCCESS", {"text": "kept"})
        state, output = wait(second, started["unsafe"])
        assert state == "SUCCESS"  # the workflow deals with the error of its task
        assert "lost" in output["result"] or "unknown" in output["result"]
        answer(second, started["waits"])
        assert wait(second, started["waits"]) == ("SUCCESS", {"answer": {"text": "yes"}})
        again = post(second, "executions", {"workflow_name": "ended"})["id"]
        assert wait(second, again)[0] == "SUCCESS"
    finally:
        second.stop()
        with psycopg.connect(database_url, autocommit=True) as database:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_everything_goes_on_from_a_copy_of_the_folder_of_a_service_that_was_stopped(
    tmp_path: Path,
) -> None:
    first = LiveStack(tmp_path / "first").start()
    post(first, "workflows", TEXT)
    waits = post(first, "executions", {"workflow_name": "waits"})["id"]
    wait_until_claimed(first, waits)
    assert first.stop() == 0
    second = LiveStack(tmp_path / "second")
    shutil.copytree(first.directory / "data", second.directory / "data", symlinks=True)
    shutil.rmtree(first.directory)
    second.start()
    try:
        answer(second, waits)
        assert wait(second, waits) == ("SUCCESS", {"answer": {"text": "yes"}})
    finally:
        second.stop()
