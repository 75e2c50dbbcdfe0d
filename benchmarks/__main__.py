"""`make bench`: measure a server, print the results, write them as JSON, compare them.

Without `--url` a stack of its own is started, with new data, and taken away at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks import report
from benchmarks.client import ApiClient, BenchmarkFailed
from benchmarks.lists import measure_lists
from benchmarks.measure import measure_api, measure_latency, measure_shape
from benchmarks.pages import measure_pages
from benchmarks.retention import measure_retention
from benchmarks.shapes import ACTIONS, SHAPES
from benchmarks.stack import OwnStack, Target
from benchmarks.yardstick import measure_yardstick
from workflows.embedded.state import read_state

SIZES: Final = (100, 1_000, 3_000)
QUICK_SIZES: Final = (100, 500)
# Seconds for all shapes together, and for one run; what is left over then is not measured.
ALL_SECONDS: Final = 540.0
QUICK_ALL_SECONDS: Final = 75.0
RUN_SECONDS: Final = 60.0
QUICK_RUN_SECONDS: Final = 20.0
# Executions in the table when lists are measured.
LISTED: Final = 1_000_000
QUICK_LISTED: Final = 50_000
LISTS: Final = "lists"
# Old executions that are deleted, and only when asked for.
EXPIRED: Final = 100_000
QUICK_EXPIRED: Final = 5_000
RETENTION: Final = "retention"
SETTLE_SECONDS: Final = 10.0  # until the processes of a fresh stack have done their first work


def main(arguments: list[str]) -> int:
    """Measure, and tell whether all goals were reached when `--strict` asks for that."""
    options = _parse(arguments)
    target = _given_target(options)
    with nullcontext(target) if target else OwnStack(options.port) as found:
        results = measure(found, options)
    tables = _tables(results)
    for rows in tables:
        report.show(rows)
    if options.compare:
        before = json.loads(options.compare.read_text(encoding="utf-8"))
        report.show(report.comparison_rows(before, results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(report.as_markdown(tables), encoding="utf-8")
    missed = report.missed_goals(results)
    for line in missed:
        _say(f"goal missed: {line}")
    return 1 if missed and options.strict else 0


def measure(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Make all measurements that the target allows."""
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    results: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "sizes": list(sizes),
        "shapes": [],
    }
    if target.data_directory is not None:
        _wait_until_settled(target)
        results["memory idle"] = target.memory()
    if options.only == [LISTS]:
        return results | _lists(target, options)
    if options.only == [RETENTION]:
        count = options.listed or (QUICK_EXPIRED if options.quick else EXPIRED)
        _say(f"deleting {count:,} executions")
        return results | {"retention": measure_retention(target, count)}
    if target.database_url:
        _say("latency")
        results["latency"] = measure_latency(target, count=80 if options.quick else 200)
    _say("requests of eight clients")
    results["api"] = measure_api(target, count=200 if options.quick else 800)
    if target.database_url and target.redis_url:
        _say("bare Celery")
        results["yardstick"] = measure_yardstick(target, 600 if options.quick else 2_000)
    results["shapes"] = [asdict(run) for run in _shapes(target, options, sizes)]
    if target.data_directory is not None:
        results["memory loaded"] = target.memory()
    if not options.only or LISTS in options.only:
        results |= _lists(target, options)
    return results


def _lists(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Measure lists last: they leave a full table behind."""
    if not target.database_url:
        return {}
    count = options.listed or (QUICK_LISTED if options.quick else LISTED)
    _say(f"lists of {count:,} executions")
    lists = measure_lists(target, count)
    _say("pages over them")
    return {"listed": count, "lists": lists, "pages": measure_pages(target)}


def _shapes(target: Target, options: argparse.Namespace, sizes: Iterable[int]) -> Iterable[Any]:
    until = time.monotonic() + (QUICK_ALL_SECONDS if options.quick else ALL_SECONDS)
    limit = QUICK_RUN_SECONDS if options.quick else RUN_SECONDS
    for shape in SHAPES:
        for action in ACTIONS:
            if options.only and shape.name not in options.only:
                continue
            if options.action and action != options.action:
                continue
            left = until - time.monotonic()
            if left <= 1:
                _say(f"{shape.name}, {action}: left out, the time is over")
                continue
            run = measure_shape(target, shape, action, list(sizes), limit=min(limit, left))
            _say(f"{shape.name}, {action}: {run.rates} {run.problem}")
            yield run


def _wait_until_settled(target: Target) -> None:
    client = ApiClient(target.url, target.token)
    client.call("GET", "workflows?limit=1")
    time.sleep(SETTLE_SECONDS)


def _tables(results: dict[str, Any]) -> list[report.Rows]:
    return [
        report.shape_rows(results, results["sizes"]),
        report.yardstick_rows(results),
        report.time_rows(results),
        report.memory_rows(results),
        report.retention_rows(results),
    ]


def _given_target(options: argparse.Namespace) -> Target | None:
    if not options.url:
        return None
    target = Target(options.url.rstrip("/"), options.token)
    target.database_url = os.environ.get("DATABASE_URL", "")
    target.redis_url = os.environ.get("REDIS_URL", "")
    if options.data_dir is not None:
        state = read_state(options.data_dir.resolve())
        if state is None:
            raise SystemExit(f"nothing runs in {options.data_dir}")
        target.data_directory = options.data_dir.resolve()
        target.database_url = state.database_url or target.database_url
        target.redis_url = state.redis_url or target.redis_url
    return target


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--url", default="", help="of a running server; default: start one")
    parser.add_argument("--token", default="", help="API token for --url")
    parser.add_argument(
        "--data-dir", type=Path, help="of the `up` behind --url: for latency, memory, bare Celery"
    )
    parser.add_argument("--port", type=int, default=0, help="of the server that is started")
    parser.add_argument("--quick", action="store_true", help="two minutes, small sizes")
    parser.add_argument(
        "--only", nargs="+", choices=[*(shape.name for shape in SHAPES), LISTS, RETENTION]
    )
    parser.add_argument("--listed", type=int, help="executions in the table, or to delete")
    parser.add_argument("--action", choices=list(ACTIONS))
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of tasks")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--compare", type=Path, help="results of an earlier run")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--strict", action="store_true", help="fail when a goal is missed")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchmarkFailed as failure:
        sys.exit(str(failure))
