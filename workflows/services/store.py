"""One execution between the database and the engine: locked, its events collected, its look-ups.

Statements here are written by hand because they lock, claim and read in one go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from workflows.engine.events import (
    ActionEnded,
    ChildChanged,
    Event,
    ExecutionStarted,
    InlineActionReady,
    ItemsEnded,
    TimerDue,
)
from workflows.engine.snapshot import (
    ActionSnapshot,
    Arrival,
    BranchContext,
    ChildSnapshot,
    EndOfBranch,
    ExecutionSnapshot,
    Result,
    TaskSnapshot,
)
from workflows.engine.states import FINAL, UNFINISHED, State
from workflows.expressions.reader import Reader
from workflows.jsontypes import JSONObject
from workflows.language.graph import WorkflowGraph
from workflows.language.specs import WorkflowSpec
from workflows.models.statements import fetch_all, fetch_one
from workflows.services.contexts import load_contexts
from workflows.services.definitions import load_specs
from workflows.services.reader import DatabaseReader

FINAL_STATES = [str(state) for state in sorted(FINAL)]
OPEN_STATES = [str(state) for state in sorted(UNFINISHED)]
_EPOCH = datetime.min.replace(tzinfo=UTC)

TASK_COLUMNS = [field.name for field in fields(TaskSnapshot)]
ACTION_COLUMNS = [field.name for field in fields(ActionSnapshot)]
_TASK_SQL = ", ".join(TASK_COLUMNS)
_ACTION_SQL = ", ".join(ACTION_COLUMNS)
_TASK_STATE = TASK_COLUMNS.index("state")
_ACTION_STATE = ACTION_COLUMNS.index("state")

# How many inline actions that were cut off one advance takes up again.
INLINE_BATCH = 2000

_LOCK_SQL = """
    SELECT e.id, e.state, e.workflow_name, e.created_at, e.workflow_namespace, r.workbook_name,
           e.state_info, e.updated_at, e.finished_at, e.is_started, e.is_handled, e.depth,
           e.parent_task_id, e.parent_execution_id, e.root_execution_id, e.backlog, e.params,
           e.globals, e.project_id, e.revision_id, e.is_cut_off,
           coalesce((SELECT root.params -> 'env' FROM workflow_executions root
                     WHERE root.id = e.root_execution_id), e.params -> 'env'),
           clock_timestamp(), e.revived_at
    FROM workflow_executions e JOIN workflow_revisions r ON r.id = e.revision_id
    WHERE e.id = %s
    FOR NO KEY UPDATE OF e
"""
_TAKE_ACTIONS_SQL = """
    UPDATE action_executions a SET is_handled = true, is_accepted = true
    FROM task_executions t
    WHERE a.execution_id = %s AND NOT a.is_handled AND a.state = ANY(%s) AND t.id = a.task_id
    RETURNING a.id, a.task_id, a.name, a.created_at, a.state, a.item_index, a.attempt,
              CASE WHEN t.items_total IS NULL THEN a.output END, t.items_total IS NOT NULL,
              a.finished_at
"""
_TAKE_CHILDREN_SQL = """
    UPDATE workflow_executions SET is_handled = true, is_accepted = (state = ANY(%s))
    WHERE id IN (
        SELECT id FROM workflow_executions
        WHERE parent_execution_id = %s AND NOT is_handled
        FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, parent_task_id, state, item_index, is_accepted, output, finished_at
"""
_TAKE_TIMERS_SQL = """
    DELETE FROM timers
    WHERE execution_id = %s AND due_at <= clock_timestamp()
      AND (%s OR kind IN ('timeout', 'wait-after'))
    RETURNING task_id, kind, due_at
"""
_HAS_UNHANDLED_SQL = """
    SELECT EXISTS (SELECT 1 FROM action_executions
                   WHERE execution_id = %s AND NOT is_handled AND state = ANY(%s))
        OR EXISTS (SELECT 1 FROM workflow_executions
                   WHERE parent_execution_id = %s AND NOT is_handled)
"""

_inputs: OrderedDict[UUID, JSONObject] = OrderedDict()
# An input never changes, and each advance needs it; this many are kept in each process.
MAX_INPUTS = 64


@dataclass(frozen=True, slots=True)
class LockedExecution:
    """An execution whose row this transaction holds."""

    view: DatabaseView
    project_id: UUID
    clock: datetime
    is_cut_off: bool


def lock_execution(execution_id: UUID, *, skip_locked: bool) -> LockedExecution | None:
    """Lock an execution. None if there is none, or if somebody has it and `skip_locked` is set."""
    row = fetch_one(_LOCK_SQL + (" SKIP LOCKED" if skip_locked else ""), [execution_id])
    if row is None:
        return None
    loaded = load_specs([row[19]])[row[19]]
    snapshot = ExecutionSnapshot(
        id=row[0],
        state=State(row[1]),
        workflow_name=row[2],
        created_at=row[3],
        workflow_namespace=row[4],
        workbook_name=row[5],
        state_info=row[6],
        updated_at=row[7],
        finished_at=row[8],
        revived_at=row[23],
        is_started=row[9],
        is_handled=row[10],
        depth=row[11],
        parent_task_id=row[12],
        parent_execution_id=row[13],
        root_execution_id=row[14],
        backlog=tuple(row[15]),
        input=_load_input(row[0]),
        params=row[16],
        globals=row[17],
        env=row[21] if isinstance(row[21], dict) else {},
    )
    view = DatabaseView(snapshot, loaded.spec, loaded.graph, row[18])
    return LockedExecution(view, row[18], row[22], row[20])


def take_events(locked: LockedExecution) -> list[Event]:
    """Collect what has happened to an execution, and mark it as seen, in the order of its time.

    Marking and reading are one statement: whatever ends later is found by the next look.
    """
    execution, spec = locked.view.execution, locked.view.spec
    timed: list[tuple[datetime, Event]] = []
    timed += _take_actions(execution.id)
    if any(task.workflow is not None for task in spec.tasks.values()):
        timed += _take_children(execution.id)
    if any(_has_timers(spec, name) for name in spec.tasks):
        timed += _take_timers(execution)
    events = [event for _, event in sorted(timed, key=lambda one: one[0])]
    if locked.is_cut_off:
        events += _pending_inline(execution.id)
    if not execution.is_started and execution.state is State.RUNNING:
        events.insert(0, ExecutionStarted())
    return events


def has_unhandled(execution_id: UUID) -> bool:
    """Tell whether something has ended that no advance has seen."""
    row = fetch_one(_HAS_UNHANDLED_SQL, [execution_id, FINAL_STATES, execution_id])
    return bool(row and row[0])


class DatabaseView:
    """The look-ups of a decision, answered from the database. See `engine.snapshot.View`."""

    def __init__(
        self,
        execution: ExecutionSnapshot,
        spec: WorkflowSpec,
        graph: WorkflowGraph,
        project_id: UUID,
    ) -> None:
        self.execution = execution
        self.spec = spec
        self.graph = graph
        self._project_id = project_id
        self._tasks: dict[UUID, TaskSnapshot] = {}

    @cached_property
    def reader(self) -> Reader:
        return DatabaseReader(self._project_id)

    def prefetch(self, task_ids: Collection[UUID]) -> None:
        """Read tasks that the decision is going to need, all at once."""
        self._tasks.update(
            (task.id, task) for task in self._select("id = ANY(%s)", [list(task_ids)])
        )

    def task(self, task_id: UUID) -> TaskSnapshot:
        if task_id not in self._tasks:
            self.prefetch([task_id])
        return self._tasks[task_id]

    def newest_task(self, name: str) -> TaskSnapshot | None:
        found = self._of_execution("name = %s ORDER BY created_at DESC LIMIT 1", [name])
        return found[0] if found else None

    def unfinished_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("state = ANY(%s)", [OPEN_STATES])

    def waiting_joins(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(
            "state = ANY(%s) AND state = 'WAITING' AND name = ANY(%s)",
            [OPEN_STATES, list(self.graph.joins)],
        )

    def arrivals(self, join_id: UUID) -> Sequence[Arrival]:
        rows = fetch_all(
            "SELECT inbound_name, inbound_task_id, event, context_id, ended_at"
            " FROM join_arrivals WHERE join_id = %s",
            [join_id],
        )
        return [Arrival(*row) for row in rows]

    def has_arrival(self, join_id: UUID, inbound_name: str) -> bool:
        return bool(
            fetch_all(
                "SELECT 1 FROM join_arrivals WHERE join_id = %s AND inbound_name = %s",
                [join_id, inbound_name],
            )
        )

    def has_unfinished_task(self, *, besides: Collection[UUID], but_waiting: bool = False) -> bool:
        return bool(
            fetch_all(
                "SELECT 1 FROM task_executions WHERE execution_id = %s AND state = ANY(%s)"
                " AND id <> ALL(%s) AND NOT (%s AND state = 'WAITING') LIMIT 1",
                [self.execution.id, OPEN_STATES, list(besides), but_waiting],
            )
        )

    def troubled_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(
            "((state = 'ERROR' AND NOT is_error_handled) OR state = 'CANCELLED')", []
        )

    def unprocessed_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("state = ANY(%s) AND NOT is_processed", [FINAL_STATES])

    def closed_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("state = 'CANCELLED' AND closed_from <> ''", [])

    def all_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("true ORDER BY created_at", [])

    def ends_of_branches(self) -> Sequence[EndOfBranch]:
        rows = fetch_all(
            "SELECT id, name, out_context_id, coalesce(finished_at, created_at)"
            " FROM task_executions"
            " WHERE execution_id = %s AND state = ANY(%s) AND NOT has_followers"
            " ORDER BY finished_at",
            [self.execution.id, FINAL_STATES],
        )
        return [EndOfBranch(*row) for row in rows]

    def contexts(self, context_ids: Collection[UUID]) -> Mapping[UUID, BranchContext]:
        return load_contexts(context_ids)

    def results(self, task_id: UUID) -> Sequence[Result]:
        actions = fetch_all(
            "SELECT state, output -> 'result', item_index FROM action_executions"
            " WHERE task_id = %s AND is_accepted ORDER BY item_index, created_at",
            [task_id],
        )
        children = fetch_all(
            "SELECT state, output, item_index FROM workflow_executions"
            " WHERE parent_task_id = %s AND is_accepted ORDER BY item_index, created_at",
            [task_id],
        )
        return [Result(State(state), value, index) for state, value, index in actions + children]

    def open_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]:
        return select_actions("task_id = %s AND state = ANY(%s)", [task_id, OPEN_STATES])

    def closed_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]:
        return select_actions("task_id = %s AND is_closed", [task_id])

    def open_children(self, task_id: UUID) -> Sequence[ChildSnapshot]:
        rows = fetch_all(
            "SELECT id, parent_task_id, state, item_index, is_accepted FROM workflow_executions"
            " WHERE parent_task_id = %s AND state = ANY(%s)",
            [task_id, OPEN_STATES],
        )
        return [ChildSnapshot(row[0], row[1], State(row[2]), row[3], row[4]) for row in rows]

    def count_open_items(self, task_id: UUID, task_round: int, *, up_to: int) -> int:
        # What ended after this advance has collected the ends is open to it, too: the next look
        # finds it, and its result is not among the accepted ones yet.
        rows = fetch_all(
            "SELECT count(*) FROM ("
            " (SELECT 1 FROM action_executions"
            "  WHERE task_id = %s AND attempt = %s AND NOT is_handled LIMIT %s)"
            " UNION ALL"
            " (SELECT 1 FROM workflow_executions"
            "  WHERE parent_task_id = %s AND round = %s"
            "    AND (state = ANY(%s) OR NOT is_handled) LIMIT %s)) AS open",
            [task_id, task_round, up_to, task_id, task_round, OPEN_STATES, up_to],
        )
        return int(rows[0][0])

    def started_children(self, task_id: UUID, task_round: int) -> Collection[int]:
        rows = fetch_all(
            "SELECT item_index FROM workflow_executions WHERE parent_task_id = %s AND round = %s",
            [task_id, task_round],
        )
        return {row[0] for row in rows}

    def _of_execution(self, condition: str, values: list[Any]) -> list[TaskSnapshot]:
        return self._select(f"execution_id = %s AND {condition}", [self.execution.id, *values])

    def _select(self, condition: str, values: list[Any]) -> list[TaskSnapshot]:
        rows = fetch_all(f"SELECT {_TASK_SQL} FROM task_executions WHERE {condition}", values)
        return [TaskSnapshot(*_with_state(row, _TASK_STATE)) for row in rows]


def _take_actions(execution_id: UUID) -> list[tuple[datetime, Event]]:
    rows = fetch_all(_TAKE_ACTIONS_SQL, [execution_id, FINAL_STATES])
    events: list[tuple[datetime, Event]] = []
    cancelled_items: dict[UUID, bool] = {}
    last: dict[UUID, datetime] = {}
    for action_id, task_id, name, created_at, state, index, attempt, output, is_item, at in rows:
        if is_item:
            is_cancelled = state == State.CANCELLED or cancelled_items.get(task_id, False)
            cancelled_items[task_id] = is_cancelled
            last[task_id] = max(at, last.get(task_id, at))
            continue
        action = ActionSnapshot(
            id=action_id,
            task_id=task_id,
            name=name,
            created_at=created_at,
            state=State(state),
            item_index=index,
            attempt=attempt,
            output=output,
        )
        events.append((at, ActionEnded(action)))
    events += [
        (last[task_id], ItemsEnded(task_id, is_cancelled))
        for task_id, is_cancelled in cancelled_items.items()
    ]
    return events


def _take_children(execution_id: UUID) -> list[tuple[datetime, Event]]:
    rows = fetch_all(_TAKE_CHILDREN_SQL, [FINAL_STATES, execution_id])
    newest = max((row[6] for row in rows if row[6]), default=None)
    return [
        (
            at or newest or _EPOCH,
            ChildChanged(ChildSnapshot(child_id, task_id, State(state), index, accepted, output)),
        )
        for child_id, task_id, state, index, accepted, output, at in rows
    ]


def _take_timers(execution: ExecutionSnapshot) -> list[tuple[datetime, Event]]:
    is_running = execution.state is State.RUNNING
    rows = fetch_all(_TAKE_TIMERS_SQL, [execution.id, is_running])
    return [(due_at, TimerDue(task_id, kind)) for task_id, kind, due_at in rows]


def _pending_inline(execution_id: UUID) -> list[Event]:
    found = select_actions(
        "execution_id = %s AND is_inline AND state = 'RUNNING' ORDER BY created_at LIMIT %s",
        [execution_id, INLINE_BATCH],
    )
    return [InlineActionReady(action) for action in found]


def _has_timers(spec: WorkflowSpec, name: str) -> bool:
    policies = spec.tasks[name].policies
    return any(
        value is not None
        for value in (policies.wait_before, policies.wait_after, policies.retry, policies.timeout)
    )


def select_actions(condition: str, values: list[Any]) -> list[ActionSnapshot]:
    """Read actions by a condition in SQL."""
    rows = fetch_all(f"SELECT {_ACTION_SQL} FROM action_executions WHERE {condition}", values)
    return [ActionSnapshot(*_with_state(row, _ACTION_STATE)) for row in rows]


def _with_state(row: Sequence[Any], position: int) -> list[Any]:
    """Turn the text at a position into the state it names."""
    values = list(row)
    values[position] = State(values[position])
    return values


def _load_input(execution_id: UUID) -> JSONObject:
    found = _inputs.get(execution_id)
    if found is None:
        sql = "SELECT input FROM workflow_executions WHERE id = %s"
        found = _inputs[execution_id] = fetch_all(sql, [execution_id])[0][0]
        while len(_inputs) > MAX_INPUTS:
            _inputs.popitem(last=False)
    return found
