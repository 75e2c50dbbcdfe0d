"""`manage.py sweep`: it goes on whatever happens, and stops when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workflows.embedded.state import ServersState
from workflows.management.commands import sweep
from workflows.management.commands.sweep import BeatThread, SweepLoop

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> SweepLoop:
    """A loop with timers due in 0.3 seconds, triggers in 0.9, and a sweep that does nothing."""
    monkeypatch.setattr(sweep, "close_old_connections", lambda: None)
    monkeypatch.setattr(sweep.connection, "close", lambda: None)
    monkeypatch.setattr(sweep, "ring_due_timers", lambda: 0.3)
    monkeypatch.setattr(sweep, "fire_due_triggers", lambda: 0.9)
    monkeypatch.setattr(sweep, "sync_periodic_tasks", lambda: 0)
    monkeypatch.setattr(sweep, "drop_old_fires", lambda: 0)
    monkeypatch.setattr(sweep, "drop_old_events", lambda: 0)
    loop = SweepLoop()
    monkeypatch.setattr(loop._sweep, "run", lambda: 0)
    return loop


def fail() -> float:
    raise ValueError("broken")


def test_it_sleeps_until_the_next_timer(loop: SweepLoop) -> None:
    assert loop.run_once() == 0.3


def test_it_sleeps_until_the_next_trigger(loop: SweepLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "fire_due_triggers", lambda: 0.2)
    assert loop.run_once() == 0.2


def test_triggers_that_fail_do_not_keep_the_sweep_away(
    loop: SweepLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    monkeypatch.setattr(loop._sweep, "run", lambda: passes.append(1))
    monkeypatch.setattr(sweep, "fire_due_triggers", fail)
    assert loop.run_once() == 0.3
    assert passes == [1]


def test_it_sleeps_until_the_next_pass_if_that_comes_first(
    loop: SweepLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ring_due_timers", lambda: 1.0)
    loop.run_once()
    time.sleep(0.2)
    assert 0.5 < loop.run_once() < 0.81


def test_it_waits_longer_after_each_failure(
    loop: SweepLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ring_due_timers", fail)
    assert [loop.run_once() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    monkeypatch.setattr(sweep, "ring_due_timers", lambda: 0.1)
    assert loop.run_once() == 0.1
    monkeypatch.setattr(sweep, "ring_due_timers", fail)
    assert loop.run_once() == 0.5


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_survives_a_database_without_tables_and_stops_in_order(
    servers: ServersState, tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "log"
    addresses = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sweep", "--skip-checks"],
            cwd=ROOT,
            env=os.environ | addresses | settings,
            stderr=output,
        )
    try:
        wait_for(lambda: log.read_text().count("A pass of the sweep failed") >= 2)
        process.send_signal(how)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


class Schedule:
    """Stands for the scheduler of Celery: fails once, and is due again after a moment."""

    def __init__(self) -> None:
        self.ticks = 0
        self.closed_after = 0

    def tick(self) -> float:
        self.ticks += 1
        if self.ticks == 2:
            raise ValueError("broken")
        return 0.01

    def should_sync(self) -> bool:
        return False

    def close(self) -> None:
        self.closed_after = self.ticks


def test_beat_goes_on_after_a_failure_and_writes_down_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "_LONGEST_AFTER_FAILURE", 0.01)
    monkeypatch.setattr(sweep.connection, "close", lambda: None)
    beat, schedule = BeatThread(), Schedule()
    beat._service.__dict__["scheduler"] = schedule
    beat.start()
    wait_for(lambda: schedule.ticks > 3)
    beat.stop()
    assert not beat._thread.is_alive()
    assert schedule.closed_after == schedule.ticks
