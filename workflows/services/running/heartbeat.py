"""The sign of life of a worker process, and the end of attempts that are no longer wanted.

Each process has one row. A thread raises its counter and names the attempt at work. The same thread
looks whether that attempt still has its claim and its time, and interrupts it if not.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from typing import Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from workflows.models.statements import as_payload, execute
from workflows.services.advancing.advance_limit import this_limit
from workflows.services.operation.probes import DeafnessWatch, own_queues
from workflows.services.running.attempts import is_wanted
from workflows.services.running.lost_work import fail_attempt
from workflows.services.running.places import Place
from workflows.services.running.process import Attempt, WorkerState, this_process
from workflows.services.running.watchdog import start_watchdog

logger = logging.getLogger(__name__)

THREAD_NAME: Final = "heartbeat"

_REGISTER_SQL = """
    INSERT INTO worker_processes (id, host, pid, queues, started_at, beat, beat_at, tokens)
    VALUES (%s, %s, %s, %s, clock_timestamp(), 1, clock_timestamp(), %s)
    ON CONFLICT (id) DO NOTHING
"""
_BEAT_SQL = """
    UPDATE worker_processes SET beat = beat + 1, beat_at = clock_timestamp(), tokens = %s
    WHERE id = %s
"""


def register_process(queues: str, place: Place | None = None) -> None:
    """Start the thread that makes the row of this process. To be called after the fork.

    The main thread must not use the database here: Celery is about to close what it inherited.
    """
    state = this_process()
    state.place = place
    state.listen()
    this_limit().listen()
    start_watchdog(state.ending)
    threading.Thread(
        target=_keep_beating, args=(state, queues), name=THREAD_NAME, daemon=True
    ).start()


def unregister_process() -> None:
    """Remove the row of this process when it ends in order."""
    state = this_process()
    state.ending.set()
    try:
        execute("DELETE FROM worker_processes WHERE id = %s", [state.id])
    except (DatabaseError, InterfaceError):
        logger.warning("The row of this process was not removed.")


def _keep_beating(state: WorkerState, queues: str) -> None:
    watch = AttemptWatch(state)
    deafness = DeafnessWatch(own_queues())
    next_beat = 0.0
    while not state.ending.wait(0 if next_beat == 0 else _pause()):
        try:
            if state.place is not None:
                state.place.look()
            this_limit().look()
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + settings.LEVANTE_BEAT_SECONDS
                beat(state, queues)
            watch.look()
            deafness.look(state.idle_seconds)
        except (DatabaseError, InterfaceError):
            # Without contact to the database an action goes on; the next beat tells us more.
            _close_connection()
        except Exception:  # a border: a process whose beat thread has died would be taken for dead
            logger.exception("A beat failed.")
            _close_connection()
    _close_connection()


def _pause() -> float:
    return min(settings.LEVANTE_STOP_POLL_SECONDS, settings.LEVANTE_BEAT_SECONDS)


def _close_connection() -> None:
    with suppress(DatabaseError, InterfaceError):
        connection.close()


def beat(state: WorkerState, queues: str) -> None:
    """Raise the counter and name the attempt at work; a row that was removed is made again."""
    attempt = state.attempt
    tokens = as_payload([str(attempt.token)] if attempt else [])
    if execute(_BEAT_SQL, [tokens, state.id]) == 0 and not state.ending.is_set():
        execute(_REGISTER_SQL, [state.id, socket.gethostname(), state.pid, queues, tokens])


class AttemptWatch:
    """Ends the attempt at work when its time is up or its claim is gone."""

    def __init__(self, state: WorkerState) -> None:
        self._state = state
        self._interrupted: Attempt | None = None
        self._interrupted_at = 0.0
        self._reason = ""

    def look(self) -> None:
        attempt = self._state.attempt
        if attempt is None:
            return
        age = time.monotonic() - attempt.started
        if attempt is self._interrupted:
            self._end_process_if_it_does_not_listen(attempt)
        elif age > attempt.timeout:
            self._interrupt(attempt, f"Timeout after {attempt.timeout:g} seconds")
        elif age >= settings.LEVANTE_STOP_POLL_SECONDS and not is_wanted(
            attempt.action_id, attempt.token
        ):
            self._interrupt(attempt, "The action was stopped.")

    def _interrupt(self, attempt: Attempt, reason: str) -> None:
        if self._state.interrupt(attempt.token, reason):
            self._interrupted, self._interrupted_at = attempt, time.monotonic()
            self._reason = reason

    def _end_process_if_it_does_not_listen(self, attempt: Attempt) -> None:
        """Code that holds the interpreter or swallows everything leaves no other way."""
        if time.monotonic() - self._interrupted_at <= settings.LEVANTE_STOP_GRACE_SECONDS:
            return
        logger.error(
            "An action does not end; its process does.",
            extra={"action_id": str(attempt.action_id)},
        )
        # Nobody is going to record the result after that. What was cancelled has ended already.
        fail_attempt(attempt.action_id, attempt.token, self._reason)
        self._state.kill_while_at(attempt)
