"""The end of an action whose process can do nothing about it, by the worker that has forked it.

Code that holds the interpreter, such as a regular expression that never ends, leaves no turn to
the thread that looks whether the action is still wanted and in time. So the worker looks as well,
where that thread has not come by.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from workflows.services.running.attempts import is_wanted
from workflows.services.running.lost_work import fail_attempt
from workflows.services.running.places import Place, Places, Seen

logger = logging.getLogger(__name__)

THREAD_NAME: Final = "overseer"

# How long to wait for a process to stop, in seconds; one that is deep in the kernel is left alone.
_STOP_SECONDS: Final = 0.5


def start_overseer(places: Places) -> None:
    """Look after the processes of this worker for as long as it lives."""
    threading.Thread(target=_keep_looking, args=(places,), name=THREAD_NAME, daemon=True).start()


def _keep_looking(places: Places) -> None:
    while True:
        time.sleep(settings.LEVANTE_STOP_POLL_SECONDS)
        try:
            look(places)
        except (DatabaseError, InterfaceError):
            logger.warning("The database does not answer: no action is ended from outside.")
        except Exception:  # a border: the thread has to go on
            logger.exception("A look at the processes failed.")


def look(places: Places) -> None:
    """End what is no longer wanted, or is out of time, in processes of which no thread looks."""
    unseen = [(place, seen) for place, seen in places.at_work() if _is_unseen(seen)]
    if not unseen:
        return
    try:
        for place, seen in unseen:
            reason = _reason_to_end(seen)
            if reason and _end(place, seen, reason):
                logger.error(
                    "An action holds the interpreter and has to end; its process does.",
                    extra={"action_id": str(seen.action_id)},
                )
    finally:
        connection.close()  # asked so rarely that it is not worth a session


def _is_unseen(seen: Seen) -> bool:
    """Tell whether the process's own thread has missed two looks."""
    return time.monotonic() - seen.looked_at > 2 * settings.LEVANTE_STOP_POLL_SECONDS


def _reason_to_end(seen: Seen) -> str:
    if time.monotonic() > seen.deadline:
        return "The action has not ended in its time, and held the interpreter."
    return "" if is_wanted(seen.action_id, seen.token) else "The action was stopped."


def _end(place: Place, seen: Seen, reason: str) -> bool:
    """Kill the process that is at this attempt, and nobody else. False if it is not any more.

    It is stopped first, so that it cannot leave the attempt between the last look and the end.
    """
    try:
        if not _is_child(seen.pid):
            return False
        os.kill(seen.pid, signal.SIGSTOP)
        try:
            still = place.read() if _has_stopped(seen.pid) else None
            if still is None or still.token != seen.token or still.pid != seen.pid:
                return False
            # Nobody records a result after this. What was cancelled has ended already.
            fail_attempt(seen.action_id, seen.token, reason)
            os.kill(seen.pid, signal.SIGKILL)
            return True
        finally:
            os.kill(seen.pid, signal.SIGCONT)
    except ProcessLookupError:
        return False


def _is_child(pid: int) -> bool:
    """Tell whether the process lives and is ours: a number may have gone to somebody else."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


def _has_stopped(pid: int) -> bool:
    """Wait until a child has stopped. Its pool still hears of its end: nothing is taken away."""
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        change = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if change is not None:
            return change.si_code == os.CLD_STOPPED
        time.sleep(0.001)
    return False
