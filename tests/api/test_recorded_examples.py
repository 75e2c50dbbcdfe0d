"""Exchanges recorded from Mistral without logins, replayed in their order on a live service."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests.exchanges import UUID, compare
from tests.live import LiveStack

RECORDINGS: Final = sorted((Path(__file__).parent / "recordings").glob("*.json"))
SECONDS: Final = 20.0

# The caller is an administrator here, who may do this.
NOT_FOR_ADMINISTRATORS: Final = {
    "008-workflow-create-public-not-admin",
    "024-list-all-projects-not-admin",
}
# Here we differ on purpose; what is different is left out of the comparison.
DIFFERENT: Final = {
    "001-root-versions": {"href"},
    "002-v2-root": {"uri"},
    "006-workflow-create-bad-dsl": {"faultstring"},  # all faults at once, with their places
    "007-workflow-create-bad-yaml": {"faultstring"},
    "012-workflow-list-page": {"next"},
    "017-workflow-validate-ok": set(),
    "018-workflow-validate-bad": {"error"},
    "033-action-get-system": {"is_system", "description"},
    "034-action-list": {"is_system", "description"},
    "041-execution-create-from-source": {"params"},  # a copy copies input and params
    "047-execution-list": {"next", "params"},
    "048-execution-list-fields-nulls": {"next"},
    "060-execution-get-failed": {"state_info", "output"},  # our own words
    "061-execution-tasks": {"state_info"},
    "062-execution-report": {"state_info", "last_heartbeat"},  # a process beats, not an action
    "065-task-get": {"state_info", "result"},
    "067-task-action-executions": {"output"},
    # The trigger of a task is kept over a rerun.
    "070-task-rerun": {"state_info", "result", "runtime_context", "state"},
    "071-task-skip": {"result", "runtime_context"},
    "064-execution-sub-executions": {"state_info"},
    "080-action-execution-list": {"next"},
    # One that runs once has no pattern.
    "083-cron-trigger-create-once": {"pattern"},
    "088-cron-trigger-list": {"pattern"},
    "108-unknown-path": {"code", "title", "description"},  # one form of errors
}
FIRST: Final = "30492e3b-a9cb-4a03-9585-030a1b61086e"
GIVEN: Final = "5e1f0b8a-6c5d-4d0c-9a37-2f1f3f1b7d11"
COPY: Final = "54f74153-8e90-4aa9-b759-6878995bcf61"
# Started by requests that were not recorded.
WAITING: Final = "9d966589-6944-4b03-afec-1be91f2d7588"
FAILED: Final = "df119134-47f6-41f7-b6b1-32e16dd91a03"
TASKS: Final = {
    "child": "1067e369-05cd-4507-8bfa-5f163b6f792f",
    "fail_here": "3d0171b8-5c2b-4564-8eea-ddc8ab2d65ea",
}


class Replay:
    """Sends the recorded requests, with the ids that this service has given in their place."""

    def __init__(self, url: str) -> None:
        self.root = url.removesuffix("/v2")
        self.ids: dict[str, str] = {}
        self.answers: dict[str, requests.Response] = {}

    def run(self) -> None:
        for file in RECORDINGS:
            recording = json.loads(file.read_text())
            self._prepare(file.stem)
            answer = self._send(recording["request"])
            self.answers[file.stem] = answer
            if answer.content:
                self._learn(recording["response"]["body"], answer.json())

    def _prepare(self, name: str) -> None:
        if name.startswith("040"):
            self._wait(GIVEN, "SUCCESS")
        if name.startswith("046"):
            for execution in (FIRST, COPY):
                self._wait(execution, "SUCCESS")
        if name.startswith("049"):
            self._start("wait_forever", WAITING)
        if name.startswith("060"):
            self._start("parent_wf", FAILED)
            self._wait(FAILED, "ERROR")
            path = self._own(f"/v2/executions/{FAILED}/tasks")
            for task in requests.get(self.root + path, timeout=10).json()["tasks"]:
                self.ids[TASKS[task["name"]]] = task["id"]
        if name.startswith("110"):
            requests.delete(f"{self.root}/v2/cron_triggers/once", timeout=10)
        if name.startswith("071"):
            self._wait_for_task(TASKS["fail_here"], "ERROR")

    def _start(self, workflow: str, recorded_id: str) -> None:
        body = {"workflow_name": workflow}
        answer = requests.post(f"{self.root}/v2/executions", json=body, timeout=10)
        self.ids[recorded_id] = answer.json()["id"]

    def _wait(self, recorded_id: str, state: str) -> None:
        self._wait_until(f"/v2/executions/{recorded_id}", state)

    def _wait_for_task(self, recorded_id: str, state: str) -> None:
        self._wait_until(f"/v2/tasks/{recorded_id}", state)

    def _wait_until(self, path: str, state: str) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if requests.get(self.root + self._own(path), timeout=10).json()["state"] == state:
                return
            time.sleep(0.1)
        raise AssertionError(f"{path} does not become {state}")

    def _send(self, request: dict[str, Any]) -> requests.Response:
        body = request.get("body")
        text = body if isinstance(body, str) else json.dumps(body)
        return requests.request(
            request["method"],
            self.root + self._own(request["path"]),
            data=self._own(text).encode() if body is not None else None,
            headers=request.get("headers", {}),
            timeout=20,
        )

    def _own(self, text: str) -> str:
        return UUID.sub(lambda found: self.ids.get(found.group(0), found.group(0)), text)

    def _learn(self, recorded: Any, own: Any) -> None:
        """Note which of our ids stands for which recorded one."""
        if isinstance(recorded, dict) and isinstance(own, dict):
            for key in recorded.keys() & own.keys():
                self._learn(recorded[key], own[key])
        elif isinstance(recorded, list) and isinstance(own, list):
            for left, right in zip(recorded, own, strict=False):
                self._learn(left, right)
        elif all(isinstance(one, str) and UUID.fullmatch(one) for one in (recorded, own)):
            self.ids.setdefault(recorded, own)


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    stack = LiveStack(tmp_path_factory.mktemp("replay")).start()
    try:
        found = Replay(stack.url)
        found.run()
        yield found
    finally:
        stack.stop()


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
def test_the_exchange_is_reproduced(file: Path, replay: Replay) -> None:
    if file.stem in NOT_FOR_ADMINISTRATORS:
        assert replay.answers[file.stem].status_code != 403
        return
    recorded = json.loads(file.read_text())["response"]
    answer = replay.answers[file.stem]
    assert answer.status_code == recorded["status"], answer.text
    if recorded["body"] in (None, ""):
        assert answer.content == b""
        return
    assert answer.headers["Content-Type"].startswith("application/json")
    differences = list(
        compare("", recorded["body"], answer.json(), DIFFERENT.get(file.stem, set()))
    )
    assert differences == []
