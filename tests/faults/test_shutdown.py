"""A worker that is asked to end lets its actions end for a while, and gives back all else."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests

from tests.faults.cluster import Cluster
from workflows.services.running.lost_work import STOPPED

pytestmark = pytest.mark.e2e

STOP_SECONDS: Final = 4
TEXT: Final = """
version: '2.0'
short:
  tasks:
    act: {action: test.effect seconds=2}
long:
  output: {text: <% task(act).result %>}
  tasks:
    act: {action: test.effect seconds=60, on-error: noop}
long_safe:
  output: {text: <% task(act).result %>}
  tasks:
    act: {action: test.effect seconds=8 value=7, safe-rerun: true}
"""


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    settings = {"LEVANTE_WORKER_STOP_SECONDS": str(STOP_SECONDS), "LEVANTE_DEAD_SECONDS": "30"}
    made = Cluster(tmp_path_factory.mktemp("shutdown"), settings=settings).start()
    try:
        requests.post(f"{made.url}/v2/workflows", data=TEXT.encode(), timeout=30)
        made.remove_member("astray")
        yield made
    finally:
        made.stop()


def start(cluster: Cluster, workflow: str) -> str:
    body = {"workflow_name": workflow}
    answer = requests.post(f"{cluster.url}/v2/executions", json=body, timeout=30)
    return str(answer.json()["id"])


def wait_until_at_work(cluster: Cluster, count: int) -> None:
    sql = "SELECT count(*) FROM action_executions WHERE token IS NOT NULL AND state = 'RUNNING'"
    deadline = time.monotonic() + 30
    with cluster.connect() as database:
        while (row := database.execute(sql).fetchone()) and row[0] < count:
            assert time.monotonic() < deadline, "nobody takes the actions"
            time.sleep(0.05)


def wait_for(cluster: Cluster, execution_id: str, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        url = f"{cluster.url}/v2/executions/{execution_id}"
        execution: dict[str, Any] = requests.get(url, timeout=30).json()
        if execution["state"] not in ("RUNNING", "IDLE"):
            return execution
        assert time.monotonic() < deadline, f"{execution['workflow_name']} is stuck"
        time.sleep(0.1)


def starts_of(cluster: Cluster, execution_id: str) -> list[tuple[int, str]]:
    sql = "SELECT starts, state FROM action_executions WHERE execution_id = %s"
    with cluster.connect() as database:
        return database.execute(sql, [execution_id]).fetchall()


def test_running_actions_end_within_the_grace_time_and_the_rest_is_given_back(
    cluster: Cluster,
) -> None:
    first = [start(cluster, "short"), start(cluster, "short")]
    wait_until_at_work(cluster, 2)
    queued = [start(cluster, "short") for _ in range(4)]
    cluster.signal_main("actions", signal.SIGTERM)
    for execution_id in first:
        assert wait_for(cluster, execution_id, 20)["state"] == "SUCCESS"
        assert starts_of(cluster, execution_id) == [(1, "SUCCESS")]
    cluster.wait_until_ended("actions", 30)
    time.sleep(0.5)
    begun = [starts_of(cluster, execution_id)[0] for execution_id in queued]
    assert [state for _, state in begun if state != "SUCCESS"], "it has begun everything"
    assert all(count == 0 for count, state in begun if state != "SUCCESS")
    cluster.start_member("actions")
    for execution_id in queued:
        assert wait_for(cluster, execution_id, 40)["state"] == "SUCCESS"
        assert starts_of(cluster, execution_id) == [(1, "SUCCESS")]


def test_what_does_not_end_in_time_is_given_back_or_ends_in_error_at_once(
    cluster: Cluster,
) -> None:
    unsafe, safe = start(cluster, "long"), start(cluster, "long_safe")
    wait_until_at_work(cluster, 2)
    cluster.signal_main("actions", signal.SIGTERM)
    # Long before anybody takes the process for dead.
    ended = wait_for(cluster, unsafe, STOP_SECONDS + 15)
    assert (ended["state"], STOPPED in ended["output"]) == ("SUCCESS", True)
    assert starts_of(cluster, unsafe) == [(1, "ERROR")]
    cluster.wait_until_ended("actions", 30)
    assert starts_of(cluster, safe) == [(1, "RUNNING")]
    cluster.start_member("actions")
    assert wait_for(cluster, safe, 40)["state"] == "SUCCESS"
    assert starts_of(cluster, safe) == [(2, "SUCCESS")]
