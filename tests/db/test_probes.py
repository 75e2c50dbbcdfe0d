"""A worker that takes no messages although it could is noticed, and started again."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.faults.service import Clock
from workflows.services.operation import probes
from workflows.services.operation.probes import DeafnessWatch, has_messages


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Clock:
    clock = Clock()
    monkeypatch.setattr(probes, "time", clock)
    settings.LEVANTE_DEAF_SECONDS = 30.0
    return clock


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(probes.os, "kill", lambda pid, number: sent.append((pid, number)))
    return sent


def watch(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, *, idle: Any, waiting: Any, seconds: int = 60
) -> None:
    """Let a process look each second; `idle` and `waiting` tell how it is at a second."""
    one = DeafnessWatch(["actions"])
    for second in range(seconds):
        clock.now += 1
        monkeypatch.setattr(probes, "has_messages", lambda queues, now=second: waiting(now))
        one.look(idle(second))


def test_a_process_without_work_while_messages_wait_ends_its_worker(
    clock: Clock, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(clock, monkeypatch, idle=lambda now: 100.0 + now, waiting=lambda now: True, seconds=60)
    assert killed == [(os.getppid(), signal.SIGTERM)]


def test_a_worker_that_does_not_react_is_killed(
    clock: Clock, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(clock, monkeypatch, idle=lambda now: 100.0 + now, waiting=lambda now: True, seconds=61)
    assert killed == [(os.getppid(), signal.SIGTERM), (os.getppid(), signal.SIGKILL)]


def test_a_process_that_has_outlived_its_worker_kills_nobody(
    clock: Clock, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = iter([7, *[1] * 10])
    monkeypatch.setattr(probes.os, "getppid", lambda: next(parents))
    watch(clock, monkeypatch, idle=lambda now: 100.0 + now, waiting=lambda now: True, seconds=66)
    assert killed == []


@pytest.mark.parametrize(
    ("idle", "waiting"),
    [
        (lambda now: 0.0, lambda now: True),  # it works
        (lambda now: now % 20, lambda now: True),  # it worked in between
        (lambda now: 100.0 + now, lambda now: False),  # nobody sends anything
        (lambda now: 100.0 + now, lambda now: now % 20 < 10),  # others take what is sent
    ],
)
def test_a_worker_that_hears_is_left_alone(
    idle: Any, waiting: Any, clock: Clock, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(clock, monkeypatch, idle=idle, waiting=waiting, seconds=200)
    assert killed == []


def test_a_process_that_has_had_work_since_the_last_look_does_not_ask_the_broker(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    watch(clock, monkeypatch, idle=lambda now: now % 4, waiting=asked.append)
    assert asked == []
    watch(clock, monkeypatch, idle=lambda now: 100.0 + now, waiting=asked.append)
    assert len(asked) == 12


@pytest.mark.parametrize("url", ["amqp://127.0.0.1:1//", "nonsense://x", "memory://"])
def test_a_broker_that_cannot_be_asked_is_not_connected_to(
    url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> Any:
        raise AssertionError

    settings.CELERY_BROKER_URL = url
    monkeypatch.setattr(probes, "redis_client", connect)
    assert not has_messages(["actions"])


def test_a_broker_that_is_away_is_no_deafness(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert not has_messages(["actions"])
