"""A worker ends the process that holds the interpreter for an action, and no other one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from workflows.services.running import overseer
from workflows.services.running.places import Place, Places

ENDED: list[tuple[UUID, UUID, str]] = []
LONG = 600.0


@pytest.fixture(autouse=True)
def looks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wanted any more unless a test says so, and what is failed is noted."""
    settings.LEVANTE_STOP_POLL_SECONDS = 0.05
    ENDED.clear()
    monkeypatch.setattr(overseer, "is_wanted", lambda _action, _token: False)
    monkeypatch.setattr(overseer, "fail_attempt", lambda *facts: ENDED.append(facts))


@pytest.fixture
def places() -> Places:
    return Places()


class Child:
    """A process that sleeps, and says that it is at an attempt that nobody looks after."""

    def __init__(self, places: Places, number: int = 0, timeout: float = LONG) -> None:
        self.action_id, self.token = uuid4(), uuid4()
        self.place = _place(places, number)
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.place.take()
            self.place.enter(self.token, self.action_id, time.monotonic() + timeout)
            os.write(writing, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(reading, 1)
        os.close(reading)
        os.close(writing)

    def lives(self) -> bool:
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def end(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ChildProcessError, ProcessLookupError):
            pass


@pytest.fixture
def child(places: Places) -> Iterator[Child]:
    child = Child(places)
    yield child
    child.end()


def _place(places: Places, number: int) -> Place:
    place = places.place(number)
    assert place is not None
    return place


def test_what_was_cancelled_is_ended(places: Places, child: Child) -> None:
    time.sleep(0.2)
    overseer.look(places)
    assert os.waitpid(child.pid, 0)[1] == signal.SIGKILL
    assert [facts[:2] for facts in ENDED] == [(child.action_id, child.token)]


def test_what_its_own_process_looks_after_is_left_to_it(places: Places, child: Child) -> None:
    time.sleep(0.2)
    child.place.look()
    overseer.look(places)
    assert child.lives()
    assert ENDED == []


def test_what_is_wanted_and_in_time_goes_on(
    places: Places, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overseer, "is_wanted", lambda _action, _token: True)
    time.sleep(0.2)
    overseer.look(places)
    assert child.lives()


def test_what_is_out_of_time_is_ended_and_fails(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overseer, "is_wanted", lambda _action, _token: True)
    child = Child(places, timeout=0.1)
    time.sleep(0.2)
    overseer.look(places)
    assert os.waitpid(child.pid, 0)[1] == signal.SIGKILL
    assert "in its time" in ENDED[0][2]


def test_who_has_gone_on_to_something_else_is_not_hit(
    places: Places, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changes_meanwhile(_action: UUID, _token: UUID) -> bool:
        child.place.enter(uuid4(), uuid4(), time.monotonic() + LONG)
        return False

    monkeypatch.setattr(overseer, "is_wanted", changes_meanwhile)
    time.sleep(0.2)
    overseer.look(places)
    assert child.lives()
    assert ENDED == []
    assert _state(child.pid) != "T"


def test_a_process_of_somebody_else_is_not_hit(
    places: Places, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.getpid
    monkeypatch.setattr(os, "getpid", os.getppid)
    child.place.take()
    monkeypatch.setattr(os, "getpid", here)
    child.place.enter(uuid4(), uuid4(), time.monotonic() + LONG)
    time.sleep(0.2)
    overseer.look(places)
    assert child.lives()
    assert ENDED == []


def test_neighbours_are_not_hit(places: Places, child: Child) -> None:
    other = Child(places, number=1)
    try:
        time.sleep(0.2)
        other.place.look()
        overseer.look(places)
        assert os.waitpid(child.pid, 0)[1] == signal.SIGKILL
        assert other.lives()
    finally:
        other.end()


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]
