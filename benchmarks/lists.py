"""Lists of very many executions: the table is filled in one statement, then pages are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from benchmarks.client import ApiClient, BenchmarkFailed
from benchmarks.measure import percentiles
from benchmarks.stack import Target

# Requests for each kind of page, one after the other.
REQUESTS: Final = 60
PAGE: Final = 100
# What the command line of Mistral asks for.
_COLUMNS: Final = (
    "id,workflow_id,workflow_name,workflow_namespace,description,task_execution_id,"
    "root_execution_id,state,state_info,created_at,updated_at"
)
_WORKFLOWS: Final = 20
_PROJECTS: Final = 5
# Days over which the executions are spread.
_DAYS: Final = 100

_PROJECTS_SQL: Final = """
    INSERT INTO projects (id, name, created_at)
    SELECT gen_random_uuid(), 'lists ' || n, now() FROM generate_series(1, %s) AS n
"""
# Of a thousand executions 939 went well, 50 failed, 8 have sub-workflows' parents above them, and
# a few are paused or cancelled. Nothing is running: the server would take it up.
_FILL_SQL: Final = """
    INSERT INTO workflow_executions
        (id, project_id, revision_id, workflow_id, workflow_name, workflow_namespace, description,
         started_by, tags, state, state_info, created_at, updated_at, finished_at, is_started,
         is_cut_off, is_handled, is_accepted, item_index, round, depth, root_execution_id, backlog,
         input, params, globals, output)
    SELECT gen_random_uuid(), p.ids[1 + n %% cardinality(p.ids)], w.revisions[at], w.ids[at],
           w.names[at], '', 'number ' || n, '', '{}', state,
           CASE WHEN state = 'ERROR' THEN 'Failure caused by error in tasks: t' END,
           born, born + interval '3 seconds',
           CASE WHEN state <> 'PAUSED' THEN born + interval '3 seconds' END, true,
           false, true, false, 0, 0, 0,
           CASE WHEN n %% 10 = 0 THEN gen_random_uuid() END, '[]',
           json_build_object('number', n), '{"env": {}, "namespace": ""}', '{}', '{"result": "ok"}'
    FROM (SELECT n, 1 + (n * 7) %% %(workflows)s AS at,
                 now() - interval '1 day' * %(days)s * n / %(count)s AS born,
                 CASE WHEN n %% 1000 < 50 THEN 'ERROR' WHEN n %% 1000 = 50 THEN 'CANCELLED'
                      WHEN n %% 2000 = 51 THEN 'PAUSED' ELSE 'SUCCESS' END AS state
          FROM generate_series(1, %(count)s) AS n) AS numbered,
         (SELECT array_agg(id) AS ids FROM projects) AS p,
         (SELECT array_agg(d.id ORDER BY d.name) AS ids,
                 array_agg(d.name ORDER BY d.name) AS names,
                 array_agg(d.revision_id ORDER BY d.name) AS revisions
          FROM workflow_definitions d WHERE d.name LIKE 'lists_%%') AS w
"""
_FACTS_SQL: Final = """
    SELECT count(*), min(created_at), max(created_at), (SELECT id FROM projects LIMIT 1)
    FROM workflow_executions
"""


def measure_lists(target: Target, count: int) -> dict[str, dict[str, float]]:
    """Fill the table up to `count` executions, and measure pages of them. Milliseconds."""
    client = ApiClient(target.url, target.token)
    client.upload(_document())
    with psycopg.connect(target.database_url, autocommit=True) as database:
        facts = _fill(database, count)
    return {f"list: {name}": _measure(ask) for name, ask in _kinds_of_pages(client, *facts).items()}


def _document() -> str:
    tasks = "  tasks:\n    t: {action: std.noop}\n"
    return "version: '2.0'\n" + "".join(
        f"lists_{number}:\n{tasks}" for number in range(1, _WORKFLOWS + 1)
    )


def _fill(database: psycopg.Connection[Any], count: int) -> tuple[Any, Any, str]:
    """Insert what is missing; give the first and last moment and the id of a project."""
    there = database.execute("SELECT count(*) FROM workflow_executions").fetchone()
    if there is None or there[0] < count:
        database.execute(_PROJECTS_SQL, [_PROJECTS - 1])
        values = {"count": count, "workflows": _WORKFLOWS, "days": _DAYS}
        database.execute(_FILL_SQL, values)
        database.execute("VACUUM (ANALYZE) workflow_executions")
    facts = database.execute(_FACTS_SQL).fetchone()
    if facts is None or facts[0] < count:
        raise BenchmarkFailed("the table of executions could not be filled")
    return facts[1], facts[2], str(facts[3])


def _kinds_of_pages(
    client: ApiClient, first: Any, last: Any, project: str
) -> dict[str, Callable[[], None]]:
    """Give a function for each kind of page that asks for one more of it."""
    moments = cycle(first + (last - first) * part / 12 for part in range(1, 12))
    workflows = cycle(f"lists_{number}" for number in range(1, _WORKFLOWS + 1))
    newest = f"executions?limit={PAGE}&fields={_COLUMNS}&sort_dirs=desc"
    queries: dict[str, Callable[[], str]] = {
        "newest": lambda: newest,
        "oldest": lambda: f"executions?limit={PAGE}",
        "roots": lambda: f"{newest}&nulls=root_execution_id",
        "state SUCCESS": lambda: f"{newest}&state=SUCCESS",
        "state ERROR": lambda: f"{newest}&state=ERROR",
        "state PAUSED": lambda: f"{newest}&state=PAUSED",
        "state RUNNING (none)": lambda: f"{newest}&state=RUNNING",
        "a workflow": lambda: f"{newest}&workflow_name={next(workflows)}",
        "a workflow, ERROR": lambda: f"{newest}&workflow_name={next(workflows)}&state=ERROR",
        "since a moment": lambda: f"executions?limit={PAGE}&created_at=gte:{_written(moments)}",
        "before a moment": lambda: f"{newest}&created_at=lt:{_written(moments)}",
        "a project": lambda: f"{newest}&project_id={project}",
        "a project, ERROR": lambda: f"{newest}&project_id={project}&state=ERROR",
        "a project, a workflow": lambda: (
            f"{newest}&project_id={project}&workflow_name={next(workflows)}"
        ),
    }
    pages = {name: _asker(client, query) for name, query in queries.items()}
    starts = {
        "next": lambda: f"{newest}&created_at=lt:{_written(moments)}",
        "next, ERROR": lambda: f"{newest}&state=ERROR&created_at=lt:{_written(moments)}",
        "next, a project": lambda: f"{newest}&project_id={project}",
    }
    return pages | {name: _follower(client, start) for name, start in starts.items()}


def _written(moments: Iterator[Any]) -> str:
    return str(next(moments).strftime("%Y-%m-%dT%H:%M:%S"))


def _asker(client: ApiClient, query: Callable[[], str]) -> Callable[[], None]:
    return lambda: client.call("GET", query())


def _follower(client: ApiClient, start: Callable[[], str]) -> Callable[[], None]:
    """Follow the links to the next page, ten pages long, and start anew elsewhere."""
    link: list[str] = []

    def follow() -> None:
        if not link:
            begin = client.call("GET", start())
            link.extend([begin["next"]] * 10)
        body = client.call("GET", _path_of(link.pop()))
        if "next" in body and link:
            link[-1] = body["next"]

    return follow


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path.removeprefix('/v2/')}?{parts.query}"


def _measure(ask: Callable[[], None]) -> dict[str, float]:
    ask()  # what the first request of a kind finds cold
    times = []
    for _ in range(REQUESTS):
        started = time.monotonic()
        ask()
        times.append(1000 * (time.monotonic() - started))
    return percentiles(times)
