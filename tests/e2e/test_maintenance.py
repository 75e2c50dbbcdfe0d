"""Maintenance of a service at work, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

SECONDS = 60.0
SETTINGS = {"LEVANTE_DEAD_SECONDS": "4", "LEVANTE_BEAT_SECONDS": "0.5"}
TEXT = """
version: '2.0'
chain:
  tasks:
    one: {action: std.sleep seconds=1, on-success: two}
    two: {action: std.sleep seconds=1, on-success: three}
    three: {action: std.sleep seconds=0, wait-before: 1}
parent:
  tasks:
    each: {with-items: "i in [1, 2, 3]", workflow: chain}
waits:
  tasks:
    ask: {action: std.async_noop, on-success: after}
    after: {action: std.sleep seconds=0}
"""


class Service:
    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.root = stack.url.removesuffix("/v2")

    def get(self, path: str) -> Any:
        return requests.get(f"{self.root}{path}", timeout=10).json()

    def start(self, workflow: str) -> requests.Response:
        body = {"workflow_name": workflow}
        return requests.post(f"{self.root}/v2/executions", json=body, timeout=10)

    def put(self, path: str, body: Any) -> requests.Response:
        return requests.put(f"{self.root}{path}", json=body, timeout=10)

    def states(self) -> set[str]:
        found = self.get("/v2/executions?fields=state")["executions"]
        return {execution["state"] for execution in found}

    def status(self) -> str:
        return str(self.get("/maintenance")["status"])

    def kill(self, processes: list[int]) -> None:
        assert processes
        for process in processes:
            os.kill(process, signal.SIGKILL)


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    stack = LiveStack(tmp_path_factory.mktemp("maintenance"), settings=SETTINGS).start()
    requests.post(f"{stack.url}/workflows", data=TEXT.encode(), timeout=10).raise_for_status()
    try:
        yield Service(stack)
    finally:
        stack.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_service_pauses_and_goes_on_although_processes_die(service: Service) -> None:
    paused_before = service.start("waits").json()["id"]
    wait_until(lambda: bool(service.get("/v2/action_executions")["action_executions"]))
    service.put(f"/v2/executions/{paused_before}", {"state": "PAUSED"})
    action = service.get("/v2/action_executions")["action_executions"][0]["id"]
    for _ in range(3):
        assert service.start("parent").status_code == 201
    wait_until(lambda: len(service.get("/v2/executions")["executions"]) > 8)

    assert service.put("/maintenance", {"status": "PAUSED"}).json() == {"status": "PAUSING"}
    service.kill(service.stack.processes("sweep"))
    assert service.start("chain").status_code == 423
    assert service.status() == "PAUSING"  # as long as the action from outside has no result
    answer = service.put(f"/v2/action_executions/{action}", {"state": "SUCCESS"})
    assert answer.status_code == 200
    wait_until(lambda: service.status() == "PAUSED")
    assert service.states() == {"PAUSED"}
    tasks = service.get("/v2/tasks?fields=state,name")["tasks"]
    service.kill(service.stack.workers())
    service.kill(service.stack.processes("sweep"))
    time.sleep(3)
    assert service.get("/v2/tasks?fields=state,name")["tasks"] == tasks
    assert service.start("chain").status_code == 423

    assert service.put("/maintenance", {"status": "RUNNING"}).json() == {"status": "RUNNING"}
    service.kill(service.stack.processes("sweep"))
    wait_until(lambda: service.states() == {"SUCCESS", "PAUSED"})
    left = service.get("/v2/executions?state=PAUSED")["executions"]
    assert [execution["id"] for execution in left] == [paused_before]
    assert service.start("chain").status_code == 201
