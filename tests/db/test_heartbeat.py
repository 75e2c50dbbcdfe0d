"""The beat of a worker process, and how it ends the action at work without hitting another."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection

from tests.factories import ready_actions, start
from workflows.actions.base import Action, ActionContext, perform_action
from workflows.models import ActionExecution, WorkerProcess
from workflows.services.running import attempts, heartbeat, process
from workflows.services.running.heartbeat import beat, register_process, unregister_process
from workflows.services.running.process import Interrupted, WorkerState, this_process
from workflows.services.running.turn import take_turn

SLEEP = """
version: '2.0'
long:
  tasks:
    act: {action: std.sleep seconds=20}
"""


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerState]:
    """The state of a worker process that is this one, and that listens to its beat thread."""
    before = signal.getsignal(process.INTERRUPT_SIGNAL)
    monkeypatch.setattr(process, "_state", None)
    state = this_process()
    state.listen()
    yield state
    signal.signal(process.INTERRUPT_SIGNAL, before)


@pytest.fixture
def beating(state: WorkerState, settings: Any) -> Iterator[WorkerState]:
    """The same with a beat thread that is in a hurry."""
    settings.LEVANTE_BEAT_SECONDS = 0.1
    settings.LEVANTE_STOP_POLL_SECONDS = 0.05
    settings.LEVANTE_STOP_GRACE_SECONDS = 0.2
    register_process("here")
    wait_for(WorkerProcess.objects.exists)
    yield state
    unregister_process()
    wait_for(lambda: not beat_threads())


def beat_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == heartbeat.THREAD_NAME]


def wait_for(is_true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def later(seconds: float, do: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread while the test is at work."""

    def run() -> None:
        try:
            do()
        finally:
            connection.close()

    timer = threading.Timer(seconds, run)
    timer.start()
    try:
        yield
    finally:
        timer.join()


class Sleep(Action):
    """Sleeps in slices, as much Python code does."""

    name = "test.sleep"

    def run(self, context: ActionContext, seconds: float) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.001)
        return "slept"


class Stubborn(Action):
    """Swallows every interruption."""

    name = "test.stubborn"

    def run(self, context: ActionContext, seconds: float) -> str:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            with suppress(BaseException):
                time.sleep(0.01)
        return "went on"


# --- the row of the process


@pytest.mark.django_db
def test_a_beat_raises_the_counter_and_names_the_attempt(state: WorkerState) -> None:
    token = uuid4()
    beat(state, "here")
    with state.working_on(token, uuid4(), 60.0):
        beat(state, "here")
        row = WorkerProcess.objects.get()
        assert (row.id, row.pid, row.beat, row.tokens) == (state.id, os.getpid(), 2, [str(token)])
    beat(state, "here")
    row.refresh_from_db()
    assert (row.beat, row.tokens) == (3, [])


@pytest.mark.django_db
def test_a_process_that_was_taken_for_dead_reports_again(state: WorkerState) -> None:
    beat(state, "here")
    WorkerProcess.objects.all().delete()
    with state.working_on(uuid4(), uuid4(), 60.0):
        beat(state, "here")
        assert len(WorkerProcess.objects.get().tokens) == 1


@pytest.mark.django_db
def test_a_process_that_has_ended_in_order_leaves_no_row(state: WorkerState) -> None:
    beat(state, "here")
    unregister_process()
    beat(state, "here")
    assert not WorkerProcess.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_thread_beats_by_itself(beating: WorkerState) -> None:
    first = WorkerProcess.objects.get().beat
    wait_for(lambda: WorkerProcess.objects.get().beat >= first + 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [DatabaseError("gone"), ValueError("a fault of ours")])
def test_the_thread_survives_a_beat_that_fails(
    beating: WorkerState, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failures = []

    def fail(state: WorkerState, queues: str) -> None:
        failures.append(state)
        raise error

    monkeypatch.setattr(heartbeat, "beat", fail)
    wait_for(lambda: len(failures) >= 2)
    monkeypatch.setattr(heartbeat, "beat", beat)
    last = WorkerProcess.objects.get().beat
    wait_for(lambda: WorkerProcess.objects.get().beat > last)


# --- the end of an attempt


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_action_ends_its_run(beating: WorkerState) -> None:
    (action,) = ready_actions(start(SLEEP).id)
    row = ActionExecution.objects.filter(id=action.id)
    started = time.monotonic()
    with later(0.3, lambda: row.update(state="CANCELLED", is_closed=True, is_handled=True)):
        take_turn(action.id)
    assert time.monotonic() - started < 3.0
    assert row.values_list("state", "output").get() == ("CANCELLED", None)


@pytest.mark.django_db(transaction=True)
def test_an_action_whose_claim_was_given_to_another_ends_its_run(beating: WorkerState) -> None:
    (action,) = ready_actions(start(SLEEP).id)
    row, other = ActionExecution.objects.filter(id=action.id), uuid4()
    with later(0.3, lambda: row.update(token=other)):
        take_turn(action.id)
    assert row.values_list("state", "token").get() == ("RUNNING", other)


@pytest.mark.django_db(transaction=True)
def test_an_action_that_takes_too_long_is_an_error(beating: WorkerState) -> None:
    (action,) = ready_actions(start(SLEEP).id)
    ActionExecution.objects.update(timeout=0.3)
    take_turn(action.id)
    action.refresh_from_db()
    assert action.state == "ERROR"
    assert action.output == {"result": "Timeout after 0.3 seconds"}


@pytest.mark.django_db(transaction=True)
def test_an_action_without_a_limit_of_its_own_has_the_general_one(
    beating: WorkerState, settings: Any
) -> None:
    settings.LEVANTE_ACTION_TIMEOUT = 0.2
    (action,) = ready_actions(start(SLEEP).id)
    take_turn(action.id)
    action.refresh_from_db()
    assert action.output == {"result": "Timeout after 0.2 seconds"}


@pytest.mark.django_db(transaction=True)
def test_an_action_that_does_not_listen_is_failed_and_its_process_killed(
    beating: WorkerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(process.os, "kill", lambda *asked: killed.append(asked))
    monkeypatch.setattr(attempts, "find_action", lambda name: Stubborn())
    (action,) = ready_actions(start(SLEEP).id)
    ActionExecution.objects.update(timeout=0.1)
    take_turn(action.id)
    action.refresh_from_db()
    assert set(killed) == {(os.getpid(), signal.SIGKILL)}
    assert action.output == {"result": "Timeout after 0.1 seconds"}


@pytest.mark.django_db(transaction=True)
def test_an_action_goes_on_while_the_database_is_away(
    beating: WorkerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_action_id: UUID, _token: UUID) -> bool:
        raise DatabaseError("gone")

    monkeypatch.setattr(heartbeat, "is_wanted", fail)
    (action,) = ready_actions(start(SLEEP.replace("20", "0.5")).id)
    take_turn(action.id)
    action.refresh_from_db()
    assert action.state == "SUCCESS"


# --- never another one


def run_one(state: WorkerState, token: UUID, seconds: float) -> bool:
    """Run an action as a worker does; tell whether it came to its end."""
    try:
        with state.working_on(token, uuid4(), 60.0):
            return perform_action(Sleep(), ActionContext(), {"seconds": seconds}).is_success
    except Interrupted:
        return False


def test_only_the_attempt_that_was_meant_is_interrupted(state: WorkerState) -> None:
    tokens = [uuid4() for _ in range(300)]
    asked: set[UUID] = set()
    has_ended = threading.Event()

    def cancel_at_random() -> None:
        chance = random.Random(7)
        while not has_ended.is_set():
            attempt = state.attempt
            time.sleep(chance.uniform(0, 0.004))
            if attempt is not None and state.interrupt(attempt.token, "no longer wanted"):
                asked.add(attempt.token)

    canceller = threading.Thread(target=cancel_at_random)
    canceller.start()
    try:
        ended = {token: run_one(state, token, 0.003) for token in tokens}
    finally:
        has_ended.set()
        canceller.join()
    interrupted = {token for token, is_success in ended.items() if not is_success}
    assert 0 < len(interrupted) < len(tokens)
    assert interrupted <= asked
    assert state.attempt is None


def test_what_has_ended_cannot_be_interrupted(state: WorkerState) -> None:
    token = uuid4()
    assert run_one(state, token, 0.0)
    assert state.interrupt(token, "too late") is False


def test_the_bookkeeping_around_an_action_is_not_interrupted(state: WorkerState) -> None:
    token = uuid4()
    with state.working_on(token, uuid4(), 60.0):
        assert state.interrupt(token, "the action has returned already")
        time.sleep(0.01)
    assert state.attempt is None


def test_a_process_that_has_gone_on_is_not_killed(
    state: WorkerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(process.os, "kill", lambda *asked: killed.append(asked))
    with state.working_on(uuid4(), uuid4(), 60.0):
        first = state.attempt
    assert first is not None
    with state.working_on(uuid4(), uuid4(), 60.0):
        state.kill_while_at(first)
    assert killed == []
