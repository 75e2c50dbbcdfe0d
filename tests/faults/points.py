"""The places in the service where a fault is put: before and after these functions.

They are the steps around every commit, every message and every action.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import pytest
from django.db import OperationalError

from tests.faults.service import Interruption
from workflows.services.advancing import advance, apply, store
from workflows.services.executions import executions
from workflows.services.operation import defects, sweep, timers
from workflows.services.running import attempts, lanes, lost_work, turn

# Where the function is looked up, and its name there.
POINTS: Final[dict[str, tuple[Any, str]]] = {
    "ring of a start": (executions, "ring"),
    "lock": (advance, "lock_execution"),
    "events taken": (advance, "take_events"),
    "timers taken": (store, "_take_timers"),
    "sub-workflows' ends taken": (store, "_take_children"),
    "decision": (advance, "decide_on"),
    "writing": (advance, "apply_decision"),
    "sub-workflows inserted": (apply, "_insert_children"),
    "advance": (advance, "_advance_once"),
    "look once more": (advance, "has_unhandled"),
    "ring of an advance": (advance, "ring"),
    "claim": (turn, "claim_action"),
    "claim of what is ready": (turn, "claim_ready"),
    "work": (attempts, "perform_action"),
    "result in the transaction": (turn, "record_seen"),
    "result": (turn, "_record_and_advance"),
    "after the result": (turn, "finish"),
    "ring of a turn": (turn, "ring"),
    "claim of an item": (lanes, "claim_next"),
    "result of an item": (lanes, "_record_and_claim"),
    "ring of a lane": (lanes, "ring"),
    "timers rung": (timers, "ring"),
    "ring of the sweep": (sweep, "ring"),
    "settling of lost work": (lost_work, "settle"),
    "repair of defects": (defects, "_try_each"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What happens at a point, and on which side of it."""

    name: str
    happens: Callable[[], None]
    is_after: bool
    needs_process: bool = False


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _interrupt() -> None:
    raise Interruption


def _lose_connection() -> None:
    raise OperationalError("the answer was lost")


KINDS: Final = (
    Kind("dies before", _kill, is_after=False, needs_process=True),
    Kind("dies after", _kill, is_after=True, needs_process=True),
    Kind("raises before", _interrupt, is_after=False),
    Kind("raises after", _interrupt, is_after=True),
    Kind("answer lost", _lose_connection, is_after=True),
    Kind("stands still before", _freeze, is_after=False, needs_process=True),
    Kind("stands still after", _freeze, is_after=True, needs_process=True),
)


class Trap:
    """A fault at a point; it happens at one passage and counts all of them."""

    def __init__(self, kind: Kind, *, passage: int = 1) -> None:
        self.passages = 0
        self._kind = kind
        self._passage = passage

    def set(self, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        module, name = POINTS[point]
        function = getattr(module, name)

        @wraps(function)
        def passed(*arguments: Any, **named: Any) -> Any:
            self.passages += 1
            is_now = self.passages == self._passage
            if is_now and not self._kind.is_after:
                self._kind.happens()
            answer = function(*arguments, **named)
            if is_now and self._kind.is_after:
                self._kind.happens()
            return answer

        monkeypatch.setattr(module, name, passed)
