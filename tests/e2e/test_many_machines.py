"""Levante on several machines: work spreads, targets are reached, a cut cable loses nothing.

With Redis as the broker, and with RabbitMQ and no Redis at all.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests.e2e.machines import (
    RABBIT_PROGRAM,
    Machine,
    Network,
    network,
    python,
    start_postgres,
    start_rabbit,
    start_redis,
    wait_for,
)

pytestmark = pytest.mark.e2e

SETTINGS: Final = {
    "LEVANTE_ACTION_MODULES": "tests.e2e.machine_actions",
    "LEVANTE_BEAT_SECONDS": "0.5",
    "LEVANTE_DATA_DIR": "/nonexistent",
    "LEVANTE_DEAD_SECONDS": "5",
    "LEVANTE_NO_AUTH": "true",
    "LEVANTE_RESEND_SECONDS": "1",
    "LEVANTE_SECRET_KEY": "x",
    "LEVANTE_STOP_POLL_SECONDS": "0.5",
}
WORKFLOWS: Final = """
version: '2.0'
addressed:
  output: {one: <% task(one).result %>, two: <% task(two).result %>}
  tasks:
    one: {action: machine.name, target: north, on-success: two}
    two: {action: machine.name, target: south}
spread:
  output: {machines: <% task(each).result %>}
  tasks:
    each:
      with-items: i in <% range(40) %>
      action: machine.name seconds=0.1
safe:
  output: {machine: <% task(work).result %>}
  tasks:
    work: {action: machine.name seconds=4, safe-rerun: true, on-success: after}
    after: {action: machine.name}
unsafe:
  output: {result: <% task(work).result %>}
  tasks:
    work: {action: machine.name seconds=4, on-error: noop}
to_south:
  output: {machine: <% task(work).result %>}
  tasks:
    work: {action: machine.name, target: south}
"""
PORT: Final = 8000


class Cluster:
    """One machine for the servers, one for the engine, and two that run actions."""

    def __init__(self, net: Network, folder: Path, broker: str) -> None:
        self.net = net
        self.starts = folder / "starts"
        self.starts.touch()
        self.servers, self.engine = net.add("servers"), net.add("engine")
        self.north, self.south = net.add("north"), net.add("south")
        variables = {
            **SETTINGS,
            "DATABASE_URL": start_postgres(self.servers, folder / "database"),
            "LEVANTE_ALLOWED_HOSTS": self.engine.address,
            "MACHINE_LOG": str(self.starts),
        }
        if broker == "redis":
            variables["REDIS_URL"] = start_redis(self.servers, folder / "redis")
        else:
            variables["LEVANTE_BROKER_URL"] = start_rabbit(self.servers, folder / "rabbit")
        self.variables = variables
        migration = self.engine.start(*python("manage.py", "migrate", "-v", "0"), **variables)
        assert migration.wait(120) == 0
        web = ("gunicorn", "config.wsgi", "--bind", f"{self.engine.address}:{PORT}")
        self.engine.start(*python("-m", *web, "--threads", "4"), **variables)
        self.engine.start(*python("manage.py", "sweep"), **variables)
        self.worker(self.engine, "engine")
        self.worker(self.north, "actions,north")
        self.worker(self.south, "actions,south")
        wait_for(self.is_ready, "the service")
        self.post("workflows", WORKFLOWS)

    def worker(self, machine: Machine, queues: str) -> None:
        options = ("--queues", queues, "--concurrency", "3", "--hostname", f"w@{machine.name}")
        command = ("-m", "celery", "-A", "config", "worker", *options)
        machine.start(*python(*command, "--without-mingle", "--without-gossip"), **self.variables)

    @property
    def url(self) -> str:
        return f"http://{self.engine.address}:{PORT}"

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def post(self, path: str, body: object) -> Any:
        kind = {"data": body} if isinstance(body, str) else {"json": body}
        answer = requests.post(f"{self.url}/v2/{path}", timeout=20, **kind)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        return answer.json()

    def start(self, workflow: str) -> str:
        return str(self.post("executions", {"workflow_name": workflow})["id"])

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}/v2/{path}", timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def wait(self, execution: str, seconds: float = 60) -> Any:
        """Wait for the end, and give state and output."""
        wait_for(
            lambda: self.get(f"executions/{execution}")["state"] not in ("RUNNING", "IDLE"),
            f"the end of {execution}",
            seconds,
        )
        found = self.get(f"executions/{execution}")
        return found["state"], json.loads(found["output"])

    def actions(self, execution: str) -> list[dict[str, Any]]:
        """The action executions of the task that was made first."""
        tasks = self.get(f"executions/{execution}/tasks")["tasks"]
        first = min(tasks, key=lambda task: (task["created_at"], task["name"] != "work"))
        return list(self.get(f"tasks/{first['id']}/action_executions")["action_executions"])

    def started(self) -> list[tuple[str, str]]:
        """The starts of actions so far: machine and action execution."""
        lines = [line.split() for line in self.starts.read_text().splitlines()]
        return [(machine, action) for machine, action in lines]


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    if request.param == "rabbitmq" and not RABBIT_PROGRAM.exists():
        pytest.skip("rabbitmq-server is not installed, so it is not tried as the broker")
    folder = tmp_path_factory.mktemp("machines")
    # The database server runs as another user, who has to get in.
    for place in (folder, folder.parent):
        place.chmod(0o755)
    with network(folder) as net:
        try:
            yield Cluster(net, folder, request.param)
        except AssertionError:
            for log in folder.glob("*.log"):
                print(f"== {log.name}\n{log.read_text()[-3000:]}")  # noqa: T201
            raise


def test_a_target_reaches_the_machine_of_that_name(cluster: Cluster) -> None:
    state, output = cluster.wait(cluster.start("addressed"))
    assert (state, output) == ("SUCCESS", {"one": "north", "two": "south"})


def test_work_spreads_over_all_machines(cluster: Cluster) -> None:
    executions = [cluster.start("spread") for _ in range(5)]
    found: Counter[str] = Counter()
    for execution in executions:
        state, output = cluster.wait(execution)
        assert state == "SUCCESS"
        assert len(output["machines"]) == 40
        found.update(output["machines"])
    assert found.keys() == {"north", "south"}


def test_a_machine_that_is_cut_off_loses_nothing_and_comes_back(cluster: Cluster) -> None:
    before = len(cluster.started())
    safe = [cluster.start("safe") for _ in range(3)]
    unsafe = [cluster.start("unsafe") for _ in range(3)]
    wait_for(
        lambda: {machine for machine, _ in cluster.started()[before:]} == {"north", "south"},
        "both machines to be at work",
    )
    cluster.south.cut_off()
    at_work = {action for machine, action in cluster.started()[before:] if machine == "south"}
    try:
        addressed = [cluster.start("to_south") for _ in range(3)]
        for execution in safe:
            state, output = cluster.wait(execution)
            assert (state, output["machine"]) == ("SUCCESS", "north")
            repeated = at_work & {action["id"] for action in cluster.actions(execution)}
            assert {("north", action) for action in repeated} <= set(cluster.started())
        results = []
        for execution in unsafe:
            state, output = cluster.wait(execution)
            assert state == "SUCCESS"  # the workflow deals with the error of its task
            results.append(output["result"])
        unknown = [one for one in results if "outcome of the action is unknown" in one]
        assert set(results) - set(unknown) <= {"north"}
        for execution in addressed:
            assert cluster.get(f"executions/{execution}")["state"] == "RUNNING"
    finally:
        cluster.south.join_again()
    for execution in addressed:
        assert cluster.wait(execution, 120) == ("SUCCESS", {"machine": "south"})
    time.sleep(5)  # for results that come late
    runs = Counter(action for _, action in cluster.started()[before:])
    for execution in unsafe:
        (action,) = cluster.actions(execution)
        assert runs[action["id"]] == 1
    for execution in safe:
        assert cluster.get(f"executions/{execution}")["state"] == "SUCCESS"
    assert cluster.wait(cluster.start("spread"))[0] == "SUCCESS"
