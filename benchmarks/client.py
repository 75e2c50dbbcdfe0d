"""A small client of the API: one connection that stays open, for one thread."""

from __future__ import annotations

import http.client
import json
import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

REQUEST_SECONDS: Final = 60.0
FINAL: Final = frozenset({"SUCCESS", "ERROR", "CANCELLED"})
# How long to wait between two looks at an execution: a part of the time passed, so that looking
# neither costs much nor makes the figure wrong by more than this part.
LOOK_PART: Final = 0.02
FIRST_LOOK_SECONDS: Final = 0.01
LONGEST_LOOK_SECONDS: Final = 0.5


class BenchmarkFailed(Exception):
    """The server did not do what a benchmark needs."""


class ApiClient:
    """Talks to one server."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = (parts.hostname, parts.port or 80)
        self._headers = {"X-Auth-Token": token} if token else {}
        self._connection = http.client.HTTPConnection(*self._address, timeout=REQUEST_SECONDS)

    def call(
        self, method: str, path: str, body: str | None = None, kind: str = "text/plain"
    ) -> Any:
        """Send a request; raise BenchmarkFailed unless the answer says that it went well."""
        headers = {**self._headers, "Content-Type": kind}
        content = None if body is None else body.encode()
        try:
            self._connection.request(method, f"/v2/{path}", content, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            # A connection that the server has closed meanwhile.
            self._connection.close()
            self._connection.request(method, f"/v2/{path}", content, headers)
            response = self._connection.getresponse()
            text = response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise BenchmarkFailed(f"{method} {path}: {response.status} {text[:300]!r}")
        return json.loads(text) if text else None

    def upload(self, document: str) -> None:
        """Store workflows, over those that are there already."""
        try:
            self.call("POST", "workflows", document)
        except BenchmarkFailed:
            self.call("PUT", "workflows", document)

    def start(self, workflow: str, given: dict[str, Any]) -> str:
        body = json.dumps({"workflow_name": workflow, "input": given})
        return str(self.call("POST", "executions", body, "application/json")["id"])

    def state(self, execution_id: str) -> str:
        return str(self.call("GET", f"executions/{execution_id}?fields=state")["state"])

    def wait(self, execution_id: str, started: float, deadline: float) -> None:
        """Wait until an execution has succeeded. Raises BenchmarkFailed otherwise."""
        while (state := self.state(execution_id)) not in FINAL:
            now = time.monotonic()
            if now > deadline:
                raise BenchmarkFailed(f"not done after {now - started:.0f} s")
            pause = max(FIRST_LOOK_SECONDS, (now - started) * LOOK_PART)
            time.sleep(min(pause, LONGEST_LOOK_SECONDS))
        if state != "SUCCESS":
            raise BenchmarkFailed(f"execution {execution_id} ended in {state}")
