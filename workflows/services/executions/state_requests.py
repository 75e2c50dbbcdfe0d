"""What it takes to bring an execution into a state that somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workflows.engine.events import Event, PauseAsked, ResumeAsked, StopAsked
from workflows.engine.states import State
from workflows.errors import StateChangeNotAllowed
from workflows.jsontypes import JSONObject
from workflows.services.advancing.store import LockedExecution

# Requests that make no sense and are refused. Every other pair that is not named below answers
# without any change, as clients expect.
_REFUSED: Final = frozenset(
    {
        (State.PAUSED, State.SUCCESS),
        (State.SUCCESS, State.PAUSED),
        (State.ERROR, State.PAUSED),
        (State.ERROR, State.SUCCESS),
        (State.CANCELLED, State.PAUSED),
        (State.CANCELLED, State.SUCCESS),
    }
)


def events_for_state(
    locked: LockedExecution,
    state: State,
    *,
    reason: str | None = None,
    env: JSONObject | None = None,
) -> Sequence[Event]:
    """Give the events that bring a locked execution into a state; none if there is nothing to do.

    Raises StateChangeNotAllowed for a change that is refused.
    """
    execution = locked.view.execution
    before = execution.state
    if (before, state) in _REFUSED:
        raise StateChangeNotAllowed(
            f"Can't change workflow execution state from {before} to {state}. "
            f"[workflow={execution.workflow_name}, execution_id={execution.id}]"
        )
    match before, state:
        case State.RUNNING | State.IDLE, State.PAUSED:
            return [PauseAsked(reason)]
        case State.PAUSED, State.RUNNING:
            return [ResumeAsked(env or {})]
        case State.RUNNING | State.IDLE, State.SUCCESS | State.ERROR | State.CANCELLED:
            return [StopAsked(state, reason)]
        case State.PAUSED, State.CANCELLED:
            return [StopAsked(state, reason)]
        case _:
            return []
