"""Which threads the event engine starts, and that they end when they are told to."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from pytest_django import Settings

from workflows.events import engine as module
from workflows.events.engine import EventEngine


@pytest.mark.parametrize(
    ("amqp", "redis", "names"),
    [
        ("", "", ["notifier"]),
        ("", "none", ["notifier"]),
        ("", "redis://127.0.0.1:1/0", ["streams", "notifier"]),
        ("amqp://127.0.0.1:1//", "none", ["amqp", "notifier"]),
    ],
)
def test_only_what_is_asked_for_is_started(
    amqp: str, redis: str, names: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEVANTE_EVENT_AMQP_URL, settings.LEVANTE_EVENT_REDIS_URL = amqp, redis
    started: list[str] = []
    engine = EventEngine()
    monkeypatch.setattr(engine, "_run", lambda name, run: started.append(name))
    engine.start()
    assert started == names


def test_it_ends_its_threads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LEVANTE_EVENT_AMQP_URL, settings.LEVANTE_EVENT_REDIS_URL = "", "none"
    ended: list[bool] = []

    class Waiting:
        def __init__(self, stop: threading.Event) -> None:
            self.run: Callable[[], None] = lambda: ended.append(stop.wait(10))

    monkeypatch.setattr(module, "Notifier", Waiting)
    monkeypatch.setattr(module.connection, "close", lambda: None)
    engine = EventEngine()
    engine.start()
    engine.stop()
    assert ended == [True]
