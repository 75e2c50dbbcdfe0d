"""The benchmarks: their workflows do what their names say, and their figures are right."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import report
from benchmarks.measure import growth_exponent, percentiles
from benchmarks.shapes import ACTIONS, SHAPES, Shape, nested
from tests.fakes import MemoryExecution
from workflows.engine.states import State
from workflows.language.parser import parse_workflows


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_has_as_many_tasks_or_items_as_it_says(shape: Shape) -> None:
    if shape.name == "nested":
        return
    execution = MemoryExecution(shape.document(20, ACTIONS["inline"]), {"data": "x"}).start()
    assert execution.execution.state is State.SUCCESS
    assert len(execution.actions) == (shape.tasks_each or 20)


def test_nested_workflows_have_five_tasks_for_each_item() -> None:
    workflows = parse_workflows(nested(20, ACTIONS["inline"])).workflows
    assert {name: len(spec.tasks) for name, spec in workflows.items()} == {
        "bench_nested": 1,
        "bench_child": 2,
        "bench_grandchild": 3,
    }
    assert workflows["bench_nested"].tasks["t"].with_items[0].items == "<% range(4) %>"


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_growth_is_the_power_by_which_time_grows_with_the_size(power: float) -> None:
    seconds = {100: 100**power, 1_000: 1_000**power, 3_000: 3_000**power}
    assert growth_exponent(seconds) == pytest.approx(power, abs=0.01)


def test_growth_counts_all_sizes() -> None:
    # Linear from 100 to 1,000, then three times the time for three times the size and a half more.
    assert growth_exponent({100: 1.0, 1_000: 10.0, 3_000: 45.0}) == 1.1


def test_growth_needs_two_sizes() -> None:
    assert growth_exponent({100: 1.0}) is None


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentiles(list(range(100, 0, -1))) == {"p50": 51, "p95": 96, "p99": 100}
    assert percentiles([3.0]) == {"p50": 3.0, "p95": 3.0, "p99": 3.0}


def results(rate: float, *, action: str = "inline", growth: float = 1.0) -> dict[str, Any]:
    run = {
        "shape": "chain",
        "action": action,
        "rates": {"100": rate / 2, "1000": rate},
        "growth": growth,
        "problem": "",
    }
    return {
        "sizes": [100, 1000],
        "shapes": [run],
        "yardstick": {"parallel": 900.0, "sequential": 500.0},
        "latency": {"task to task": {"p50": 1.0, "p95": 26.0, "p99": 30.0}},
        "memory idle": {"web": 100.0, "worker": 501.0},
    }


def test_goals_that_are_missed_are_named() -> None:
    missed = report.missed_goals(results(240, action="ordinary", growth=1.2))
    assert missed == [
        "chain, ordinary: grows with the power 1.2",
        "chain, ordinary: 240 tasks/s, not 250",
        "task to task: p95 26 ms, not 25",
        "idle memory: 601 MB, not 600",
    ]


def test_an_inline_shape_is_compared_with_mistral() -> None:
    rows = report.shape_rows(results(3_600), [100, 1000])
    assert rows[1] == ["chain", "inline", "1,800/s", "3,600/s", "1.00", "100 x Mistral"]
    assert "chain, inline" in "".join(report.missed_goals(results(359)))
    assert "chain, inline" not in "".join(report.missed_goals(results(361)))


def test_an_earlier_run_is_compared_size_by_size() -> None:
    assert report.comparison_rows(results(100), results(150))[1:] == [
        ["chain", "inline", "100", "50/s", "75/s", "1.50"],
        ["chain", "inline", "1000", "100/s", "150/s", "1.50"],
    ]


def test_a_table_becomes_markdown() -> None:
    assert report.as_markdown([[["a", "b"], ["1", "2"]], [["only titles"]]]) == (
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
