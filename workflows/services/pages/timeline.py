"""The timeline of an execution: what each task was doing when, and which of them it waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils import timezone

from workflows.engine.states import FINAL
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.pages.run_changes import ItemCounts, count_items, shown_state

# Tasks on one page, and attempts or sub-workflows of one task that are drawn one by one.
MOST_ROWS: Final = 300
MOST_PIECES: Final = 60
# Tasks among which the critical path is looked for: 10,000 take about a quarter of a second.
_MOST_LINKS: Final = 10_000

_COLUMNS: Final = (
    "name",
    "type",
    "state",
    "state_info",
    "attempt",
    "items_total",
    "created_at",
    "started_at",
    "finished_at",
    "is_error_handled",
    "triggered_by",
    "updated_at",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time: `kind` is wait, queue, run or gap. Start and width are percentages."""

    kind: str
    state: str
    start: float
    width: float
    text: str


@dataclass(slots=True)
class Row:
    """One run of a task; `pieces` are in the order of time, `parts` are its items or children."""

    task: TaskExecution
    state: str
    seconds: float
    pieces: list[Piece] = field(default_factory=list)
    parts: list[tuple[str, Piece]] = field(default_factory=list)
    more_parts: int = 0
    is_critical: bool = False
    items: ItemCounts | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows, and the scale above them: texts with their place as a percentage.

    `critical_below` counts the tasks of the critical path that are not among the rows; None says
    that there are too many tasks to find the path.
    """

    rows: Sequence[Row]
    marks: Sequence[tuple[float, str]]
    has_more: bool
    critical_below: int | None = 0


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    seconds: float
    now: datetime

    def place(self, at: datetime) -> float:
        share = (at - self.start).total_seconds() / self.seconds * 100
        return round(min(max(share, 0.0), 100.0), 3)

    def piece(
        self, kind: str, state: str, start: datetime, end: datetime | None, text: str = ""
    ) -> Piece:
        left = self.place(start)
        return Piece(kind, state, left, round(self.place(end or self.now) - left, 3), text)


def load_timeline(execution: WorkflowExecution) -> Timeline:
    """Read the tasks of an execution with their attempts, in the order in which they came up."""
    tasks = list(
        TaskExecution.objects.filter(execution_id=execution.pk)
        .only(*_COLUMNS)
        .order_by("created_at", "id")[: MOST_ROWS + 1]
    )
    has_more, tasks = len(tasks) > MOST_ROWS, tasks[:MOST_ROWS]
    scale = _scale(execution, tasks)
    pieces = _read_pieces([task.pk for task in tasks])
    items = count_items(tasks)
    critical = _critical_path(_read_links(execution.pk) if has_more else tasks)
    rows = [_row(task, pieces.get(task.pk, []), scale, items.get(task.pk)) for task in tasks]
    for row in rows:
        row.is_critical = row.task.pk in critical
    shown = sum(row.is_critical for row in rows)
    below = len(critical) - shown if critical or not has_more else None
    return Timeline(rows, _marks(scale), has_more, below)


def _read_links(execution_id: UUID) -> list[TaskExecution]:
    """Read of all tasks what led to them and when they ended; none if there are too many."""
    rows = TaskExecution.objects.filter(execution_id=execution_id)
    found = list(rows.only("created_at", "finished_at", "triggered_by")[: _MOST_LINKS + 1])
    return found if len(found) <= _MOST_LINKS else []


def _scale(execution: WorkflowExecution, tasks: Sequence[TaskExecution]) -> _Scale:
    now = timezone.now()
    is_over = execution.state in FINAL
    ends = [task.finished_at for task in tasks if task.finished_at is not None]
    end = max([execution.finished_at or execution.created_at, *ends]) if is_over else now
    seconds = max((end - execution.created_at).total_seconds(), 0.001)
    return _Scale(execution.created_at, seconds, end)


@dataclass(frozen=True, slots=True)
class _Work:
    """An attempt, an item or a sub-workflow of a task."""

    label: str
    state: str
    created: datetime
    started: datetime | None
    finished: datetime | None


def _read_pieces(task_ids: Sequence[UUID]) -> dict[UUID, list[_Work]]:
    found: dict[UUID, list[_Work]] = {}
    actions = (
        ActionExecution.objects.filter(task_id__in=task_ids, item_index__lt=MOST_PIECES)
        .exclude(state="IDLE")
        .order_by("created_at", "item_index", "id")
        .values_list(
            "task_id",
            "name",
            "item_index",
            "is_item",
            "attempt",
            "state",
            "created_at",
            "started_at",
            "finished_at",
        )[: MOST_ROWS * MOST_PIECES]
    )
    for task_id, name, index, is_item, attempt, state, created, started, finished in actions:
        label = f"item {index}" if is_item else name
        label += f", attempt {attempt}" if attempt > 1 else ""
        assert task_id is not None  # the filter says so
        found.setdefault(task_id, []).append(_Work(label, state, created, started, finished))
    children = (
        WorkflowExecution.objects.filter(parent_task_id__in=task_ids, item_index__lt=MOST_PIECES)
        .order_by("created_at", "item_index", "id")
        .values_list(
            "parent_task_id", "workflow_name", "item_index", "state", "created_at", "finished_at"
        )[: MOST_ROWS * MOST_PIECES]
    )
    for task_id, name, index, state, created, finished in children:
        assert task_id is not None
        work = _Work(f"{name} #{index}" if index else name, state, created, created, finished)
        found.setdefault(task_id, []).append(work)
    return found


def _row(
    task: TaskExecution, work: Sequence[_Work], scale: _Scale, items: ItemCounts | None
) -> Row:
    end = task.finished_at or (task.updated_at if task.state in FINAL else None) or scale.now
    state = shown_state(task)
    row = Row(task, state, max((end - task.created_at).total_seconds(), 0.0), items=items)
    begin = task.started_at or (work[0].created if work else end)
    if begin > task.created_at:
        row.pieces.append(scale.piece("wait", "WAITING", task.created_at, begin, "waiting"))
    is_single = items is None and len(work) <= MOST_PIECES
    if is_single and work:
        row.pieces += _attempts(work, scale)
    elif begin < end or not row.pieces:
        row.pieces.append(scale.piece("run", state, min(begin, end), end, "all items"))
    if not is_single:
        row.parts = [(one.label, _piece(one, scale)) for one in work[:MOST_PIECES]]
        row.more_parts = max(0, (task.items_total or 0) - len(row.parts))
    return row


def _attempts(work: Sequence[_Work], scale: _Scale) -> Iterable[Piece]:
    """Draw attempts one after the other: queue and run of each, and the gaps between them."""
    before: datetime | None = None
    for one in work:
        if before is not None and one.created > before:
            yield scale.piece("gap", "DELAYED", before, one.created, "gap before the retry")
        if one.started is not None and one.started > one.created:
            yield scale.piece("queue", "IDLE", one.created, one.started, "waits for a worker")
        yield _piece(one, scale)
        before = one.finished


def _piece(one: _Work, scale: _Scale) -> Piece:
    start = one.started or one.created
    return scale.piece("run", one.state, start, one.finished, one.label)


def _critical_path(tasks: Sequence[TaskExecution]) -> frozenset[UUID]:
    """Go back from the task that ended last, each time to the one that came last before it."""
    by_id = {str(task.pk): task for task in tasks}
    ended = [task for task in tasks if task.finished_at is not None]
    current = max(ended, key=_end, default=None)
    found: set[UUID] = set()
    while current is not None and current.pk not in found:
        found.add(current.pk)
        before = [
            by_id[key]
            for cause in current.triggered_by or ()
            if (key := str(cause.get("task_id"))) in by_id
        ]
        current = max(before, key=_end, default=None)
    return frozenset(found)


def _end(task: TaskExecution) -> datetime:
    return task.finished_at or task.created_at


_STEPS: Final = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    28800,
    86400,
    172800,
    604800,
)
_MOST_MARKS: Final = 8


def _marks(scale: _Scale) -> list[tuple[float, str]]:
    """Choose round times for the scale, at most eight of them."""
    step = next((one for one in _STEPS if scale.seconds / one <= _MOST_MARKS), _STEPS[-1])
    count = min(int(scale.seconds / step), 50)
    return [
        (round(number * step / scale.seconds * 100, 3), _text(number * step))
        for number in range(count + 1)
    ]


def _text(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
