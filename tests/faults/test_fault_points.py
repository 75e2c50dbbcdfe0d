"""A process dies, raises, loses an answer or stands still at each step; the others finish its work.

Dying and standing still are real: the worker is a process of its own.
"""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from tests.faults.flows import Run
from tests.faults.points import KINDS, POINTS, Kind, Trap
from tests.faults.service import Broker, Service, connect, make_service, open_executions

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = """
version: '2.0'
everything:
  output: {items: <% task(items).result %>, last: <% task(last).result %>}
  tasks:
    safe: {action: test.effect seconds=0, safe-rerun: true, on-success: [unsafe, items]}
    unsafe: {action: test.effect seconds=0, on-complete: meet}
    items:
      with-items: i in [1, 2, 3]
      concurrency: 2
      action: test.effect seconds=0 value=<% $.i %>
      safe-rerun: true
      on-success: meet
    meet: {join: all, workflow: below, on-success: last}
    last: {action: test.effect seconds=0 value=7, safe-rerun: true, wait-before: 1}
below:
  tasks:
    one: {action: test.effect seconds=0, safe-rerun: true}
"""
RUN = Run("everything", {}, {"items": [1, 2, 3], "last": 7})
# Repairs have something to do only after another fault.
AFTER_A_CRASH = {"settling of lost work"}
# A turn that has lasted long enough hands on what it would go on with.
AFTER_A_TURN = {"ring of a turn", "ring of a lane"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("group", range(3))
def test_whatever_happens_at_a_step_the_work_is_finished(
    kind: Kind, group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All points of a group in one test, since emptying the database takes longer than a run."""
    service = make_service(tmp_path, monkeypatch, Broker(tmp_path / "messages"))
    service.upload(TEXT)
    for point in sorted(POINTS)[group::3]:
        happened = _run_with_fault(service, point, kind)
        assert happened, f"{point}: the worker never came there"
        assert service.run(), (point, open_executions())
        assert service.violations() == [], point


def _run_with_fault(service: Service, point: str, kind: Kind) -> bool:
    """Start an execution and run into the fault; tell whether it happened."""
    trap = Trap(kind)
    settings.LEVANTE_TURN_SECONDS = -1 if point in AFTER_A_TURN else 0.5
    if kind.needs_process:
        service.start(RUN)
        if point in AFTER_A_CRASH:
            _run_in_process(service, "work", Trap(KINDS[0]))
        return _run_in_process(service, point, trap)
    with pytest.MonkeyPatch.context() as patch:
        if point in AFTER_A_CRASH:
            service.start(RUN)
            _run_in_process(service, "work", Trap(KINDS[0]))
        trap.set(point, patch)
        if point not in AFTER_A_CRASH:
            service.attempt(lambda: service.start(RUN))
        service.run()
    return trap.passages > 0


def _run_in_process(service: Service, point: str, trap: Trap) -> bool:
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # our threads wait for nothing
        child = os.fork()
    if child == 0:
        _be_the_worker(service, point, trap)
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        _end_transactions()
        service.run()
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
        return True
    return os.WIFSIGNALED(status)


def _be_the_worker(service: Service, point: str, trap: Trap) -> None:
    """Work until the fault happens, and leave without any of what a test does at its end."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            trap.set(point, patch)
            if point == "ring of a start":
                service.attempt(lambda: service.start(RUN))
            service.run(60)
    finally:
        os._exit(0)


def _end_transactions() -> None:
    """What PostgreSQL does by itself with a transaction that stands still."""
    with connect() as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE state LIKE 'idle in transaction%%' AND datname = current_database()"
        )


def test_the_points_are_all_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was renamed or is no longer used would make its tests worthless."""
    never = Kind("never", lambda: None, is_after=False)
    traps = {point: Trap(never, passage=0) for point in POINTS}
    service = make_service(tmp_path, monkeypatch, Broker(tmp_path / "messages"))
    for point, trap in traps.items():
        trap.set(point, monkeypatch)
    service.upload(TEXT)
    for seconds in (0.5, -1):
        settings.LEVANTE_TURN_SECONDS = seconds
        service.start(RUN)
        assert service.run()
    assert service.violations() == []
    passed = {point for point, trap in traps.items() if trap.passages}
    assert set(POINTS) - passed <= AFTER_A_CRASH
