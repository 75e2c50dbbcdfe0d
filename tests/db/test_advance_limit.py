"""An advance that does not end is broken off, whichever worker is at it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.db.test_heartbeat import beat_threads, wait_for
from tests.factories import ready_actions, start
from workflows.actions.std.echo import EchoAction
from workflows.models import ActionExecution, WorkerProcess, WorkflowExecution
from workflows.services.advancing import advance_limit, decisions
from workflows.services.advancing.advance import advance
from workflows.services.advancing.advance_limit import AdvanceLimit, AdvanceTooLong, this_limit
from workflows.services.running import process
from workflows.services.running.heartbeat import register_process, unregister_process
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db(transaction=True)

TWO = """
version: '2.0'
two:
  tasks:
    first: {action: std.sleep seconds=0, on-success: second}
    second: {action: std.echo output=1, on-error: third}
    third: {action: std.noop}
"""


@pytest.fixture(autouse=True)
def _beating(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is a worker whose beat thread is in a hurry."""
    before = [signal.getsignal(one) for one in (process.INTERRUPT_SIGNAL, _SIGNAL)]
    monkeypatch.setattr(process, "_state", None)
    monkeypatch.setattr(advance_limit, "_limit", None)
    settings.LEVANTE_BEAT_SECONDS = 0.1
    settings.LEVANTE_STOP_POLL_SECONDS = 0.05
    settings.LEVANTE_STOP_GRACE_SECONDS = 0.2
    settings.LEVANTE_ADVANCE_LIMIT_SECONDS = 0.3
    register_process("here")
    wait_for(WorkerProcess.objects.exists)
    yield
    unregister_process()
    wait_for(lambda: not beat_threads())
    signal.signal(process.INTERRUPT_SIGNAL, before[0])
    signal.signal(_SIGNAL, before[1])


_SIGNAL = advance_limit.ADVANCE_SIGNAL


def hang(*_: Any, **__: Any) -> Any:
    while True:
        time.sleep(0.01)


def test_an_inline_action_that_hangs_is_an_error_of_its_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = start(TWO)
    (action,) = ready_actions(execution.id)
    monkeypatch.setattr(EchoAction, "run", lambda self, context, output: hang())
    take_turn(action.id, execution.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    failed = ActionExecution.objects.get(name="std.echo")
    assert "It took too long to move the execution on." in failed.output["result"]


def test_a_decision_that_hangs_loses_no_result_and_counts_as_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = start(TWO)
    (action,) = ready_actions(execution.id)
    monkeypatch.setattr(decisions, "decide", hang)
    started = time.monotonic()
    with pytest.raises(AdvanceTooLong):
        take_turn(action.id, execution.id)
    assert time.monotonic() - started < 3
    action.refresh_from_db()
    execution.refresh_from_db()
    assert (action.state, action.is_handled) == ("SUCCESS", False)
    assert (execution.state, execution.advance_failures) == ("RUNNING", 1)


def test_one_that_hangs_each_time_is_ended(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.LEVANTE_MAX_ADVANCE_FAILURES = 1
    settings.LEVANTE_ADVANCE_LIMIT_SECONDS = 0.3
    execution = start(TWO)
    ActionExecution.objects.update(state="SUCCESS", output={"result": None})
    monkeypatch.setattr(decisions, "decide", hang)
    with pytest.raises(AdvanceTooLong):
        advance(execution.id)
    execution.refresh_from_db()
    assert execution.state == "ERROR"
    assert "AdvanceTooLong" in (execution.state_info or "")


def test_one_that_does_not_listen_takes_its_process_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(advance_limit.os, "kill", lambda *asked: killed.append(asked))

    def swallow() -> None:
        while not killed:
            with suppress(BaseException):
                time.sleep(0.01)

    this_limit().run(swallow)
    assert set(killed) == {(os.getpid(), signal.SIGKILL)}


def test_what_ends_in_time_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        assert this_limit().run(lambda: time.sleep(0.2)) is None
    execution = start(TWO)
    (action,) = ready_actions(execution.id)
    take_turn(action.id, execution.id)
    assert WorkflowExecution.objects.get().state == "SUCCESS"


def test_the_next_step_is_not_hit_in_place_of_the_one_that_was_meant() -> None:
    limit = AdvanceLimit()
    limit.listen()
    first: list[Any] = []
    limit.run(lambda: first.append(limit._step))

    def second() -> str:
        limit._break_off(first[0])
        limit._end_process_at(first[0])
        limit._asked = first[0]
        signal.raise_signal(_SIGNAL)
        return "done"

    assert limit.run(second) == "done"


def test_a_request_has_no_beat_and_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = AdvanceLimit()
    assert limit.run(lambda: limit._step) is None
