"""python-mistralclient's command line, unmodified, against the running service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LiveStack

SECONDS = 20.0


class Mistral:
    """The `mistral` command with the address of the service."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: str) -> Any:
        """Run a command that answers JSON, or nothing."""
        text = self.text(*arguments, "-f", "json")
        return json.loads(text) if text.strip() else None

    def text(self, *arguments: str) -> str:
        return self.run(*arguments).stdout

    def run(self, *arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "mistral"), "--os-mistral-url", self.url]
        environment = {key: value for key, value in os.environ.items() if "OS_" not in key}
        finished = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        assert not is_checked or finished.returncode == 0, finished.stderr
        return finished

    def wait(self, execution_id: str, *states: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while True:
            execution: dict[str, Any] = self("execution-get", execution_id)
            if execution["State"] in states:
                return execution
            assert time.monotonic() < deadline, execution
            time.sleep(0.2)


@pytest.fixture(scope="session")
def mistral(live: LiveStack) -> Mistral:
    client = Mistral(live.url)
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        client.text("workflow-create", str(example))
    return client


def test_a_workflow_is_created_run_and_read(mistral: Mistral) -> None:
    names = {workflow["Name"] for workflow in mistral("workflow-list")}
    assert {"deploy_cluster", "order_approval", "release_package"} <= names
    started = mistral("execution-create", "deploy_cluster", '{"nodes": ["a", "b"]}')
    assert started["State"] == "RUNNING"
    mistral.wait(started["ID"], "SUCCESS")
    output = json.loads(mistral.text("execution-get-output", started["ID"]))
    assert [node["name"] for node in output["nodes"]] == ["a", "b"]
    tasks = mistral("task-list", started["ID"])
    assert {task["State"] for task in tasks} == {"SUCCESS"}
    assert "reserve_machines" in {task["Name"] for task in tasks}


def test_a_person_completes_the_approval(mistral: Mistral) -> None:
    order = {"item": "10 laptops", "price": 12000}
    started = mistral("execution-create", "order_approval", json.dumps(order))
    action = _wait_for_action(mistral, started["ID"])
    answer = '{"approved": true, "by": "Ann"}'
    mistral("action-execution-update", action, "--state", "SUCCESS", "--output", answer)
    mistral.wait(started["ID"], "SUCCESS")
    assert json.loads(mistral.text("execution-get-output", started["ID"])) == {
        "item": "10 laptops",
        "status": "ordered 10 laptops for 12000",
        "approved_by": "Ann",
    }


def test_a_reverse_workflow_runs_what_its_target_needs(mistral: Mistral) -> None:
    target = '{"task_name": "run_tests"}'
    started = mistral("execution-create", "release_package", "{}", target)
    mistral.wait(started["ID"], "SUCCESS")
    names = {task["Name"] for task in mistral("task-list", started["ID"])}
    assert names == {"fetch_source", "compile", "run_tests"}


def test_errors_are_plain_sentences(mistral: Mistral) -> None:
    for arguments, words in (
        (("execution-create", "nothing_of_this_name"), "Workflow not found"),
        (("execution-create", "release_package"), "Invalid task name"),
        (("execution-get", "3d0171b8-5c2b-4564-8eea-ddc8ab2d65ea"), "not found"),
    ):
        finished = mistral.run(*arguments, is_checked=False)
        assert finished.returncode != 0
        assert words in finished.stderr
        assert "Traceback" not in finished.stderr


def _wait_for_action(mistral: Mistral, execution_id: str) -> str:
    """Give the id of the action that waits for an outside result."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for task in mistral("task-list", execution_id):
            for action in mistral("action-execution-list", task["ID"]):
                if action["State"] == "RUNNING":
                    return str(action["ID"])
        time.sleep(0.2)
    raise AssertionError("no action waits")
