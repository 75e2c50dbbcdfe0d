"""Beat's scheduler: any number may run, and one of them works.

That one holds a lock of PostgreSQL on a connection of its own, since Django closes its connection
now and then and with it the lock. Before each message the lock is looked at; a beat that has lost
it sends nothing and waits like the others. What starts workflows does not depend on it: due slots
are found by their rows (workflows/services/triggers/cron_firing.py).
"""

from __future__ import annotations

import logging
from typing import Any, Final

import psycopg
from celery.beat import SchedulingError
from celery.schedules import ParseException
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from workflows.canvas import START_SCHEDULED

logger = logging.getLogger(__name__)

# Any number that nobody else uses for an advisory lock in this database.
LOCK_KEY: Final = 0x4C65_7661_6E74_6501  # "Levante", 1


class BeatLock:
    """An advisory lock on a connection of its own."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None

    def is_held(self) -> bool:
        """Ask the server, which notices that the connection is gone."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self.release()
            return False
        return True

    def take(self) -> bool:
        """Try to get the lock, without waiting for it."""
        opened: psycopg.Connection[Any] | None = None
        try:
            opened = _connect()
            row = opened.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
        except psycopg.Error:
            row = None
        if opened is not None and row is not None and row[0]:
            self._connection = opened
            return True
        if opened is not None:
            opened.close()
        return False

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect() -> psycopg.Connection[Any]:
    """Open a connection like Django's, TLS and all; it dies sooner with a dead network."""
    own = {
        "autocommit": True,
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "application_name": f"levante-{settings.LEVANTE_PROCESS_NAME}-lock",
    }
    return psycopg.connect(**connection.get_connection_params() | own)


class Scheduler(DatabaseScheduler):
    """Works while it has the lock; leaves the periodic tasks of triggers alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lock = BeatLock()
        self._is_leader: bool | None = None
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; give the seconds to wait."""
        if not self.lock.is_held():
            if not self.lock.take():
                self._say(is_leader=False)
                return float(settings.LEVANTE_BEAT_WAIT_SECONDS)
            self._start_anew()
        self._say(is_leader=True)
        return float(super().tick(*args, **kwargs))

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.lock.is_held():
            raise SchedulingError("another beat may be at work by now")
        return super().apply_async(entry, *args, **kwargs)

    def enabled_models_qs(self) -> QuerySet[PeriodicTask]:
        """Leave out triggers, however many there are."""
        enabled: QuerySet[PeriodicTask] = super().enabled_models_qs()
        return enabled.exclude(task=START_SCHEDULED)

    def enabled_models(self) -> list[PeriodicTask]:
        """Leave out what a person wrote that is no schedule."""
        return [model for model in super().enabled_models() if _has_schedule(model)]

    def close(self) -> None:
        super().close()
        self.lock.release()

    def _start_anew(self) -> None:
        """Read everything again: another beat has worked in the meantime."""
        self._dirty.clear()
        self._initial_read = True
        self._heap = None
        self.old_schedulers = None

    def _say(self, *, is_leader: bool) -> None:
        if is_leader != self._is_leader:
            logger.info("this beat %s", "works" if is_leader else "waits for another one to end")
            self._is_leader = is_leader


def _has_schedule(model: PeriodicTask) -> bool:
    try:
        return model.schedule is not None
    except (ValueError, ParseException, AttributeError):
        logger.exception("periodic task without a schedule", extra={"periodic_task": model.name})
        return False
