"""Notifications of a running service: to a receiver that fails, from a sender that dies."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

HELLO = "version: '2.0'\ntold:\n  tasks:\n    greet:\n      action: std.noop\n"
SECONDS = 40.0


class Receiver:
    """Refuses each delivery five times, and counts what it took."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self.taken: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                delivery = self.headers["X-Levante-Delivery"]
                with receiver.lock:
                    receiver.tries[delivery] += 1
                    is_taken = receiver.tries[delivery] > 5
                    if is_taken:
                        receiver.taken.append((body["workflow_execution_id"], body["event"]))
                self.send_response(204 if is_taken else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    stack = LiveStack(tmp_path_factory.mktemp("told"))
    stack.settings |= {
        "LEVANTE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8",
        "LEVANTE_NOTIFY_RETRY_SECONDS": "0.1",
    }
    stack.start()
    yield stack
    stack.stop()


def test_each_event_is_taken_exactly_once(stack: LiveStack, receiver: Receiver) -> None:
    assert requests.post(f"{stack.url}/workflows", data=HELLO, timeout=10).status_code == 201
    notify = {
        "type": "webhook",
        "url": f"http://127.0.0.1:{receiver.server.server_port}/in",
        "event_types": ["WORKFLOW_LAUNCHED", "WORKFLOW_SUCCEEDED"],
        "headers": {"Authorization": "Bearer t0k3n"},
    }
    started = [_start(stack, {"notify": [notify]}) for _ in range(5)]
    (sweep,) = stack.processes("sweep")
    time.sleep(1.5)
    os.kill(sweep, 9)  # in the middle of it; what it was at comes again after its claim is over
    deadline = time.monotonic() + SECONDS + 45
    expected = {(one, event) for one in started for event in notify["event_types"]}
    while set(receiver.taken) != expected:
        assert time.monotonic() < deadline, (receiver.taken, stack.log.read_text()[-3000:])
        time.sleep(0.2)
    time.sleep(2)
    # A delivery whose sender died between the answer and the commit may come again.
    assert len(receiver.taken) - len(expected) <= 4
    assert "t0k3n" not in stack.log.read_text()
    shown = requests.get(f"{stack.url}/executions/{started[0]}", timeout=10).json()["params"]
    assert "t0k3n" not in shown
    assert notify["url"] in shown


def _start(stack: LiveStack, params: dict[str, Any]) -> str:
    body = {"workflow_name": "told", "params": params}
    answer = requests.post(f"{stack.url}/executions", json=body, timeout=10)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
