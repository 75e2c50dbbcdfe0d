"""The event engine: listeners and the notifier, each in a thread, inside of any process."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import connection

from workflows.events.notifier import Notifier

logger = logging.getLogger(__name__)

_STOP_SECONDS: Final = 4.0


class EventEngine:
    """Any number may run at once: messages are shared, and an event starts what it starts once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start what the settings ask for; a library that nobody asked for is not loaded."""
        if settings.LEVANTE_EVENT_AMQP_URL:
            amqp = importlib.import_module("workflows.events.amqp")
            self._run("amqp", amqp.AmqpListener(settings.LEVANTE_EVENT_AMQP_URL, self._stop).run)
        if settings.LEVANTE_EVENT_REDIS_URL not in ("", "none"):
            streams = importlib.import_module("workflows.events.streams")
            listener = streams.StreamListener(settings.LEVANTE_EVENT_REDIS_URL, self._stop)
            self._run("streams", listener.run)
        self._run("notifier", Notifier(self._stop).run)

    def stop(self) -> None:
        """Let the threads end what they are at."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _run(self, name: str, run: Callable[[], None]) -> None:
        def body() -> None:
            try:
                run()
            finally:
                connection.close()

        thread = threading.Thread(target=body, name=f"events-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)
