"""The facts that a decision starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from workflows.engine.snapshot import ActionSnapshot, ChildSnapshot
from workflows.engine.states import State
from workflows.jsontypes import JSONObject


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """The execution was accepted and has no task yet."""


@dataclass(frozen=True, slots=True)
class ActionEnded:
    """An action that belongs to a task without items has its result."""

    action: ActionSnapshot


@dataclass(frozen=True, slots=True)
class ItemsEnded:
    """Some actions of a with-items task have their results; `is_cancelled` if one says so."""

    task_id: UUID
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class InlineActionReady:
    """An inline action to carry out; not `is_new` if an earlier decision had no time for it."""

    action: ActionSnapshot
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ChildChanged:
    """A sub-workflow ended, was paused, or goes on."""

    child: ChildSnapshot


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer of a task is due; `kind` is that of the timer."""

    task_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class ActionPausedOrResumed:
    """An asynchronous action was paused or goes on, as its worker reported."""

    action: ActionSnapshot
    state: State


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """Somebody wants the execution paused."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """Somebody wants the execution to go on, perhaps with other variables."""

    env: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody ends the execution in this final state."""

    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RerunAsked:
    """Somebody wants a failed task to run again; without `reset` only its failed items."""

    task_id: UUID
    reset: bool
    env: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkipAsked:
    """Somebody passes over a failed task."""

    task_id: UUID
    env: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChildRevived:
    """A task of a sub-workflow is rerun or skipped, so the task that started it runs again."""

    task_id: UUID
    child_id: UUID


@dataclass(frozen=True, slots=True)
class TaskEnds:
    """All work of a task is done; made by the engine itself, so that no call nests."""

    task_id: UUID
    state: State
    state_info: str | None = None


@dataclass(frozen=True, slots=True)
class TaskCannotRun:
    """A task cannot begin; made by the engine itself, so that the tasks beside it begin."""

    task_id: UUID
    reason: str


Event: TypeAlias = (
    ExecutionStarted
    | ActionEnded
    | ItemsEnded
    | InlineActionReady
    | ChildChanged
    | TimerDue
    | ActionPausedOrResumed
    | PauseAsked
    | ResumeAsked
    | StopAsked
    | RerunAsked
    | SkipAsked
    | ChildRevived
    | TaskEnds
    | TaskCannotRun
)
