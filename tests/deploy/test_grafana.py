"""The dashboard and the alerts ask for metrics that there are."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
import yaml

from tests.live import ROOT

FOLDER: Final = ROOT / "deploy" / "grafana"
SERVICES: Final = ROOT / "workflows" / "services"
MEASURED: Final = (SERVICES / "operation" / "measurements.py").read_text()
TALLIES: Final = (SERVICES / "telemetry" / "tallies.py").read_text()
TOTALS: Final = {
    f"{name}_total" for name in re.findall(r'^[A-Z_]+: Final = "(\w+[^_])"', TALLIES, re.M)
} | {"sweep_findings_total"}


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


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_for_is_measured(expression: str) -> None:
    names = re.findall(r"levante_(\w+)", expression)
    assert names
    measured = set(re.findall(r'Metric\("(\w+)"', MEASURED))
    assert set(names) <= measured | TOTALS


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
