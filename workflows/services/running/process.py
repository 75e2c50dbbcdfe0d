"""This worker process: its identity, and the attempt it is working on.

The beat thread reads it and may interrupt the attempt; the main thread runs the action.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from uuid import UUID, uuid4

from workflows.actions.base import perform_action
from workflows.services.running.places import Place

INTERRUPT_SIGNAL = signal.SIGUSR2  # SIGUSR1 is Celery's


class Interrupted(BaseException):
    """The running action has to end; no `except Exception` of an action can swallow this."""


class Stopped(BaseException):
    """This process is to end, and its action cannot be waited for any longer."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the process is working on. `timeout` is in seconds from `started` (monotonic)."""

    token: UUID
    action_id: UUID
    timeout: float
    started: float


class WorkerState:
    """One per process; a forked child makes its own."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._attempt: Attempt | None = None
        self._interrupted: tuple[UUID, str] | None = None
        self.place: Place | None = None  # where the worker sees what this process is at
        self.ending = threading.Event()  # set when the process is about to end in order
        self._idle_since: float | None = time.monotonic()
        self.is_stopping = False
        self._must_hear_stop = False

    def begin_job(self) -> None:
        """Say that a job has begun."""
        self._idle_since = None
        if self._must_hear_stop:
            # Only now: the pool sets a handler of its own when the process is ready.
            self._must_hear_stop = False
            signal.signal(signal.SIGTERM, self._on_stop)

    def end_job(self) -> None:
        """Say that the process has nothing to do. It ends if it was asked to."""
        self._idle_since = time.monotonic()
        if self.is_stopping:
            raise SystemExit

    @property
    def idle_seconds(self) -> float:
        """For how long the process has had nothing to do; 0 while it works."""
        since = self._idle_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def attempt(self) -> Attempt | None:
        return self._attempt

    @contextmanager
    def working_on(self, token: UUID, action_id: UUID, timeout: float) -> Iterator[None]:
        """Say what the process does, for as long as it does it."""
        attempt = Attempt(token, action_id, timeout, time.monotonic())
        with self._lock:
            self._attempt = attempt
        if self.place is not None:
            self.place.enter(token, action_id, attempt.started + timeout)
        try:
            yield
        finally:
            if self.place is not None:
                self.place.leave()
            with self._lock:
                self._attempt = None

    def interrupt(self, token: UUID, reason: str) -> bool:
        """End the attempt of this token, if it is still the one at work. For the beat thread."""
        with self._lock:
            if self._attempt is None or self._attempt.token != token:
                return False
            self._interrupted = (token, reason)
            main = threading.main_thread().ident
            if main is not None:
                signal.pthread_kill(main, INTERRUPT_SIGNAL)
            return True

    def kill_while_at(self, attempt: Attempt) -> None:
        """Kill this process if it is still at the attempt. For the beat thread.

        The main thread needs the lock to leave the attempt, so nothing else is hit.
        """
        with self._lock:
            if self._attempt is attempt:
                os.kill(self.pid, signal.SIGKILL)

    def listen(self) -> None:
        """Let `interrupt` work in this process, and let it end in order.

        To be called by its main thread.
        """
        signal.signal(INTERRUPT_SIGNAL, self._on_signal)
        self._must_hear_stop = True

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        """End the process: at once, or after the work around an action that has ended."""
        self.is_stopping = True
        if self._attempt is not None and _is_in_action(frame):
            raise Stopped
        if self._idle_since is not None:
            raise SystemExit

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Raise in the main thread, unless the attempt has ended between the two threads' turns.

        Once the action has returned nothing is raised: it would hit the bookkeeping around it.
        """
        asked, self._interrupted = self._interrupted, None
        attempt = self._attempt
        if asked is None or attempt is None or attempt.token != asked[0]:
            return
        if _is_in_action(frame):
            raise Interrupted(asked[1])


def _is_in_action(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not perform_action.__code__:
        frame = frame.f_back
    return frame is not None


_state: WorkerState | None = None


def this_process() -> WorkerState:
    """Give the state of the process that asks."""
    global _state
    if _state is None or _state.pid != os.getpid():
        _state = WorkerState()
    return _state
