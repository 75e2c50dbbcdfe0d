"""An advance that does not end: the beat thread breaks it off, and at last ends its process.

An advance in a worker of actions is no job of its own, so no time limit of Celery's holds for it.
Each step is one transaction; one that is broken off is rolled back, counted as a failure, and tried
again by the sweep.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, TypeVar

from django.conf import settings

logger = logging.getLogger(__name__)

ADVANCE_SIGNAL: Final = signal.SIGRTMIN + 3  # SIGUSR1 is Celery's, SIGUSR2 that of actions

_Result = TypeVar("_Result")


class AdvanceTooLong(Exception):
    """Moving the execution on took too long."""

    def __init__(self) -> None:
        super().__init__("It took too long to move the execution on.")


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What the process is at. `started` is monotonic."""

    started: float


class AdvanceLimit:
    """One per process; a forked child makes its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._step: _Step | None = None
        self._asked: _Step | None = None  # for the handler of the signal
        self._broken_off: _Step | None = None
        self._broken_off_at = 0.0
        self._is_listening = False

    def listen(self) -> None:
        """Let `look` work in this process. To be called by its main thread."""
        signal.signal(ADVANCE_SIGNAL, self._on_signal)
        self._is_listening = True

    def run(self, step: Callable[[], _Result]) -> _Result:
        if not self._is_listening:  # a request, or a command
            return step()
        with self._at(_Step(time.monotonic())):
            return _carry_out(step)

    @contextmanager
    def _at(self, step: _Step) -> Iterator[None]:
        with self._lock:
            outer, self._step = self._step, step
        try:
            yield
        finally:
            with self._lock:
                self._step = outer

    def look(self) -> None:
        """Break off a step that takes too long. For the beat thread."""
        step = self._step
        if step is None:
            return
        now = time.monotonic()
        if step is self._broken_off:
            if now - self._broken_off_at > settings.LEVANTE_STOP_GRACE_SECONDS:
                self._end_process_at(step)
        elif now - step.started > settings.LEVANTE_ADVANCE_LIMIT_SECONDS:
            self._broken_off, self._broken_off_at = step, now
            self._break_off(step)

    def _break_off(self, step: _Step) -> None:
        """The main thread needs the lock to leave the step, so nothing else is hit."""
        main = threading.main_thread().ident
        with self._lock:
            if self._step is step and main is not None:
                self._asked = step
                signal.pthread_kill(main, ADVANCE_SIGNAL)

    def _end_process_at(self, step: _Step) -> None:
        with self._lock:
            if self._step is step:
                logger.error("An advance does not end; its process does.")
                os.kill(self.pid, signal.SIGKILL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Raise in the main thread, unless the step has ended between the two threads' turns."""
        asked, self._asked = self._asked, None
        if asked is not None and asked is self._step and _is_in_step(frame):
            raise AdvanceTooLong


def _carry_out(step: Callable[[], _Result]) -> _Result:
    return step()


def _is_in_step(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not _carry_out.__code__:
        frame = frame.f_back
    return frame is not None


_limit: AdvanceLimit | None = None


def this_limit() -> AdvanceLimit:
    """Give the limit of the process that asks."""
    global _limit
    if _limit is None or _limit.pid != os.getpid():
        _limit = AdvanceLimit()
    return _limit


def advance_within_limit(step: Callable[[], _Result]) -> _Result:
    """Carry out one step of an advance; in a worker AdvanceTooLong hits one that does not end."""
    return this_limit().run(step)
