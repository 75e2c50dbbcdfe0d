"""What a decision wants done. The service applies the commands to rows in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from workflows.engine.snapshot import ActionSnapshot, Arrival, BranchContext, TaskSnapshot
from workflows.engine.states import State
from workflows.jsontypes import JSONObject, JSONValue


@dataclass(frozen=True, slots=True)
class ChangeExecution:
    """Set columns of the execution."""

    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class InsertTask:
    """A new task, in the state that the decision has brought it to."""

    task: TaskSnapshot


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """Set columns of a task."""

    task_id: UUID
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class InsertArrival:
    """An inbound task triggers a join; a second arrival of it takes the place of the first."""

    join_id: UUID
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class DropArrival:
    """A new round of an inbound task takes its arrival back."""

    join_id: UUID
    inbound_name: str


@dataclass(frozen=True, slots=True)
class InsertAction:
    """A new action; one that is RUNNING and not inline is work for a worker."""

    action: ActionSnapshot
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class ChangeAction:
    """Set columns of an action."""

    action_id: UUID
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class InsertContext:
    """A new context: `base_id` plus what differs."""

    context: BranchContext
    base_id: UUID | None
    changed: Mapping[str, JSONValue]
    changed_versions: Mapping[str, JSONValue]


@dataclass(frozen=True, slots=True)
class InsertChild:
    """Start a sub-workflow for a task."""

    id: UUID
    task_id: UUID
    revision_id: UUID
    workflow_id: UUID
    workflow_name: str
    workflow_namespace: str
    item_index: int
    round: int
    created_at: datetime
    input: JSONObject
    params: JSONObject
    globals: JSONObject
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptNothing:
    """Take back the acceptance of results up to a round: all, or only those not in SUCCESS."""

    task_id: UUID
    up_to_round: int
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class DropResults:
    """Empty the results of a task's actions, as `keep-result: false` asks for."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class CloseActions:
    """End the open actions of a task; a synchronous one that is running is stopped."""

    task_id: UUID
    only_sync: bool = False


@dataclass(frozen=True, slots=True)
class ReopenActions:
    """Undo CloseActions for the asynchronous actions of a task, whose results may still come."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class RingLanes:
    """Have `count` lanes of the worker `target` work on the items of a task that are its own."""

    task_id: UUID
    count: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class AskChild:
    """Tell an unfinished sub-workflow to take a state."""

    child_id: UUID
    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AskChildren:
    """Tell all unfinished sub-workflows of the execution to take a state."""

    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake a task up after so many seconds; replaces its timer of the same kind."""

    task_id: UUID
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DropTimers:
    """Forget the timers of a task."""

    task_id: UUID
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """Note a change of state."""

    name: str
    state_from: str
    state_to: str
    at: datetime
    reason: str = ""
    task_id: UUID | None = None


Command: TypeAlias = (
    ChangeExecution
    | InsertTask
    | ChangeTask
    | InsertArrival
    | DropArrival
    | InsertAction
    | ChangeAction
    | InsertContext
    | InsertChild
    | AcceptNothing
    | DropResults
    | CloseActions
    | ReopenActions
    | RingLanes
    | AskChild
    | AskChildren
    | SetTimer
    | DropTimers
    | RecordHistory
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that follows from some events, in the order it has to be applied.

    `is_complete` is False when the budget ran out: inline actions are left, so advance again.
    """

    commands: tuple[Command, ...] = ()
    is_complete: bool = True
    reason: str = field(default="", compare=False)
