"""Work that blocks, done in a thread beside the one that may be interrupted.

A worker ends an action by an exception in its main thread. A main thread that only waits takes it
at once, whatever the library that does the work is busy with, and then breaks the work off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_Result = TypeVar("_Result")

# Seconds that work gets to end after it was broken off; what is left of it ends by itself.
_END_SECONDS: Final = 1.0


class TimeIsUp(Exception):
    """The work did not end in its time."""


class _Work(Generic[_Result]):
    """What the thread does, and how it ended."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._work = work
        self._results: list[_Result] = []
        self._error: BaseException | None = None
        self.has_ended = threading.Event()

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # it is raised where the result is wanted
            self._error = error
        finally:
            self.has_ended.set()

    def result(self) -> _Result:
        if self._error is not None:
            raise self._error
        return self._results[0]


def run_beside(
    work: Callable[[], _Result], *, break_off: Callable[[], None], seconds: float
) -> _Result:
    """Do the work and return its result; `break_off` makes it end, and may be called any time.

    Raises what the work raises, or TimeIsUp after so many seconds. An exception that hits the
    waiting thread breaks the work off, too.
    """
    state = _Work(work)
    thread = threading.Thread(target=state.run, name="action", daemon=True)
    thread.start()
    try:
        if not state.has_ended.wait(seconds):
            raise TimeIsUp
        return state.result()
    finally:
        if not state.has_ended.is_set():
            break_off()
            state.has_ended.wait(_END_SECONDS)
