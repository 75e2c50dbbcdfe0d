"""One execution between the database and the engine: locked, and its events collected.

Statements here are written by hand because they lock, claim and read in one go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

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
    ChildSnapshot,
    ExecutionSnapshot,
)
from workflows.engine.states import State
from workflows.jsontypes import JSONObject
from workflows.models.statements import FINAL_LIST, fetch_all, fetch_one
from workflows.services.advancing.view import DatabaseView, select_actions
from workflows.services.definitions.definitions import load_specs

_EPOCH = datetime.min.replace(tzinfo=UTC)

# How many inline actions that were cut off one advance takes up again: about as many as it has time
# for, since those that are left would be read once more by the next.
INLINE_BATCH = 250

_LOCK_SQL = """
    SELECT e.id, e.state, e.workflow_name, e.created_at, e.workflow_namespace, r.workbook_name,
           e.state_info, e.updated_at, e.finished_at, e.is_started, e.is_handled, e.depth,
           e.parent_task_id, e.parent_execution_id, e.root_execution_id, e.backlog, e.params,
           e.globals, e.project_id, e.revision_id, e.is_cut_off,
           coalesce((SELECT root.params -> 'env' FROM workflow_executions root
                     WHERE root.id = e.root_execution_id), e.params -> 'env'),
           clock_timestamp(), e.revived_at, e.advance_failures
    FROM workflow_executions e JOIN workflow_revisions r ON r.id = e.revision_id
    WHERE e.id = %s
    FOR NO KEY UPDATE OF e
"""
_PROBE_SQL = """
    SELECT 1 FROM workflow_executions WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED
"""
_TAKE_ACTIONS_SQL = f"""
    UPDATE action_executions a SET is_handled = true, is_accepted = true
    FROM task_executions t
    WHERE a.execution_id = %s AND NOT a.is_handled AND a.state IN {FINAL_LIST} AND t.id = a.task_id
    RETURNING a.id, a.task_id, a.name, a.created_at, a.state, a.item_index, a.attempt,
              CASE WHEN t.items_total IS NULL THEN a.output END, t.items_total IS NOT NULL,
              a.finished_at
"""
_TAKE_CHILDREN_SQL = f"""
    UPDATE workflow_executions SET is_handled = true, is_accepted = (state IN {FINAL_LIST})
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
_HAS_UNHANDLED_SQL = f"""
    SELECT EXISTS (SELECT 1 FROM action_executions
                   WHERE execution_id = %s AND NOT is_handled AND state IN {FINAL_LIST})
        OR EXISTS (SELECT 1 FROM workflow_executions
                   WHERE parent_execution_id = %s AND NOT is_handled)
"""

# An input never changes, and each advance needs it; this many are kept in each process. The id
# alone does not say which: a client may choose one that a deleted execution had.
MAX_INPUTS = 64
_inputs: OrderedDict[tuple[UUID, datetime], JSONObject] = OrderedDict()


@dataclass(frozen=True, slots=True)
class LockedExecution:
    """An execution whose row this transaction holds."""

    view: DatabaseView
    project_id: UUID
    clock: datetime
    is_cut_off: bool
    advance_failures: int = 0


def lock_execution(execution_id: UUID, *, skip_locked: bool) -> LockedExecution | None:
    """Lock an execution. None if there is none, or if somebody has it and `skip_locked` is set."""
    row = fetch_one(
        _LOCK_SQL + (" SKIP LOCKED" if skip_locked else ""), [execution_id], prepared=True
    )
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
        input=_load_input(row[0], row[3]),
        params=row[16],
        globals=row[17],
        env=row[21] if isinstance(row[21], dict) else {},
    )
    view = DatabaseView(snapshot, loaded.spec, loaded.graph, row[18])
    return LockedExecution(view, row[18], row[22], row[20], row[24])


def is_held(execution_id: UUID) -> bool:
    """Tell whether somebody is at an execution at this moment."""
    with transaction.atomic():
        return fetch_one(_PROBE_SQL, [execution_id]) is None


def take_events(locked: LockedExecution, *, look_at_all: bool = False) -> list[Event]:
    """Collect what has happened to an execution, and mark it as seen, in the order of its time.

    Inline actions that were cut off are looked for if the execution says so, or with `look_at_all`.

    Marking and reading are one statement: whatever ends later is found by the next look. Before its
    start nothing of an execution can have ended.
    """
    execution, graph = locked.view.execution, locked.view.graph
    if not execution.is_started:
        return [ExecutionStarted()] if execution.state is State.RUNNING else []
    timed: list[tuple[datetime, Event]] = []
    timed += _take_actions(execution.id)
    if graph.has_sub_workflows:
        timed += _take_children(execution.id)
    if graph.has_timers:
        timed += _take_timers(execution)
    events = [event for _, event in sorted(timed, key=lambda one: one[0])]
    if locked.is_cut_off or look_at_all:
        events += _pending_inline(execution.id)
    return events


def may_have_left_some(events: Sequence[Event]) -> bool:
    """Tell whether there may be more inline actions than one advance takes up."""
    taken_up = sum(isinstance(event, InlineActionReady) for event in events)
    return taken_up >= INLINE_BATCH


def has_unhandled(execution_id: UUID) -> bool:
    """Tell whether something has ended that no advance has seen."""
    row = fetch_one(_HAS_UNHANDLED_SQL, [execution_id, execution_id], prepared=True)
    return bool(row and row[0])


def _take_actions(execution_id: UUID) -> list[tuple[datetime, Event]]:
    rows = fetch_all(_TAKE_ACTIONS_SQL, [execution_id], prepared=True)
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
    rows = fetch_all(_TAKE_CHILDREN_SQL, [execution_id], prepared=True)
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
    rows = fetch_all(_TAKE_TIMERS_SQL, [execution.id, is_running], prepared=True)
    return [(due_at, TimerDue(task_id, kind)) for task_id, kind, due_at in rows]


def _pending_inline(execution_id: UUID) -> list[Event]:
    found = select_actions(
        "execution_id = %s AND is_inline AND state = 'RUNNING' ORDER BY created_at LIMIT %s",
        [execution_id, INLINE_BATCH],
    )
    return [InlineActionReady(action) for action in found]


def _load_input(execution_id: UUID, created_at: datetime) -> JSONObject:
    key = (execution_id, created_at)
    found = _inputs.get(key)
    if found is None:
        sql = "SELECT input FROM workflow_executions WHERE id = %s"
        found = _inputs[key] = fetch_all(sql, [execution_id], prepared=True)[0][0]
        while len(_inputs) > MAX_INPUTS:
            _inputs.popitem(last=False)
    return found
