"""`manage.py events`: listens to brokers and streams, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from workflows.events.engine import EventEngine


class Command(BaseCommand):
    help = "Listen to message brokers and streams for event triggers. Any number may run."

    def handle(self, *_args: Any, **_options: Any) -> None:
        asked_to_stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            asked_to_stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        engine = EventEngine()
        engine.start()
        # A handler runs only between two steps of this thread, so it must not wait for ever.
        while not asked_to_stop.wait(1.0):
            pass
        engine.stop()
