"""Beat's scheduler: which tasks it reads, and the connection that holds its lock."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config import beat
from config.celery import app
from workflows.canvas import START_SCHEDULED

pytestmark = pytest.mark.django_db(transaction=True)


def test_triggers_are_not_even_read() -> None:
    interval = IntervalSchedule.objects.create(every=1, period="hours")
    for name, job in (("a trigger", START_SCHEDULED), ("another", "some.job")):
        PeriodicTask.objects.create(name=name, task=job, interval=interval)
    scheduler = beat.Scheduler(app=app, lazy=True)
    assert [one.name for one in scheduler.enabled_models_qs()] == ["another"]
    assert [one.name for one in scheduler.enabled_models()] == ["another"]


def test_one_beat_holds_the_lock() -> None:
    first, second = beat.BeatLock(), beat.BeatLock()
    try:
        assert first.take()
        assert first.is_held()
        assert not second.take()
    finally:
        first.release()
    assert second.take()
    second.release()


def test_the_lock_is_held_with_every_option_of_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "sslcert": "/c", "sslkey": "/k"}
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options | tls)
    used: dict[str, Any] = {}

    def connect(**parameters: Any) -> None:
        used.update(parameters)
        raise psycopg.OperationalError

    monkeypatch.setattr(beat.psycopg, "connect", connect)
    assert not beat.BeatLock().take()
    assert {name: used[name] for name in tls} == tls
    assert used["autocommit"] is True
    assert used["options"] == options["options"]
    assert used["application_name"].endswith("-lock")
