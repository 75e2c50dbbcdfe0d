"""The figures of the dashboard, each read on its own and bounded, however many runs there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone

from workflows.engine.states import UNFINISHED, State
from workflows.models import CronTrigger, Project, TaskExecution, WorkflowExecution
from workflows.models.statements import fetch_all
from workflows.services.executions.visible import visible_executions
from workflows.services.identity.identity import Caller
from workflows.services.pages.run_lists import waiting_for_a_result

# Runs that a figure looks at: the newest so many of its time.
SAMPLE: Final = 20_000
_FAILED_SAMPLE: Final = 2_000
_TOP: Final = 10

# Range: how far back, and the length of one step of the chart.
RANGES: Final[Mapping[str, tuple[timedelta, timedelta]]] = {
    "1h": (timedelta(hours=1), timedelta(minutes=1)),
    "24h": (timedelta(hours=24), timedelta(minutes=15)),
    "7d": (timedelta(days=7), timedelta(hours=2)),
}
_KEPT_SECONDS: Final = {"1h": 5, "24h": 60, "7d": 600}
_ENDS: Final = {State.SUCCESS: "succeeded", State.ERROR: "failed"}
DAY: Final = timedelta(hours=24)

# One look at each row; a run starts in one step and ends in another.
_SERIES_SQL = """
    SELECT date_bin(%(step)s, created_at, %(since)s), date_bin(%(step)s, finished_at, %(since)s),
        state, count(*)
    FROM workflow_executions
    WHERE created_at >= %(since)s AND root_execution_id IS NULL {project}
    GROUP BY 1, 2, 3
"""
_WORKFLOWS_SQL = """
    SELECT workflow_name, count(*), count(*) FILTER (WHERE state = 'SUCCESS'),
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
            ORDER BY extract(epoch FROM finished_at - created_at))
    FROM (
        SELECT workflow_name, state, created_at, finished_at FROM workflow_executions
        WHERE created_at >= %(since)s AND root_execution_id IS NULL {project}
        ORDER BY created_at DESC LIMIT %(sample)s) newest
    WHERE finished_at IS NOT NULL
    GROUP BY workflow_name ORDER BY count(*) DESC, workflow_name LIMIT %(top)s
"""
_FAILURES_SQL = """
    SELECT failed.workflow_name, task.name,
        left(regexp_replace(
            coalesce(task.state_info, ''), '[0-9a-f-]{{36}}|[0-9]+', '#', 'g'), 120),
        count(*), max(failed.created_at)
    FROM (
        SELECT id, workflow_name, created_at FROM workflow_executions
        WHERE state = 'ERROR' AND created_at >= %(since)s {project}
        ORDER BY created_at DESC LIMIT %(sample)s) failed
    JOIN task_executions task ON task.execution_id = failed.id
        -- the condition of the index, which has cancelled tasks as well
        AND ((task.state = 'ERROR' AND NOT task.is_error_handled) OR task.state = 'CANCELLED')
        AND task.state = 'ERROR' AND task.type = 'ACTION'
        AND NOT (task.unique_key IS NOT NULL AND task.round = 0)  -- a join that failed with others
    GROUP BY 1, 2, 3 ORDER BY count(*) DESC, max(failed.created_at) DESC LIMIT %(top)s
"""


@dataclass(frozen=True, slots=True)
class WorkflowFigures:
    """How the runs of one workflow went."""

    name: str
    runs: int
    succeeded: int
    median: float
    p95: float

    @property
    def share(self) -> float:
        return 100 * self.succeeded / self.runs


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed again and again with the same text."""

    workflow: str
    task: str
    text: str
    count: int
    last: datetime


def count_live(caller: Caller) -> dict[str, int]:
    """Count the executions that have not ended, by state."""
    rows = visible_executions(caller).filter(state__in=UNFINISHED, root_execution_id__isnull=True)
    return dict(rows.values_list("state").annotate(count=Count("id")).order_by("state"))


def count_ended_badly(caller: Caller) -> dict[str, int]:
    """Count the executions of the last day that ended in ERROR or were cancelled."""
    rows = visible_executions(caller).filter(
        state__in=(State.ERROR, State.CANCELLED),
        created_at__gte=timezone.now() - DAY,
        root_execution_id__isnull=True,
    )
    return dict(rows.values_list("state").annotate(count=Count("id")).order_by("state"))


def count_outside(caller: Caller) -> int:
    """Count the asynchronous actions whose result somebody has to report."""
    return waiting_for_a_result(caller).count()


def load_series(caller: Caller, name: str) -> dict[str, list[int]]:
    """Return started, succeeded and failed runs per step, with the times as seconds.

    Longer ranges are kept for a while: they change little and look at many rows.
    """
    key = f"levante-series-{name}-{'all' if caller.is_admin else caller.project_id}"
    kept: dict[str, list[int]] | None = cache.get(key)
    if kept is None:
        kept = _count_series(caller, *RANGES[name])
        cache.set(key, kept, _KEPT_SECONDS[name])
    return kept


def _count_series(caller: Caller, back: timedelta, step: timedelta) -> dict[str, list[int]]:
    now = timezone.now()
    # Whole steps, so that a chart that is read again has the same ones.
    since = _floor(now - back, step)
    rows = fetch_all(
        _SERIES_SQL.format(project=_project(caller)), _values(caller, since, step=step)
    )
    times = list(range(int(since.timestamp()), int(now.timestamp()) + 1, int(step.total_seconds())))
    counts = {name: dict.fromkeys(times, 0) for name in ("started", *_ENDS.values())}
    for started, ended, state, count in rows:
        counts["started"][int(started.timestamp())] += count
        if ended is not None and state in _ENDS:
            counts[_ENDS[state]][int(ended.timestamp())] += count
    return {"times": times, **{name: list(found.values()) for name, found in counts.items()}}


def list_workflow_figures(caller: Caller) -> Sequence[WorkflowFigures]:
    """Return success and duration of the workflows that ran most in the last day."""
    values = _values(caller, timezone.now() - DAY, sample=SAMPLE, top=_TOP)
    rows = fetch_all(_WORKFLOWS_SQL.format(project=_project(caller)), values)
    return [WorkflowFigures(name, runs, well, *spans) for name, runs, well, spans in rows]


def list_failures(caller: Caller) -> Sequence[Failure]:
    """Return the tasks that failed most often in the last day; numbers and ids in texts are one."""
    values = _values(caller, timezone.now() - DAY, sample=_FAILED_SAMPLE, top=_TOP)
    return [
        Failure(*row) for row in fetch_all(_FAILURES_SQL.format(project=_project(caller)), values)
    ]


def list_next_triggers(caller: Caller) -> Sequence[CronTrigger]:
    """Return the schedules of the caller whose time comes next."""
    rows = CronTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    waiting = rows.filter(next_time__isnull=False, is_paused=False)
    return list(waiting.defer("input", "params").order_by("next_time", "id")[:_TOP])


def find_project_name(caller: Caller) -> str:
    """Return the name of the project that the caller acts for."""
    found = Project.objects.filter(pk=caller.project_id).values_list("name", flat=True).first()
    return found or ""


def has_any_run(caller: Caller) -> bool:
    """Tell whether there is anything to show at all."""
    return visible_executions(caller).exists()


def count_unfinished_tasks() -> int:
    """Count the tasks at work in all projects, for the page of the system."""
    return TaskExecution.objects.filter(state=State.RUNNING).count()


def count_live_of_all() -> int:
    """Count the executions of all projects that have not ended."""
    return WorkflowExecution.objects.filter(state__in=UNFINISHED).count()


def _project(caller: Caller) -> str:
    return "" if caller.is_admin else "AND project_id = %(project)s"


def _values(caller: Caller, since: datetime, **more: object) -> dict[str, object]:
    return {"since": since, "project": caller.project_id, **more}


def _floor(at: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return at.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=at.tzinfo)
