"""`manage.py sweep`: fires timers and triggers and repairs, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import time
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import FrameType
from typing import Any

from celery import current_app
from celery.beat import Service
from celery.signals import beat_init
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection

from workflows.events.engine import EventEngine
from workflows.services.operation.sweep import Sweep
from workflows.services.operation.timers import ring_due_timers
from workflows.services.triggers.cron_firing import drop_old_fires, fire_due_triggers
from workflows.services.triggers.event_intake import drop_old_events
from workflows.services.triggers.periodic_tasks import sync_periodic_tasks

logger = logging.getLogger(__name__)

# Seconds to wait after a pass that failed; twice as long after each further one, up to
# the second number.
_AFTER_FAILURE = 0.5
_LONGEST_AFTER_FAILURE = 10.0
# Seconds that beat has at the end to store when it sent what.
_BEAT_STOP_SECONDS = 2.0
# Seconds between two looks for history that is old enough to go.
_CLEAN_SECONDS = 60.0


class Command(BaseCommand):
    help = "Fire timers and triggers, and repair what crashes left behind. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--with-events",
            action="store_true",
            help="also do what `manage.py events` does, which saves a process",
        )
        parser.add_argument(
            "--with-beat",
            action="store_true",
            help="also do what `celery beat` does, which saves a process",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        # Unlike an event, this queue may be used by a handler while the same thread waits for it.
        asked_to_stop: SimpleQueue[int] = SimpleQueue()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            asked_to_stop.put(number)

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        engine = EventEngine()
        if options["with_events"]:
            engine.start()
        beat = BeatThread()
        if options["with_beat"]:
            beat.start()
        loop = SweepLoop()
        while not _is_asked(asked_to_stop, wait=loop.run_once()):
            pass
        beat.stop()
        engine.stop()


class SweepLoop:
    """Timers and triggers as soon as they are due, and in between the sweep at its own pace."""

    def __init__(self) -> None:
        self._sweep = Sweep()
        self._next_sweep = 0.0
        self._next_sync = self._next_clean = 0.0
        self._failures = 0

    def run_once(self) -> float:
        """Do what is due; give the seconds until something may be due again."""
        try:
            close_old_connections()
            seconds = min(ring_due_timers(), self._fire_triggers())
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + settings.LEVANTE_SWEEP_SECONDS
                self._sweep.run()
        except Exception:  # a border: the repairer must not be what needs repair
            logger.exception("A pass of the sweep failed; it goes on later.")
            connection.close()
            self._failures += 1
            return min(_AFTER_FAILURE * 2.0 ** min(self._failures - 1, 10), _LONGEST_AFTER_FAILURE)
        self._failures = 0
        return min(seconds, max(self._next_sweep - time.monotonic(), 0.0))

    def _fire_triggers(self) -> float:
        """Start what is due by schedule; what goes wrong there does not keep the sweep away."""
        try:
            now = time.monotonic()
            if now >= self._next_sync:
                self._next_sync = now + settings.LEVANTE_TRIGGER_SYNC_SECONDS
                sync_periodic_tasks()
            if now >= self._next_clean:
                self._next_clean = now + _CLEAN_SECONDS
                drop_old_fires()
                drop_old_events()
            return fire_due_triggers()
        except DatabaseError:
            raise
        except Exception:
            logger.exception("Triggers failed; they are looked at again.")
            return _AFTER_FAILURE


class BeatThread:
    """Celery's beat in a thread of its own, which goes on after whatever goes wrong there."""

    def __init__(self) -> None:
        self._service = Service(current_app, scheduler_cls=current_app.conf.beat_scheduler)
        self._asked_to_stop = Event()
        self._thread = Thread(target=self._run, name="beat", daemon=True)

    def start(self) -> None:
        current_app.loader.init_worker()
        beat_init.send(sender=self._service)
        self._thread.start()

    def stop(self) -> None:
        """Let it write down what it has sent, and end; a thread that hangs is left behind."""
        self._asked_to_stop.set()
        if self._thread.is_alive():
            self._thread.join(_BEAT_STOP_SECONDS)

    def _run(self) -> None:
        while not self._asked_to_stop.wait(self._tick()):
            pass
        self._service.scheduler.close()

    def _tick(self) -> float:
        """Send what is due; give the seconds until something may be due again."""
        try:
            scheduler = self._service.scheduler
            seconds = float(scheduler.tick())
            if scheduler.should_sync():
                scheduler._do_sync()  # as Celery's own loop does
        except Exception:
            logger.exception("Beat failed; it goes on later.")
            connection.close()
            return _LONGEST_AFTER_FAILURE
        return seconds


def _is_asked(asked_to_stop: SimpleQueue[int], *, wait: float) -> bool:
    """Tell whether we are asked to stop now or within the seconds to wait."""
    try:
        asked_to_stop.get(timeout=wait)
    except Empty:
        return False
    return True
