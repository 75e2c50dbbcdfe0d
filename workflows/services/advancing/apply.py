"""Write a decision to the database, and tell what has to be rung after the commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import TypeVar, cast
from uuid import UUID, uuid4

from django.conf import settings

from workflows.canvas import Lanes, Work
from workflows.engine.commands import (
    AcceptNothing,
    AskChild,
    AskChildren,
    ChangeAction,
    ChangeExecution,
    ChangeTask,
    CloseActions,
    Command,
    Decision,
    DropArrival,
    DropResults,
    DropTimers,
    InsertAction,
    InsertArrival,
    InsertChild,
    InsertContext,
    InsertTask,
    RecordHistory,
    ReopenActions,
    RingLanes,
    SetTimer,
)
from workflows.engine.states import FINAL, State
from workflows.models import (
    ActionExecution,
    HistoryEvent,
    JoinArrival,
    TaskExecution,
    Timer,
    WorkflowExecution,
)
from workflows.models.bulk import insert_rows, update_rows
from workflows.models.statements import OPEN_STATES, Batch
from workflows.services.advancing.contexts import store_contexts
from workflows.services.advancing.new_actions import (
    claim_first,
    first_actions,
    insert_actions,
    is_ready,
)
from workflows.services.advancing.store import LockedExecution
from workflows.services.advancing.view import TASK_COLUMNS
from workflows.services.running.attempts import Claim
from workflows.services.telemetry.observing import Changed

# A delay up to this many seconds is also sent as a countdown, so that it ends to the moment.
SHORT_DELAY = 5.0

# What an InsertChild and the row of a sub-workflow have in common, beside the task.
_CHILD_COLUMNS = [field.name for field in fields(InsertChild) if field.name != "task_id"]

_CommandType = TypeVar("_CommandType", bound=Command)


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """A sub-workflow that has to be told to take a state."""

    child_id: UUID
    state: State
    reason: str | None


@dataclass(slots=True)
class Applied:
    """What is left to do once the decision is committed.

    `claim` is a new action that the process which has decided runs itself. `is_alone` says that
    nothing that was there before can have ended while it decided.
    """

    work: Work
    changed: Changed
    requests: list[ChildRequest] = field(default_factory=list)
    is_complete: bool = True
    is_alone: bool = False
    claim: Claim | None = None


def apply_decision(
    locked: LockedExecution,
    decision: Decision,
    *,
    actor: str = "",
    reason: str = "",
    claims_for: str | None = None,
) -> Applied:
    """Write everything that was decided about a locked execution.

    `reason` is that of the actor. With `claims_for` the first new action for that target is
    claimed by this process.
    """
    kinds: dict[type, list[Command]] = defaultdict(list)
    for command in decision.commands:
        kinds[type(command)].append(command)

    def of(kind: type[_CommandType]) -> list[_CommandType]:
        return cast("list[_CommandType]", kinds.get(kind, []))

    execution = locked.view.execution
    batch = Batch()
    is_over = _change_execution(batch, locked, decision, of(ChangeExecution))
    store_contexts(batch, of(InsertContext), execution.id)
    _write_tasks(batch, locked, of(InsertTask), of(ChangeTask))
    _write_arrivals(batch, kinds)
    ready = [one.action for one in of(InsertAction) if is_ready(one)]
    claim = claim_first(locked, ready, of(InsertTask), claims_for)
    insert_actions(batch, locked, of(InsertAction), claim)
    update_rows(batch, ActionExecution, [(one.action_id, one.changes) for one in of(ChangeAction)])
    _accept_nothing(batch, of(AcceptNothing))
    _close_actions(batch, of(CloseActions))
    _reopen_actions(batch, of(ReopenActions))
    _drop_results(batch, of(DropResults))
    delays = _write_timers(batch, locked, of(SetTimer), of(DropTimers))
    _write_history(batch, execution.id, of(RecordHistory), actor, reason)
    _insert_children(batch, locked, of(InsertChild))
    batch.send()
    parent = execution.parent_execution_id
    work = Work(
        actions=first_actions(execution.id, ready, claim),
        lanes=tuple(
            Lanes(one.task_id, execution.id, one.count, one.target) for one in of(RingLanes)
        ),
        executions=(
            *(child.id for child in of(InsertChild)),
            *((parent,) if parent is not None and is_over else ()),
        ),
        delays=tuple(delays),
    )
    requests = [ChildRequest(one.child_id, one.state, one.reason) for one in of(AskChild)]
    for one in of(AskChildren):
        requests += _open_children(execution.id, one)
    # The beginning of an execution was told when it was accepted.
    history = [one for one in of(RecordHistory) if one.state_from or one.task_id]
    changed = Changed(execution, history, _beginnings(locked, of(InsertTask), history), actor)
    return Applied(work, changed, requests, decision.is_complete, claim=claim)


def _beginnings(
    locked: LockedExecution, inserted: Sequence[InsertTask], history: Sequence[RecordHistory]
) -> dict[UUID, datetime]:
    """Find when the tasks that have ended were made, if traces are wanted."""
    if not settings.LEVANTE_TRACES_URL:
        return {}
    new = {one.task.id: one.task.created_at for one in inserted}
    ended = [one.task_id for one in history if one.task_id and one.state_to in FINAL]
    return {task_id: new.get(task_id) or locked.view.task(task_id).created_at for task_id in ended}


def _change_execution(
    batch: Batch, locked: LockedExecution, decision: Decision, commands: Sequence[ChangeExecution]
) -> bool:
    """Write the execution; tell whether its state changed, which a parent has to know."""
    changes = dict(commands[0].changes) if commands else {}
    is_cut_off = not decision.is_complete
    if is_cut_off != locked.is_cut_off:
        changes["is_cut_off"] = is_cut_off
    if locked.advance_failures:
        changes["advance_failures"] = 0
    if "backlog" in changes:
        changes["backlog"] = list(changes["backlog"])  # type: ignore[call-overload]
    if changes:
        update_rows(batch, WorkflowExecution, [(locked.view.execution.id, changes)])
    return "state" in changes


def _write_tasks(
    batch: Batch,
    locked: LockedExecution,
    inserted: Sequence[InsertTask],
    changed: Sequence[ChangeTask],
) -> None:
    execution_id = locked.view.execution.id
    insert_rows(
        batch,
        TaskExecution,
        ["project_id", "execution_id", *TASK_COLUMNS],
        [
            (
                locked.project_id,
                execution_id,
                *(_plain(getattr(one.task, name)) for name in TASK_COLUMNS),
            )
            for one in inserted
        ],
    )
    update_rows(
        batch,
        TaskExecution,
        [
            (one.task_id, {name: _plain(value) for name, value in one.changes.items()})
            for one in changed
        ],
    )


def _write_arrivals(batch: Batch, kinds: dict[type, list[Command]]) -> None:
    for command in kinds.get(DropArrival, []):
        assert isinstance(command, DropArrival)
        JoinArrival.objects.filter(
            join_id=command.join_id, inbound_name=command.inbound_name
        ).delete()
    latest = {
        (one.join_id, one.arrival.inbound_name): one
        for one in kinds.get(InsertArrival, [])
        if isinstance(one, InsertArrival)
    }
    insert_rows(
        batch,
        JoinArrival,
        ["join_id", "inbound_name", "inbound_task_id", "event", "context_id", "ended_at"],
        [
            (
                one.join_id,
                one.arrival.inbound_name,
                one.arrival.task_id,
                one.arrival.event,
                one.arrival.context_id,
                one.arrival.ended_at,
            )
            for one in latest.values()
        ],
        on_conflict=(
            "ON CONFLICT (join_id, inbound_name) DO UPDATE SET"
            " inbound_task_id = excluded.inbound_task_id, event = excluded.event,"
            " context_id = excluded.context_id, ended_at = excluded.ended_at"
        ),
    )


def _accept_nothing(batch: Batch, commands: Sequence[AcceptNothing]) -> None:
    for one in commands:
        values = [one.task_id, one.up_to_round, one.only_failed]
        batch.add(
            "UPDATE action_executions SET is_accepted = false"
            " WHERE task_id = %s AND attempt <= %s AND is_accepted"
            " AND (NOT %s OR state <> 'SUCCESS')",
            values,
        )
        batch.add(
            "UPDATE workflow_executions SET is_accepted = false"
            " WHERE parent_task_id = %s AND round <= %s AND is_accepted"
            " AND (NOT %s OR state <> 'SUCCESS')",
            values,
        )


def _close_actions(batch: Batch, commands: Sequence[CloseActions]) -> None:
    """End open actions; a worker that is at one finds out by its next look.

    Items that have not started stay as they are: nobody sees them, and a rerun may need them.
    """
    for one in commands:
        batch.add(
            "UPDATE action_executions SET state = 'CANCELLED', is_closed = true,"
            " is_handled = true, finished_at = clock_timestamp(),"
            " updated_at = clock_timestamp()"
            " WHERE task_id = %s AND state IN ('RUNNING', 'PAUSED') AND (is_sync OR NOT %s)",
            [one.task_id, one.only_sync],
        )


def _reopen_actions(batch: Batch, commands: Sequence[ReopenActions]) -> None:
    for one in commands:
        batch.add(
            "UPDATE action_executions SET state = 'RUNNING', is_closed = false,"
            " is_handled = false, finished_at = NULL"
            " WHERE task_id = %s AND is_closed AND state = 'CANCELLED'",
            [one.task_id],
        )


def _drop_results(batch: Batch, commands: Sequence[DropResults]) -> None:
    for one in commands:
        batch.add(
            "UPDATE action_executions SET output = '{\"result\": null}' WHERE task_id = %s",
            [one.task_id],
        )


def _insert_children(
    batch: Batch, locked: LockedExecution, commands: Sequence[InsertChild]
) -> None:
    parent = locked.view.execution
    same = {
        "project_id": locked.project_id,
        "state": State.RUNNING,
        "depth": parent.depth + 1,
        "parent_execution_id": parent.id,
        "root_execution_id": parent.root_execution_id or parent.id,
        "description": "sub-workflow execution",
    }
    insert_rows(
        batch,
        WorkflowExecution,
        [*same, "parent_task_id", *_CHILD_COLUMNS],
        [
            (
                *same.values(),
                one.task_id,
                *(_plain(getattr(one, name)) for name in _CHILD_COLUMNS),
            )
            for one in commands
        ],
    )


def _write_timers(
    batch: Batch, locked: LockedExecution, set_: Sequence[SetTimer], dropped: Sequence[DropTimers]
) -> list[tuple[UUID, float]]:
    """Write timers in the order drop, set; give the short delays, which are also sent."""
    gone = [one.task_id for one in dropped]
    kept = [one for one in set_ if one.task_id not in gone]
    if gone:
        batch.add("DELETE FROM timers WHERE task_id = ANY(%s)", [gone])
    execution_id = locked.view.execution.id
    insert_rows(
        batch,
        Timer,
        ["id", "execution_id", "task_id", "kind", "due_at"],
        [
            (
                uuid4(),
                execution_id,
                one.task_id,
                one.kind,
                locked.clock + timedelta(seconds=one.seconds),
            )
            for one in {(one.task_id, one.kind): one for one in kept}.values()
        ],
        on_conflict="ON CONFLICT (task_id, kind) DO UPDATE SET due_at = excluded.due_at",
    )
    return [(execution_id, one.seconds) for one in kept if one.seconds <= SHORT_DELAY]


def _write_history(
    batch: Batch, execution_id: UUID, commands: Sequence[RecordHistory], actor: str, reason: str
) -> None:
    insert_rows(
        batch,
        HistoryEvent,
        ["execution_id", "task_id", "name", "state_from", "state_to", "reason", "actor", "at"],
        [
            (
                execution_id,
                one.task_id,
                one.name,
                one.state_from,
                one.state_to,
                _join_reasons(one.reason, reason),
                actor,
                one.at,
            )
            for one in commands
        ],
    )


def _join_reasons(own: str, given: str) -> str:
    """Keep what the engine says about a change beside what its actor says."""
    if own and given and own != given:
        return f"{own} ({given})"
    return own or given


def _open_children(execution_id: UUID, command: AskChildren) -> list[ChildRequest]:
    found = WorkflowExecution.objects.filter(
        parent_task__execution_id=execution_id, state__in=OPEN_STATES
    ).values_list("id", flat=True)
    return [ChildRequest(child_id, command.state, command.reason) for child_id in found]


def _plain(value: object) -> object:
    """Tuples are how the engine freezes lists."""
    return list(value) if isinstance(value, tuple) else value
