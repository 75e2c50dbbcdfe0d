"""Interrupts what the main thread does, as the beat thread of a worker does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest

from workflows.services.running.process import INTERRUPT_SIGNAL, Interrupted


def interrupted_after(seconds: float, run: Callable[[], object]) -> float:
    """Interrupt a run after so many seconds; give how many more it took to end."""

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted("no longer wanted")

    before = signal.signal(INTERRUPT_SIGNAL, interrupt)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(seconds, signal.pthread_kill, (main, INTERRUPT_SIGNAL))
    started = time.monotonic()
    timer.start()
    try:
        with pytest.raises(Interrupted):
            run()
    finally:
        timer.join()
        signal.signal(INTERRUPT_SIGNAL, before)
    return time.monotonic() - started - seconds
