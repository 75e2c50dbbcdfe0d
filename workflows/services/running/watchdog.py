"""The end of a process in which no thread gets a turn any more.

Code that holds the interpreter, such as a regular expression that never ends, stops the beat with
everything else, and no thread can do anything about it. Others take such a process for dead; here
it really ends, so that its place is free again and nothing late comes of it.
"""

from __future__ import annotations

import atexit
import faulthandler
import threading
from typing import Final

from django.conf import settings

THREAD_NAME: Final = "watchdog"

# Turns that the thread has to miss before the process ends.
_TURNS: Final = 5


def start_watchdog(ending: threading.Event) -> None:
    """End this process once its threads have stood still for LEVANTE_DEAD_SECONDS.

    The timer itself is the system's and needs no interpreter. It says in the log where the process
    stood, as lines of code without any value.
    """
    thread = threading.Thread(target=_keep_winding, args=(ending,), name=THREAD_NAME, daemon=True)
    thread.start()
    atexit.register(_stop, ending, thread)


def _stop(ending: threading.Event, thread: threading.Thread) -> None:
    """Let a process that ends by itself take its time: no thread gets a turn in its last steps."""
    ending.set()
    thread.join()


def _keep_winding(ending: threading.Event) -> None:
    while True:
        faulthandler.dump_traceback_later(settings.LEVANTE_DEAD_SECONDS, exit=True)
        if ending.wait(settings.LEVANTE_DEAD_SECONDS / _TURNS):
            faulthandler.cancel_dump_traceback_later()
            return
