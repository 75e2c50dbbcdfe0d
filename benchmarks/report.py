"""The results as a table for people, as JSON, and compared with earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

# Tasks a second of OpenStack Mistral 23.0.0 with its own std.noop on two cores (api, engine and
# executor apart, best of three runs), at 50 to 300 tasks; a goal is ten times as much.
MISTRAL: Final = {
    "chain": 36, "wide": 43, "join": 18, "items": 87, "items-8": 6, "data": 22, "many": 33,
}  # fmt: skip
LARGEST_GROWTH: Final = 1.1
LARGEST_BETWEEN_TASKS: Final = 25.0  # milliseconds, p95
LARGEST_START: Final = 60.0  # milliseconds, p95, of eight clients
LARGEST_LIST: Final = 100.0  # milliseconds, p95, of a page of a million executions
LARGEST_PAGE: Final = 300.0  # milliseconds, p95, of the web interface over them
LARGEST_MEMORY: Final = 600.0  # megabytes of everything that `up` runs, idle

Rows = list[list[str]]


def shape_rows(results: dict[str, Any], sizes: Sequence[int]) -> Rows:
    """Give one row for each shape and action, after the row of titles."""
    rows = [["shape", "action", *(f"{size:,}" for size in sizes), "growth", "against"]]
    for run in results["shapes"]:
        rates = list(run["rates"].values())
        if len(rates) == 1 and len(sizes) > 1 and not run["problem"]:
            rates += [None] * (len(sizes) - 1)
        shown = ["" if rate is None else f"{rate:,.0f}/s" for rate in rates]
        shown += ["fails"] * (len(sizes) - len(shown))
        growth = "" if run["growth"] is None else f"{run['growth']:.2f}"
        rows.append([run["shape"], run["action"], *shown, growth, _against(run, results)])
    return rows


def _against(run: dict[str, Any], results: dict[str, Any]) -> str:
    """Say how a shape stands to Mistral, or to bare Celery if its action goes to a worker."""
    if not run["rates"]:
        return ""
    best = max(run["rates"].values())
    if run["action"] == "inline":
        mistral = MISTRAL.get(run["shape"])
        return f"{best / mistral:.0f} x Mistral" if mistral else ""
    kind = yardstick_of(run["shape"])
    bare = results.get("yardstick", {}).get(kind)
    return f"{best / bare:.2f} of bare Celery" if bare else ""


def yardstick_of(shape: str) -> str:
    """Which of the two ways of bare Celery a shape is compared with."""
    return "sequential" if shape in ("chain", "data") else "parallel"


def time_rows(results: dict[str, Any]) -> Rows:
    """Give the times, after the row of titles."""
    rows = [["milliseconds", "p50", "p95", "p99"]]
    times = [results.get(part, {}) for part in ("latency", "api", "lists", "pages")]
    for name, values in (one for part in times for one in part.items()):
        rows.append([name, *(f"{values[part]:.1f}" for part in ("p50", "p95", "p99"))])
    return rows


def memory_rows(results: dict[str, Any]) -> Rows:
    """Give the memory of each process, idle and at the end, after the row of titles."""
    idle, loaded = results.get("memory idle", {}), results.get("memory loaded", {})
    rows = [["megabytes", "idle", "after the run"]]
    rows += [
        [name, f"{idle.get(name, 0):.0f}", f"{loaded.get(name, 0):.0f}"]
        for name in sorted(idle | loaded)
    ]
    rows.append(["all", f"{sum(idle.values()):.0f}", f"{sum(loaded.values()):.0f}"])
    return rows


def retention_rows(results: dict[str, Any]) -> Rows:
    """Give what deleting old executions took, after the row of titles."""
    rows = [["deleting old executions", ""]]
    for name, value in results.get("retention", {}).items():
        shown = value.items() if isinstance(value, dict) else [("", value)]
        rows += [[f"{name} {part}".strip(), f"{number:,}"] for part, number in shown]
    return rows


def yardstick_rows(results: dict[str, Any]) -> Rows:
    """Give the figures of bare Celery, after the row of titles."""
    rows = [["bare Celery", "tasks"]]
    return rows + [[name, f"{rate:,.0f}/s"] for name, rate in results.get("yardstick", {}).items()]


def missed_goals(results: dict[str, Any]) -> list[str]:
    """Name the goals that were not reached."""
    missed = [line for run in results["shapes"] for line in _missed_by(run, results)]
    times = {**results.get("latency", {}), **results.get("api", {})}
    for name, bound in (
        ("task to task", LARGEST_BETWEEN_TASKS),
        ("start an execution", LARGEST_START),
    ):
        if name in times and times[name]["p95"] > bound:
            missed.append(f"{name}: p95 {times[name]['p95']:.0f} ms, not {bound:.0f}")
    for name, values in results.get("lists", {}).items():
        if values["p95"] > LARGEST_LIST:
            missed.append(f"{name}: p95 {values['p95']:.0f} ms, not {LARGEST_LIST:.0f}")
    for name, values in results.get("pages", {}).items():
        if values["p95"] > LARGEST_PAGE:
            missed.append(f"{name}: p95 {values['p95']:.0f} ms, not {LARGEST_PAGE:.0f}")
    memory = sum(results.get("memory idle", {}).values())
    if memory > LARGEST_MEMORY:
        missed.append(f"idle memory: {memory:.0f} MB, not {LARGEST_MEMORY:.0f}")
    return missed


def _missed_by(run: dict[str, Any], results: dict[str, Any]) -> Iterable[str]:
    name = f"{run['shape']}, {run['action']}"
    if run["problem"]:
        yield f"{name}: {run['problem']}"
    if run["growth"] is not None and run["growth"] > LARGEST_GROWTH:
        yield f"{name}: grows with the power {run['growth']}"
    if not run["rates"]:
        return
    best = max(run["rates"].values())
    if run["action"] == "inline":
        wanted = 10 * MISTRAL.get(run["shape"], 0)
    else:
        wanted = results.get("yardstick", {}).get(yardstick_of(run["shape"]), 0) / 2
    if best < wanted:
        yield f"{name}: {best:,.0f} tasks/s, not {wanted:,.0f}"


def comparison_rows(before: dict[str, Any], after: dict[str, Any]) -> Rows:
    """Give old and new rates side by side, after the row of titles."""
    old = {(run["shape"], run["action"]): run["rates"] for run in before["shapes"]}
    rows = [["shape", "action", "size", "before", "now", "ratio"]]
    for run in after["shapes"]:
        for size, rate in run["rates"].items():
            was = old.get((run["shape"], run["action"]), {}).get(size)
            if was:
                rates = [f"{was:,.0f}/s", f"{rate:,.0f}/s", f"{rate / was:.2f}"]
                rows.append([run["shape"], run["action"], size, *rates])
    return rows


def show(rows: Rows) -> None:
    """Print a table whose first row has the titles."""
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    Console().print(table)


def as_markdown(tables: Iterable[Rows]) -> str:
    """Write tables as a document has them."""
    return "\n".join(_markdown_table(rows) for rows in tables if len(rows) > 1)


def _markdown_table(rows: Rows) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
