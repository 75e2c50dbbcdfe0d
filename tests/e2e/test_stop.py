"""Stop means stop: whatever an action does, it ends, its place is free, and no other one is hit."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import requests

from tests.live import LiveStack
from tests.unit.actions.ssh_server import ssh_server

pytestmark = pytest.mark.e2e

SETTINGS = {
    "LEVANTE_ACTION_MODULES": "tests.e2e.stubborn",
    "LEVANTE_ENABLED_ACTIONS": "std.javascript,std.ssh,std.email",
    "LEVANTE_SSH_ALLOWED_NETWORKS": "127.0.0.0/8",
    "LEVANTE_SSH_CHECK_HOSTS": "false",
    "LEVANTE_EMAIL_ALLOWED_NETWORKS": "127.0.0.0/8",
    "LEVANTE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8",
    "LEVANTE_JAVASCRIPT_SECONDS": "600",
}
NAMES = ("swallow", "deaf", "compute", "hold")
TEXT = (
    """
version: '2.0'
sleep: {tasks: {act: {action: std.sleep seconds=600}}}
script: {tasks: {act: {action: std.javascript, input: {script: 'while (true) {}'}}}}
shell:
  input: [port]
  tasks:
    act:
      action: std.ssh
      input: {host: "localhost:<% $.port %>", username: ann, password: opensesame, cmd: sleep}
mail:
  input: [port]
  tasks:
    act:
      action: std.email
      input: {smtp_server: "localhost:<% $.port %>", from_addr: a@b.org, to_addrs: c@d.org}
request:
  input: [port]
  tasks:
    act: {action: std.http, input: {url: "http://localhost:<% $.port %>/", timeout: 500}}
short: {tasks: {act: {action: std.sleep seconds=0}}}
late:
  tasks: {act: {action: stubborn.swallow, timeout: 1, on-error: noop}}
late_and_holding:
  tasks: {act: {action: stubborn.hold, timeout: 1, on-error: noop}}
note:
  input: [file, seconds]
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: stubborn.note, input: {file: <% $.file %>, seconds: <% $.seconds %>}}
"""
    + "\n".join(f"{name}: {{tasks: {{act: {{action: stubborn.{name}}}}}}}" for name in NAMES)
    + "\n"
)
WORKERS = 2


class Service:
    """The stack and what the tests do with it over REST."""

    def __init__(self, stack: LiveStack) -> None:
        self.url = stack.url
        self.http = requests.Session()

    def start(self, workflow: str, **input: Any) -> str:
        body = {"workflow_name": workflow, "input": input}
        answer = self.http.post(f"{self.url}/executions", json=body, timeout=20)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{self.url}/{path}", timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def wait(self, execution_id: str, seconds: float = 30) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            execution: dict[str, Any] = self.get(f"executions/{execution_id}")
            if execution["state"] != "RUNNING":
                return execution
            assert time.monotonic() < deadline, "the execution is stuck"
            time.sleep(0.05)

    def cancel(self, execution_id: str) -> None:
        self.http.put(
            f"{self.url}/executions/{execution_id}", json={"state": "CANCELLED"}, timeout=20
        )

    def wait_until_at_work(self, execution_id: str) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for task in self.get(f"executions/{execution_id}/tasks")["tasks"]:
                for action in self.get(f"tasks/{task['id']}/action_executions")[
                    "action_executions"
                ]:
                    if action["updated_at"]:
                        return
            time.sleep(0.05)
        raise AssertionError("nobody takes the action")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    options = ("--no-auth", "--no-examples", "--workers", str(WORKERS))
    stack = LiveStack(tmp_path_factory.mktemp("stop"), options=options, settings=SETTINGS).start()
    try:
        service = Service(stack)
        service.http.post(
            f"{stack.url}/workflows", data=TEXT.encode(), timeout=20
        ).raise_for_status()
        yield service
    finally:
        stack.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and says nothing; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_what_waits_for_another_machine_frees_its_place(service: Service) -> None:
    with ssh_server(asyncssh.generate_private_key("ssh-ed25519")) as ssh, silent_server() as port:
        for workflow, at in (("shell", ssh.port), ("mail", port), ("request", port)):
            executions = [service.start(workflow, port=at) for _ in range(WORKERS)]
            for execution in executions:
                service.wait_until_at_work(execution)
            if workflow == "shell":
                while ssh.commands != ["sleep"] * WORKERS:
                    time.sleep(0.05)
            waiting = service.start("short")
            begin = time.monotonic()
            for execution in executions:
                service.cancel(execution)
            assert service.wait(waiting, seconds=5)["state"] == "SUCCESS"
            print(f"{workflow}: free after {time.monotonic() - begin:.1f} s")  # noqa: T201
        deadline = time.monotonic() + 5
        while ssh.open_connections:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("workflow", "seconds"),
    [
        ("sleep", 5),
        ("script", 5),
        ("swallow", 8),
        ("deaf", 8),
        ("compute", 8),
        ("hold", 8),  # nobody can act in its process, so its worker does
    ],
)
def test_what_is_cancelled_frees_its_place(service: Service, workflow: str, seconds: float) -> None:
    executions = [service.start(workflow) for _ in range(WORKERS)]
    for execution in executions:
        service.wait_until_at_work(execution)
    waiting = service.start("short")
    begin = time.monotonic()
    for execution in executions:
        service.cancel(execution)
    assert service.wait(waiting, seconds=seconds)["state"] == "SUCCESS"
    print(f"{workflow}: free after {time.monotonic() - begin:.1f} s")  # noqa: T201
    assert {service.get(f"executions/{one}")["state"] for one in executions} == {"CANCELLED"}


@pytest.mark.parametrize("workflow", ["late", "late_and_holding"])
def test_a_stubborn_action_ends_at_its_timeout_as_well(service: Service, workflow: str) -> None:
    executions = [service.start(workflow) for _ in range(WORKERS)]
    for execution in executions:
        assert service.wait(execution)["state"] == "SUCCESS"
        (task,) = service.get(f"executions/{execution}/tasks")["tasks"]
        assert (task["state"], "imed out" in task["state_info"]) == ("ERROR", True), task
    assert service.wait(service.start("short"), seconds=8)["state"] == "SUCCESS"


def test_cancelling_many_at_random_moments_hits_no_other(service: Service, tmp_path: Path) -> None:
    """Every action that was not cancelled begins once and comes to its end."""
    chance = random.Random(11)
    files, cancelled, executions = {}, set(), []
    for number in range(120):
        file = tmp_path / f"{number}"
        execution = service.start("note", file=str(file), seconds=chance.uniform(0, 0.4))
        executions.append(execution)
        files[execution] = file
        if chance.random() < 0.5:
            victim = chance.choice(executions[-6:])
            time.sleep(chance.uniform(0, 0.2))
            service.cancel(victim)
            cancelled.add(victim)
    states: Counter[str] = Counter()
    for execution in executions:
        ended = service.wait(execution, seconds=60)
        states[ended["state"]] += 1
        if execution not in cancelled:
            assert (ended["state"], ended["state_info"]) == ("SUCCESS", None)
            assert files[execution].read_text() == "begun\nended\n"
    assert states["CANCELLED"] > 10
    assert states["SUCCESS"] > 10
    assert set(states) <= {"SUCCESS", "CANCELLED"}
