"""Every example of the language guide, on the running service."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from tests.live import ROOT, LiveStack

GUIDE: Final = ROOT / "docs" / "language.md"
FENCE: Final = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATHS: Final = {None: "workflows", "workbook": "workbooks", "actions": "actions"}
SECONDS: Final = 30.0


@dataclass
class Example:
    """One run of the guide, with the definitions that were written above it."""

    number: int
    definitions: list[tuple[str, str]]
    workflow: str
    run: dict[str, Any] = field(default_factory=dict)


def read_examples(guide: Path) -> Iterator[Example]:
    """Give the runs of the guide in order; a definition serves all runs up to the next one."""
    definitions: list[tuple[str, str]] = []
    last = ""
    has_run = False
    number = 0
    for language, kind, text in FENCE.findall(guide.read_text()):
        if language == "yaml":
            if has_run:
                definitions, has_run = [], False
            definitions.append((PATHS[kind or None], text))
            last = text
        elif (language, kind) == ("json", "run"):
            run = json.loads(text)
            document = yaml.safe_load(last)
            default = next(iter(key for key in document if key != "version"), "")
            number += 1
            has_run = True
            yield Example(number, list(definitions), run.get("workflow", default), run)


EXAMPLES: Final = list(read_examples(GUIDE))


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) >= 20


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.number}-{example.workflow}"
)
def test_the_example_gives_the_written_output(example: Example, live: LiveStack) -> None:
    for path, text in example.definitions:
        _upload(live.url, path, text)
    body = {
        "workflow_name": example.workflow,
        "input": example.run.get("input", {}),
        "params": example.run.get("params", {}),
    }
    started = requests.post(f"{live.url}/executions", json=body, timeout=10)
    assert started.status_code == 201, started.text
    execution = _wait(live.url, started.json()["id"])
    assert execution["state"] == example.run["state"], execution["state_info"]
    assert json.loads(execution["output"]) == example.run["output"]


def _upload(url: str, path: str, text: str) -> None:
    """Create a definition, or update it when an example above has used its name already."""
    answer = requests.post(f"{url}/{path}", data=text.encode(), timeout=10)
    if answer.status_code == 409:
        answer = requests.put(f"{url}/{path}", data=text.encode(), timeout=10)
    assert answer.ok, answer.text


def _wait(url: str, execution_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while True:
        execution = requests.get(f"{url}/executions/{execution_id}", timeout=10).json()
        if execution["state"] in ("SUCCESS", "ERROR", "CANCELLED"):
            return dict(execution)
        assert time.monotonic() < deadline, execution
        time.sleep(0.05)
