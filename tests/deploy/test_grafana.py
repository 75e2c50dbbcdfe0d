"""The dashboard and the alerts ask for metrics that there are."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import requests
import yaml

from tests.live import ROOT, LiveStack

FOLDER: Final = ROOT / "deploy" / "grafana"
SERVICES: Final = ROOT / "workflows" / "services"
MEASURED: Final = (SERVICES / "operation" / "measurements.py").read_text()
SECONDS: Final = 60.0
# Beat writes down every three minutes when it last ran something; tests/api looks at that.
LATE: Final = {"scheduler_seconds"}
UNHEARD: Final = """
version: '2.0'
unheard:
  tasks:
    act: {action: std.sleep seconds=0, target: nobody}
"""


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "levante.json").read_text())["panels"]
    return [one for one in found if one["type"] != "row"]


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "levante.rules.yaml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def expressions() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    return asked + [alert["expr"] for alert in alerts()]


@pytest.fixture
def names(live: LiveStack) -> Iterator[Callable[[], set[str]]]:
    """Read the names of all numbers of a service that has an action which nobody takes."""
    requests.post(f"{live.url}/workflows", data=UNHEARD, timeout=20)
    body = {"workflow_name": "unheard"}
    execution = requests.post(f"{live.url}/executions", json=body, timeout=20).json()["id"]

    def read() -> set[str]:
        answer = requests.get(live.url.replace("/v2", "/metrics"), timeout=20)
        return set(re.findall(r"^levante_(\w+)", answer.text, re.MULTILINE))

    yield read
    requests.delete(f"{live.url}/executions/{execution}?force=true", timeout=20)


def test_what_is_asked_for_is_shown_by_a_running_service(names: Callable[[], set[str]]) -> None:
    asked = {name for one in expressions() for name in re.findall(r"levante_(\w+)", one)}
    assert len(asked) > 30
    deadline = time.monotonic() + SECONDS
    while missing := asked - LATE - names():
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)


def test_every_number_is_shown() -> None:
    shown = {name for one in expressions() for name in re.findall(r"levante_(\w+)", one)}
    assert set(re.findall(r'Metric\("(\w+)"', MEASURED)) - shown <= {
        "probe_sent_seconds",
        "sweep_findings",
    }


def test_the_panels_of_a_dashboard_have_room() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        across = range(place["x"], place["x"] + place["w"])
        down = range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in across for y in down}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_each_alert_says_what_is_wrong() -> None:
    for alert in alerts():
        assert alert["alert"].startswith("Levante")
        assert alert["annotations"]["summary"]
