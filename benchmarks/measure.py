"""The measurements: how many tasks a second, how long one waits, how much memory it takes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import linear_regression
from typing import Any, Final

import psycopg

from benchmarks.client import ApiClient, BenchmarkFailed
from benchmarks.shapes import ACTIONS, Shape, chain
from benchmarks.stack import Target

CLIENTS: Final = 8
# A run shorter than this is done again, and the best counts.
SHORT_SECONDS: Final = 3.0
REPEATS: Final = 3

# From the start of an action that takes no time to the start of the next one, in milliseconds. Not
# from its end: an end and the start that it leads to are decided, and dated, in one moment.
_BETWEEN_TASKS_SQL = """
    SELECT 1000 * extract(epoch FROM started_at - before)::float8 FROM (
        SELECT started_at, lag(started_at) OVER (ORDER BY started_at) AS before
        FROM action_executions WHERE execution_id = %s) AS steps
    WHERE before IS NOT NULL
"""
_FIRST_TASK_SQL = """
    SELECT extract(epoch FROM min(started_at))::float8 FROM action_executions
    WHERE execution_id = %s
"""


@dataclass
class Run:
    """The runs of one shape with one action: tasks a second by size, and how time grows."""

    shape: str
    action: str
    rates: dict[str, float] = field(default_factory=dict)
    growth: float | None = None
    problem: str = ""


def measure_shape(
    target: Target, shape: Shape, action: str, sizes: Sequence[int], *, limit: float
) -> Run:
    """Run one shape at each size. A size that takes longer than `limit` seconds ends it."""
    run = Run(shape.name, action)
    seconds: dict[int, float] = {}
    for size in [shape.fixed_size] if shape.fixed_size else sizes:
        try:
            seconds[size] = _best_time(target, shape, size, ACTIONS[action], limit)
        except BenchmarkFailed as failure:
            run.problem = f"{size}: {failure}"
            break
        run.rates[str(size)] = round(size / seconds[size], 1)
    run.growth = growth_exponent(seconds)
    return run


def growth_exponent(seconds: dict[int, float]) -> float | None:
    """Give x where time grows as size to the power of x, by all sizes: the line through their logs.

    None where there are fewer than two sizes.
    """
    if len(seconds) < 2:
        return None
    sizes = [math.log(size) for size in seconds]
    times = [math.log(time_taken) for time_taken in seconds.values()]
    return round(linear_regression(sizes, times).slope, 2)


def _best_time(target: Target, shape: Shape, size: int, action: str, limit: float) -> float:
    client = ApiClient(target.url, target.token)
    client.upload(shape.document(size, action))
    times: list[float] = []
    while not times or (len(times) < REPEATS and times[-1] < SHORT_SECONDS):
        times.append(_time_once(target, client, shape, size, limit))
    return min(times)


def _time_once(target: Target, client: ApiClient, shape: Shape, size: int, limit: float) -> float:
    workflow = f"bench_{shape.name.partition('-')[0]}"
    given = {"data": "x" * shape.size_of_input} if shape.size_of_input else {}
    started = time.monotonic()
    if shape.tasks_each is None:
        client.wait(client.start(workflow, given), started, started + limit)
    else:
        _run_many(target, workflow, max(1, size // shape.tasks_each), started, limit)
    return time.monotonic() - started


def _run_many(target: Target, workflow: str, count: int, started: float, limit: float) -> None:
    ids: list[str] = []

    def start(client: ApiClient) -> None:
        ids.append(client.start(workflow, {}))

    _by_clients(target, count, start)
    client = ApiClient(target.url, target.token)
    for execution_id in ids:
        client.wait(execution_id, started, started + limit)


def _by_clients(target: Target, count: int, work: Callable[[ApiClient], None]) -> None:
    """Do something `count` times, by eight clients at once."""
    local = threading.local()

    def one(_number: int) -> None:
        if not hasattr(local, "client"):
            local.client = ApiClient(target.url, target.token)
        work(local.client)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(count)))


def measure_latency(target: Target, *, count: int) -> dict[str, dict[str, float]]:
    """Measure the time between two tasks, and from the request to the first task. Milliseconds."""
    client = ApiClient(target.url, target.token)
    client.upload(chain(count, ACTIONS["ordinary"]))
    between: list[float] = []
    first: list[float] = []
    with psycopg.connect(target.database_url, autocommit=True) as database:
        for number in range(count // 4):
            # The first run tells about the steps between, the others about the first of two.
            if number == 1:
                client.upload(chain(2, ACTIONS["ordinary"]))
            asked, started = time.time(), time.monotonic()
            execution_id = client.start("bench_chain", {})
            client.wait(execution_id, started, started + 60)
            between += [row[0] for row in _rows(database, _BETWEEN_TASKS_SQL, execution_id)]
            first += [1000 * (_rows(database, _FIRST_TASK_SQL, execution_id)[0][0] - asked)]
    return {"task to task": percentiles(between), "request to first task": percentiles(first)}


def _rows(database: psycopg.Connection[Any], sql: str, execution_id: str) -> list[Any]:
    return list(database.execute(sql, [execution_id]).fetchall())


def measure_api(target: Target, *, count: int) -> dict[str, dict[str, float]]:
    """Measure requests of eight clients at once. Milliseconds."""
    setup = ApiClient(target.url, target.token)
    setup.upload(chain(2, ACTIONS["inline"]))
    known = setup.start("bench_chain", {})
    requests: dict[str, Callable[[ApiClient], object]] = {
        "start an execution": lambda client: client.start("bench_chain", {}),
        "read an execution": lambda client: client.call("GET", f"executions/{known}"),
        "list executions": lambda client: client.call("GET", "executions?limit=25"),
        "list tasks": lambda client: client.call("GET", "tasks?limit=25"),
    }
    return {name: _time_requests(target, count, request) for name, request in requests.items()}


def _time_requests(
    target: Target, count: int, request: Callable[[ApiClient], object]
) -> dict[str, float]:
    times: list[float] = []

    def timed(client: ApiClient) -> None:
        started = time.monotonic()
        request(client)
        times.append(1000 * (time.monotonic() - started))

    _by_clients(target, count, timed)
    return percentiles(times)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Give p50, p95 and p99."""
    if not values:
        raise BenchmarkFailed("nothing was measured")
    ordered = sorted(values)
    return {
        f"p{part}": round(ordered[min(len(ordered) - 1, len(ordered) * part // 100)], 1)
        for part in (50, 95, 99)
    }
