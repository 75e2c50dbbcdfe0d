"""The states of executions, tasks and actions, and the changes between them that are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workflows.errors import StateChangeNotAllowed


class State(StrEnum):
    """The states, with the names of the wire contract."""

    IDLE = "IDLE"  # known, but not allowed to run yet
    WAITING = "WAITING"  # a join that has not all its arrivals
    RUNNING = "RUNNING"  # at work, or ready for a worker
    DELAYED = "DELAYED"  # waits for a timer
    PAUSED = "PAUSED"  # stopped by a person or a command, can go on
    SUCCESS = "SUCCESS"  # ended well
    ERROR = "ERROR"  # ended badly
    CANCELLED = "CANCELLED"  # ended by a person
    SKIPPED = "SKIPPED"  # failed, and a person passed over it


FINAL: Final = frozenset({State.SUCCESS, State.ERROR, State.CANCELLED, State.SKIPPED})
UNFINISHED: Final = frozenset(State) - FINAL

EXECUTION_CHANGES: Final[Mapping[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.RUNNING, State.ERROR, State.CANCELLED}),
    State.RUNNING: frozenset({State.PAUSED, State.SUCCESS, State.ERROR, State.CANCELLED}),
    State.PAUSED: frozenset({State.RUNNING, State.ERROR, State.CANCELLED}),
    State.SUCCESS: frozenset(),
    State.ERROR: frozenset({State.RUNNING}),  # rerun or skip of a task
    State.CANCELLED: frozenset({State.RUNNING}),  # rerun or skip of a task
}

TASK_CHANGES: Final[Mapping[State, frozenset[State]]] = {
    State.IDLE: UNFINISHED | FINAL - {State.SKIPPED},
    State.WAITING: UNFINISHED | FINAL - {State.SKIPPED},
    State.RUNNING: UNFINISHED | FINAL - {State.SKIPPED},
    State.DELAYED: UNFINISHED | FINAL - {State.SKIPPED},
    State.PAUSED: UNFINISHED | FINAL - {State.SKIPPED},
    State.SUCCESS: frozenset({State.ERROR}),  # a guard that cannot be evaluated
    State.ERROR: frozenset({State.RUNNING, State.WAITING, State.SKIPPED}),  # rerun, skip
    State.CANCELLED: UNFINISHED | {State.SUCCESS, State.ERROR},  # revived, or a late result
    State.SKIPPED: frozenset(),
}

ACTION_CHANGES: Final[Mapping[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.RUNNING, State.ERROR, State.CANCELLED}),
    State.RUNNING: frozenset({State.PAUSED, State.SUCCESS, State.ERROR, State.CANCELLED}),
    State.PAUSED: frozenset({State.RUNNING, State.SUCCESS, State.ERROR, State.CANCELLED}),
    State.SUCCESS: frozenset(),
    State.ERROR: frozenset(),
    State.CANCELLED: frozenset(),
}


def is_allowed(changes: Mapping[State, frozenset[State]], before: State, after: State) -> bool:
    """Whether the table lets `before` become `after`; staying is always allowed."""
    return before is after or after in changes.get(before, frozenset())


def check_change(changes: Mapping[State, frozenset[State]], before: State, after: State) -> None:
    """Raise StateChangeNotAllowed unless the table lets `before` become `after`."""
    if not is_allowed(changes, before, after):
        raise StateChangeNotAllowed(f"Invalid state transition from {before} to {after}.")
