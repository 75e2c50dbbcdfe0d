"""Results of the jobs of a chord: counted, and listened to by nobody of ours."""

from __future__ import annotations

import time

import pytest
import redis
import requests
from celery import Celery
from celery.result import AsyncResult

from config.results import RedisResults
from tests.live import LiveStack
from workflows.embedded.state import read_state

pytestmark = pytest.mark.e2e

ITEMS = """
version: '2.0'
listened_to:
  tasks:
    all:
      with-items: i in <% range(20) %>
      action: std.sleep seconds=0
"""


def listeners(client: redis.Redis) -> int:
    """Channels of results that anybody of the stack listens to."""
    return sum(name.startswith(b"celery-task-meta") for name in client.pubsub_channels())


def run(live: LiveStack) -> None:
    start = {"workflow_name": "listened_to"}
    execution = requests.post(f"{live.url}/executions", json=start, timeout=30).json()
    deadline = time.monotonic() + 60
    while execution["state"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
        execution = requests.get(f"{live.url}/executions/{execution['id']}", timeout=30).json()
    assert execution["state"] == "SUCCESS"


def test_chords_leave_no_listener_behind(live: LiveStack) -> None:
    state = read_state(live.directory / "data")
    assert state is not None
    client = redis.Redis.from_url(state.redis_url)
    assert requests.post(f"{live.url}/workflows", data=ITEMS, timeout=30).status_code == 201
    for _ in range(3):
        run(live)
    assert listeners(client) == 0


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")
def test_other_code_is_told_of_a_result_that_it_waits_for(redis_url: str) -> None:
    app = Celery("other", broker=redis_url)
    backend = RedisResults(app=app, url=redis_url)
    backend.store_result("known", 42, "SUCCESS")
    assert AsyncResult("known", backend=backend, app=app).get(timeout=10) == 42
