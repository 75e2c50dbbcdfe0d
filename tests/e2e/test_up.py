"""`manage.py up` as a newcomer meets it: the first start, the second, and the end at any moment."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.live import LiveStack
from workflows.embedded.state import read_state

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LiveStack]:
    """A stack with authentication in a folder whose path has a space; not started."""
    stack = LiveStack(tmp_path / "a folder", options=("--workers", "2"))
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.stop()


def wait_for(stack: LiveStack, text: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while True:
        log = stack.log.read_text(errors="replace")
        if text in log:
            return log
        assert time.monotonic() < deadline, log[-3000:]
        time.sleep(0.2)


def test_the_first_start_the_end_and_the_start_of_the_next_day(stack: LiveStack) -> None:
    check_the_first_start(stack)
    assert stack.stop() == 0
    assert stack.processes() == []
    check_the_second_start(stack)
    assert stack.stop() == 0
    assert stack.processes() == []


def check_the_first_start(stack: LiveStack) -> None:
    """It makes an administrator, opens to the token alone, and runs an example."""
    stack.start()
    log = wait_for(stack, "A first run of deploy_cluster: SUCCESS")
    token = re.search(r"API token +(\S+)", log)
    assert token is not None
    credentials = stack.directory / "data" / "credentials.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert json.loads(credentials.read_text())["token"] == token.group(1)
    assert requests.get(f"{stack.url}/workflows", timeout=10).status_code == 401
    for headers, pair in (
        ({"X-Auth-Token": token.group(1)}, None),
        ({"Authorization": f"Bearer {token.group(1)}"}, None),
        ({}, ("admin", token.group(1))),
    ):
        answer = requests.get(f"{stack.url}/workflows", headers=headers, auth=pair, timeout=10)
        names = {workflow["name"] for workflow in answer.json()["workflows"]}
        assert {"deploy_cluster", "order_approval", "release_package"} <= names


def check_the_second_start(stack: LiveStack) -> None:
    """It finds yesterday's executions, and shows no secret again."""
    token = json.loads((stack.directory / "data" / "credentials.json").read_text())["token"]
    size = stack.log.stat().st_size
    stack.start()
    wait_for(stack, "Levante is ready", seconds=30)
    answer = requests.get(f"{stack.url}/executions", headers={"X-Auth-Token": token}, timeout=10)
    assert [one["workflow_name"] for one in answer.json()["executions"]].count("deploy_cluster")
    with stack.log.open(errors="replace") as log:
        log.seek(size)
        assert token not in log.read()


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 3.5])
def test_it_can_be_interrupted_at_any_moment(seconds: float, tmp_path: Path) -> None:
    stack = LiveStack(tmp_path, options=("--no-auth", "--no-examples"))
    stack.start_without_waiting()
    assert stack.process is not None
    time.sleep(seconds)
    stack.process.send_signal(signal.SIGINT)
    stack.process.wait(40)
    deadline = time.monotonic() + 5
    while left := stack.processes():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_the_worker_processes_tell_their_queues(live: LiveStack) -> None:
    state = read_state(live.directory / "data")
    assert state is not None
    # Others may have ended a process a moment ago, and the next one has to start.
    wanted, deadline = {"actions": 4, "engine": 2}, time.monotonic() + 60
    with psycopg.connect(state.database_url, autocommit=True) as database:
        while (found := count_by_queues(database)) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.2)


def count_by_queues(database: psycopg.Connection[Any]) -> dict[str, int]:
    rows = database.execute(
        "SELECT queues, count(*) FROM worker_processes"
        " WHERE beat_at > clock_timestamp() - interval '10 seconds' GROUP BY queues"
    )
    return dict(rows.fetchall())
