"""What happens when processes die: nothing is lost, nothing is stuck, and stop means stop."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import requests

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

SETTINGS = {
    "LEVANTE_BEAT_SECONDS": "0.5",
    "LEVANTE_DEAD_SECONDS": "4",
    "LEVANTE_RESEND_SECONDS": "1",
    "LEVANTE_STOP_POLL_SECONDS": "0.5",
}
TEXT = """
version: '2.0'
safe:
  tasks:
    act: {action: std.sleep seconds=3, safe-rerun: true}
unsafe:
  output: {handled: <% task(act).result %>}
  tasks:
    act: {action: std.sleep seconds=3, on-error: noop}
long:
  tasks:
    act: {action: std.sleep seconds=600}
short:
  tasks:
    act: {action: std.sleep seconds=0}
waits:
  tasks:
    ask: {action: std.async_noop, on-success: after}
    after: {action: std.sleep seconds=0}
delayed:
  tasks:
    act: {action: std.sleep seconds=0, wait-before: 4}
"""


class Service:
    """The stack and what the tests do with it over REST."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.http = requests.Session()

    def start(self, workflow: str) -> str:
        answer = requests.post(
            f"{self.stack.url}/executions", json={"workflow_name": workflow}, timeout=10
        )
        return str(answer.json()["id"])

    def get(self, path: str) -> Any:
        return requests.get(f"{self.stack.url}/{path}", timeout=10).json()

    def wait(self, execution_id: str, seconds: float = 30.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            execution: dict[str, Any] = self.get(f"executions/{execution_id}")
            if execution["state"] != "RUNNING":
                return execution
            assert time.monotonic() < deadline, "the execution is stuck"
            time.sleep(0.1)

    def actions(self, execution_id: str) -> list[dict[str, Any]]:
        (task, *_) = self.get(f"executions/{execution_id}/tasks")["tasks"]
        found = self.get(f"tasks/{task['id']}/action_executions?include_output=true")
        return list(found["action_executions"])

    def wait_until_claimed(self, execution_id: str) -> None:
        """Wait until a worker process is at the action; its row has a time of change by then."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            tasks = self.get(f"executions/{execution_id}/tasks")["tasks"]
            if tasks and self.actions(execution_id) and self.actions(execution_id)[0]["updated_at"]:
                return
            time.sleep(0.05)
        raise AssertionError("nobody takes the action")

    def wait_until_gone(self) -> None:
        """What a killed stack leaves behind ends by itself."""
        deadline = time.monotonic() + 20
        while left := self.stack.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.2)

    def kill_action_workers(self) -> None:
        """Kill all processes that run actions, with their parent."""
        for process in self.stack.processes("worker-actions"):
            os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    options = ("--no-auth", "--no-examples", "--workers", "2")
    directory = tmp_path_factory.mktemp("faults")
    stack = LiveStack(directory, options=options, settings=SETTINGS).start()
    requests.post(f"{stack.url}/workflows", data=TEXT.encode(), timeout=10).raise_for_status()
    try:
        yield Service(stack)
    finally:
        stack.stop()
    assert stack.processes() == []


def test_a_safe_action_runs_again_after_its_worker_was_killed(service: Service) -> None:
    execution = service.start("safe")
    service.wait_until_claimed(execution)
    service.kill_action_workers()
    assert service.wait(execution)["state"] == "SUCCESS"
    assert len(service.actions(execution)) == 1


def test_an_unsafe_action_is_not_repeated_after_its_worker_was_killed(service: Service) -> None:
    execution = service.start("unsafe")
    service.wait_until_claimed(execution)
    service.kill_action_workers()
    finished = service.wait(execution)
    assert finished["state"] == "SUCCESS"
    assert "outcome of the action is unknown" in json.loads(finished["output"])["handled"]
    assert [action["state"] for action in service.actions(execution)] == ["ERROR"]


def test_a_cancelled_action_frees_its_place(service: Service) -> None:
    executions = [service.start("long") for _ in range(2)]
    for execution in executions:
        service.wait_until_claimed(execution)
    waiting = service.start("short")
    for execution in executions:
        answer = requests.put(
            f"{service.stack.url}/executions/{execution}", json={"state": "CANCELLED"}, timeout=10
        )
        assert answer.json()["state"] == "CANCELLED"
    assert service.wait(waiting, seconds=5)["state"] == "SUCCESS"


def test_the_engine_goes_on_while_all_action_workers_are_busy(service: Service) -> None:
    executions = [service.start("long") for _ in range(2)]
    for execution in executions:
        service.wait_until_claimed(execution)
    service.http.post(
        f"{service.stack.url}/workflows",
        data=b"version: '2.0'\ninline_only: {tasks: {a: {action: std.noop}}}",
        timeout=10,
    )
    assert service.wait(service.start("inline_only"), seconds=5)["state"] == "SUCCESS"
    for execution in executions:
        requests.put(
            f"{service.stack.url}/executions/{execution}", json={"state": "CANCELLED"}, timeout=10
        )


def test_a_broker_that_forgets_everything_loses_no_execution(service: Service) -> None:
    state = json.loads((service.stack.directory / "data" / "servers.json").read_text())
    with redis.Redis.from_url(state["redis_url"]) as broker:
        executions = []
        for _ in range(20):
            executions.append(service.start("short"))
            broker.flushall()
    for execution in executions:
        assert service.wait(execution)["state"] == "SUCCESS"


def test_everything_goes_on_after_a_power_cut(service: Service) -> None:
    waiting, delayed, running = (service.start(name) for name in ("waits", "delayed", "safe"))
    service.wait_until_claimed(running)
    service.wait_until_claimed(waiting)
    service.stack.kill()
    service.wait_until_gone()
    service.stack.start()
    (action,) = service.actions(waiting)
    answer = requests.put(
        f"{service.stack.url}/action_executions/{action['id']}",
        json={"state": "SUCCESS", "output": {}},
        timeout=10,
    )
    assert answer.ok, answer.text
    for execution in (waiting, delayed, running):
        assert service.wait(execution)["state"] == "SUCCESS"
