"""`manage.py sweep`: fires timers and repairs, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from workflows.services.sweep import Sweep
from workflows.services.timers import ring_due_timers

logger = logging.getLogger(__name__)

# Seconds to wait after the database was away.
_AFTER_FAILURE = 1.0


class Command(BaseCommand):
    help = "Fire timers and repair what crashes and lost messages left behind. Any number may run."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        sweep = Sweep()
        next_sweep = 0.0
        while not stop.is_set():
            try:
                close_old_connections()
                seconds = ring_due_timers()
                if time.monotonic() >= next_sweep:
                    sweep.run()
                    next_sweep = time.monotonic() + settings.LEVANTE_SWEEP_SECONDS
            except (DatabaseError, InterfaceError):
                logger.warning("The database is away; the sweep goes on later.")
                connection.close()
                seconds = _AFTER_FAILURE
            stop.wait(seconds)
