"""The client under faults: it starts executions until they are accepted, and asks for things."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import requests

from tests.faults.cluster import Cluster
from tests.faults.flows import Run

SECONDS_TO_ANSWER = 15.0  # no request may hang longer, whatever is broken
_WAITING_SQL = """
    SELECT a.id FROM action_executions a JOIN workflow_executions e ON e.id = a.execution_id
    WHERE e.workflow_name = 'asks' AND a.name = 'std.async_noop' AND a.state = 'RUNNING'
      AND a.token IS NOT NULL AND a.process_id IS NULL
"""


@dataclass
class Client:
    """Starts runs from several threads and remembers which were accepted, by the client's ids."""

    cluster: Cluster
    fate: random.Random
    accepted: dict[UUID, Run] = field(default_factory=dict)
    slowest: float = 0.0
    refused: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def start_all(self, runs: list[Run], seconds: float, *, threads: int = 4) -> list[Any]:
        """Start the runs, evenly over the time, from several threads; give the threads."""
        shares = [runs[index::threads] for index in range(threads)]
        ids = random.Random(self.fate.random())
        started = [
            threading.Thread(target=self._start_some, args=(share, seconds, ids), daemon=True)
            for share in shares
        ]
        for thread in started:
            thread.start()
        threading.Thread(target=self._answer_asks, daemon=True).start()
        return started

    def begin_schedule(self, name: str) -> None:
        """Have `tick` started each second; the answer may be lost, and the second try is a 409."""
        body = {"name": name, "workflow_name": "tick", "pattern": "* * * * * *"}
        self._insist("POST", "cron_triggers", body)

    def end_schedule(self, name: str) -> None:
        """Start no more."""
        self._insist("DELETE", f"cron_triggers/{name}")

    def _insist(self, method: str, path: str, body: Any = None) -> None:
        while not self.is_over.is_set():
            answer = self.request(method, path, body)
            if answer is not None and answer.status_code < 500:
                return
            time.sleep(0.2)

    def request(self, method: str, path: str, body: Any) -> requests.Response | None:
        """Send one request. None if it was not answered."""
        begin = time.monotonic()
        try:
            answer = requests.request(
                method, f"{self.cluster.url}/v2/{path}", json=body, timeout=SECONDS_TO_ANSWER
            )
        except requests.Timeout:
            self.slowest = SECONDS_TO_ANSWER
            return None
        except requests.RequestException:
            return None
        self.slowest = max(self.slowest, time.monotonic() - begin)
        return answer

    def _start_some(self, runs: list[Run], seconds: float, ids: random.Random) -> None:
        begin = time.monotonic()
        for number, run in enumerate(runs):
            pause = begin + seconds * number / len(runs) - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            execution_id = UUID(int=ids.getrandbits(128), version=4)
            self._start(execution_id, run)
            if run.ask:
                self._ask(execution_id, run.ask)

    def _start(self, execution_id: UUID, run: Run) -> None:
        body = {
            "id": str(execution_id),
            "workflow_name": run.workflow,
            "input": json.dumps(run.input),
        }
        while not self.is_over.is_set():
            answer = self.request("POST", "executions", body)
            if answer is not None and answer.ok:
                self.accepted[execution_id] = run
                return
            assert answer is None or answer.status_code >= 500, answer.text
            self.refused += 1
            time.sleep(0.2)

    def _ask(self, execution_id: UUID, ask: str) -> None:
        path = f"executions/{execution_id}"
        states = {"cancel": ["CANCELLED"], "pause": ["PAUSED", "RUNNING"]}[ask]
        for state in states:
            # It may have ended by itself, or by a request whose answer was lost.
            self._insist("PUT", path, {"state": state})

    def _answer_asks(self) -> None:
        """Give asynchronous actions their result, each twice: the first one counts."""
        while not self.is_over.is_set():
            time.sleep(0.3)
            try:
                with self.cluster.connect() as database:
                    rows = database.execute(_WAITING_SQL).fetchall()
            except psycopg.Error:
                continue
            for (action_id,) in rows:
                body = {"state": "SUCCESS", "output": {"given": True}}
                self.request("PUT", f"action_executions/{action_id}", body)
                self.request("PUT", f"action_executions/{action_id}", body)
