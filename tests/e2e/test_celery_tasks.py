"""Celery tasks of a shop that knows nothing of us, run by workflows on its own workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from tests.live import ROOT, LiveStack

pytestmark = pytest.mark.e2e

SETTINGS = {
    "LEVANTE_CELERY_TASKS": "shop.pack,shop.refuse,shop.forget,shop.stumble",
    "LEVANTE_CELERY_LOOK_SECONDS": "1",
    "LEVANTE_RESEND_SECONDS": "1",
}
TEXT = """
version: '2.0'
pack:
  input: [order, seconds: 0, note: '']
  output: {got: <% task(act).result %>}
  tasks:
    act:
      action: celery.shop.pack
      input: {order: <% $.order %>, seconds: <% $.seconds %>, note: <% $.note %>}
express:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: celery.shop.pack, input: {order: 2}, target: express}
many:
  output: {got: <% task(act).result.select($.order) %>}
  tasks:
    act:
      with-items: order in <% range(20) %>
      concurrency: 4
      action: celery.shop.pack order=<% $.order %>
refuse:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: celery.shop.refuse order=3, on-error: noop}
forget:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: celery.shop.forget order=4}
stumble:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: celery.shop.stumble order=5}
nobody:
  tasks:
    act: {action: celery.shop.pack order=6, target: nobody}
"""


class Shop:
    """The service and the workers of the shop."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        state = json.loads((stack.directory / "data" / "servers.json").read_text())
        self.redis_url: str = state["redis_url"]

    def start(self, workflow: str, **input: Any) -> str:
        body = {"workflow_name": workflow, "input": input}
        answer = requests.post(f"{self.stack.url}/executions", json=body, timeout=10)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.stack.url}/{path}", timeout=10)
        assert answer.ok, answer.text
        return dict(answer.json())

    def result(self, execution_id: str, seconds: float = 30) -> Any:
        self.wait_for(lambda: self.get(f"executions/{execution_id}")["state"] != "RUNNING", seconds)
        execution = self.get(f"executions/{execution_id}")
        assert execution["state"] == "SUCCESS", execution
        return json.loads(execution["output"])["got"]

    def wait_for(self, is_true: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < deadline, "that does not happen"
            time.sleep(0.1)

    @contextmanager
    def worker(self, queue: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "tests.e2e.shop", "worker"]
        command += ["--queues", queue, "--concurrency", "2"]
        environment = os.environ | {"SHOP_REDIS": self.redis_url, "SHOP_QUEUE": queue}
        with (self.stack.directory / f"shop-{queue}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--hostname", f"{queue}-{time.monotonic_ns()}@shop"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):  # its children, too, which are its group
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    options = ("--no-auth", "--no-examples", "--workers", "2")
    stack = LiveStack(tmp_path_factory.mktemp("shop"), options=options, settings=SETTINGS).start()
    try:
        requests.post(f"{stack.url}/workflows", data=TEXT.encode(), timeout=10).raise_for_status()
        shop = Shop(stack)
        with shop.worker("celery"), shop.worker("express"):
            yield shop
    finally:
        stack.stop()


def test_a_task_runs_where_its_workers_are_and_gives_its_result(shop: Shop) -> None:
    assert shop.result(shop.start("pack", order=1)) == {"order": 1, "queue": "celery"}


def test_a_target_names_another_queue_of_the_shop(shop: Shop) -> None:
    assert shop.result(shop.start("express")) == {"order": 2, "queue": "express"}


def test_items_run_within_their_concurrency(shop: Shop) -> None:
    assert shop.result(shop.start("many")) == list(range(20))


def test_a_failure_says_why(shop: Shop) -> None:
    assert shop.result(shop.start("refuse")) == "ValueError: no order 3"


def test_a_task_that_keeps_no_result_gives_one_all_the_same(shop: Shop) -> None:
    assert shop.result(shop.start("forget")) == 4


def test_a_task_may_retry_by_itself(shop: Shop) -> None:
    assert shop.result(shop.start("stumble")) == "order 5 at try 3"


def test_the_catalogue_lists_the_tasks(shop: Shop) -> None:
    action = shop.get("actions/celery.shop.pack")
    assert (action["is_system"], action["description"]) == (True, "Runs the Celery task shop.pack.")


def test_the_result_comes_although_the_worker_of_the_shop_dies(shop: Shop, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    execution = shop.start("pack", order=7, seconds=2, note=str(note))
    shop.wait_for(lambda: note.exists() and note.read_text())
    os.kill(int(note.read_text()), signal.SIGKILL)
    assert shop.result(execution, seconds=60)["order"] == 7


def test_the_result_comes_although_our_workers_die(shop: Shop, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    execution = shop.start("pack", order=8, seconds=2, note=str(note))
    shop.wait_for(lambda: note.exists() and note.read_text())
    for process in shop.stack.workers():
        os.kill(process, signal.SIGKILL)
    assert shop.result(execution, seconds=60)["order"] == 8


def test_the_result_comes_although_the_answer_is_lost(shop: Shop, tmp_path: Path) -> None:
    """Nobody takes the answer while the workers are stopped, and then it is gone."""
    note = tmp_path / "pid"
    execution = shop.start("pack", order=9, seconds=2, note=str(note))
    shop.wait_for(lambda: note.exists() and note.read_text())
    workers = shop.stack.workers()
    for process in workers:
        os.kill(process, signal.SIGSTOP)
    try:
        with redis.Redis.from_url(shop.redis_url) as broker:
            shop.wait_for(lambda: b"celery_succeeded" in b"".join(broker.lrange("engine", 0, -1)))  # type: ignore[arg-type]
            broker.delete("engine")
    finally:
        for process in workers:
            os.kill(process, signal.SIGCONT)
    assert shop.result(execution, seconds=60)["order"] == 9


def test_a_cancelled_execution_revokes_what_waits(shop: Shop) -> None:
    """A worker that starts later hears from the others what is revoked, as Celery has it."""
    execution = shop.start("nobody")
    with redis.Redis.from_url(shop.redis_url) as broker:
        shop.wait_for(lambda: broker.llen("nobody") == 1)
        requests.put(
            f"{shop.stack.url}/executions/{execution}", json={"state": "CANCELLED"}, timeout=10
        ).raise_for_status()
        (message,) = broker.lrange("nobody", 0, -1)  # type: ignore[misc]
        token = json.loads(message)["headers"]["id"]
        time.sleep(3)  # a pass of the sweep, and the way to the workers
        with shop.worker("nobody"):
            key = f"celery-task-meta-{token}"
            shop.wait_for(lambda: broker.get(key))
            assert json.loads(broker.get(key))["status"] == "REVOKED"  # type: ignore[arg-type]
