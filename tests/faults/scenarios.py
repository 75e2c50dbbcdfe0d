"""The shortest situations in which a safeguard makes the difference, each checked to its end."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from tests.factories import ready_actions, start
from tests.faults.flows import TEXT, Run
from tests.faults.mutations import UNIQUE_KEYS
from tests.faults.service import BadBroker, Broker, make_service
from workflows.actions.base import Outcome
from workflows.engine.states import State
from workflows.models import ActionExecution, HistoryEvent, JoinArrival, TaskExecution, Timer
from workflows.models.statements import fetch_all
from workflows.services.advancing import advance as advance_module
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state
from workflows.services.operation.sweep import Sweep
from workflows.services.running import broker_mark
from workflows.services.running.attempts import claim_action, record
from workflows.services.running.lost_work import settle

SLEEP = """
version: '2.0'
sleepy:
  tasks:
    nap: {action: std.sleep seconds=0, safe-rerun: true, publish: {it: <% task().result %>}}
"""
JOIN = """
version: '2.0'
meeting:
  tasks:
    a: {action: std.async_noop, on-success: all}
    b: {action: std.async_noop, on-success: all}
    c: {action: std.async_noop, on-success: all}
    all: {join: all, action: std.noop}
"""
_CLAIMS_SQL = """
    SELECT id, token, is_safe_rerun, starts, execution_id, target FROM action_executions
    WHERE id = %s
"""


def lost_messages_delay_only(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that loses a third of all messages cannot keep an execution from its end."""
    broker = BadBroker(directory / "messages", fate=random.Random(5), loss=0.9)
    service = make_service(directory, monkeypatch, broker)
    service.upload(TEXT)
    service.start(Run("chain", {"n": [1] * 8}, {"total": 8}))
    service.start(Run("items", {"n": [1, 2, 3]}, {"all": [2, 4, 6]}))
    assert service.run(40)
    assert service.violations() == []


def late_results_are_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process finishes that was taken for dead comes too late: another one has the work."""
    make_service(directory, monkeypatch, Broker(directory / "messages"))
    execution = start(SLEEP)
    (action,) = ready_actions(execution.id)
    frozen = claim_action(action.id)
    settle(fetch_all(_CLAIMS_SQL, [action.id]))
    second = claim_action(action.id)
    assert frozen is not None
    assert second is not None
    assert not record(frozen, Outcome(is_success=True, result="old"))
    assert record(second, Outcome(is_success=True, result="new"))
    advance(execution.id)
    execution.refresh_from_db()
    assert execution.output == {"it": "new"}


def a_message_that_comes_twice_runs_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_service(directory, monkeypatch, Broker(directory / "messages"))
    execution = start(SLEEP)
    (action,) = ready_actions(execution.id)
    assert claim_action(action.id) is not None
    assert claim_action(action.id) is None


def a_request_waits_for_a_decision(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cancels an execution while its end is being decided comes too late."""
    make_service(directory, monkeypatch, Broker(directory / "messages"))
    execution = start(SLEEP)
    decide = advance_module.decide_on
    has_decided, may_write = threading.Event(), threading.Event()

    def decide_slowly(*arguments: Any) -> Any:
        decision = decide(*arguments)
        if threading.current_thread() is first:
            has_decided.set()
            may_write.wait(10)
        return decision

    def do(job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            connection.close()

    monkeypatch.setattr(advance_module, "decide_on", decide_slowly)
    _end(ready_actions(execution.id)[0].id)
    first = threading.Thread(target=do, args=[lambda: advance(execution.id)])
    second = threading.Thread(target=do, args=[lambda: change_state(execution.id, State.CANCELLED)])
    first.start()
    assert has_decided.wait(10)
    second.start()
    _wait_until_somebody_waits_for_a_lock()
    may_write.set()
    first.join(10)
    second.join(10)
    events = HistoryEvent.objects.filter(execution=execution, task_id=None).order_by("id")
    ends = [event.state_to for event in events if event.state_to != "RUNNING"]
    assert ends == ["SUCCESS"]


def a_broker_without_memory_is_noticed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent to a broker that lost it is sent again at once, not after its time."""
    look = Sweep.look_at_broker
    service = make_service(directory, monkeypatch, Broker(directory / "messages"))
    memory: dict[str, str] = {}

    def talk(offered: str | None) -> str:
        if offered is not None:
            memory.setdefault("mark", offered)
        return memory.get("mark", "")

    monkeypatch.setattr(Sweep, "look_at_broker", look)
    monkeypatch.setattr(broker_mark, "_talk", talk)
    monkeypatch.setattr(settings, "LEVANTE_RESEND_SECONDS", 1000.0)
    monkeypatch.setattr(settings, "LEVANTE_LONGEST_RESEND_SECONDS", 1000.0)
    service.sweep.run()
    execution = start(SLEEP)
    service.broker.take()
    service.sweep.run()
    assert service.broker.take() == []
    memory.clear()
    service.sweep.run()
    (action,) = ready_actions(execution.id)
    assert ("action", (action.id, execution.id, "")) in service.broker.take()


def the_database_refuses_seconds(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second join, arrival or timer cannot be stored, whatever the code above does."""
    make_service(directory, monkeypatch, Broker(directory / "messages"))
    execution = start(JOIN)
    for action in ready_actions(execution.id)[:1]:
        _end(action.id)
    advance(execution.id)
    join = TaskExecution.objects.get(execution=execution, name="all")
    arrival = JoinArrival.objects.get(join=join)
    timer = Timer(execution=execution, task=join, kind="retry", due_at=execution.created_at)
    timer.save(force_insert=True)
    refused = 0
    for row in (join, arrival, timer):
        row.pk = None if row is arrival else uuid4()
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            refused += 1
    assert refused == len(UNIQUE_KEYS) + 1  # and the index


def _end(action_id: object) -> None:
    ActionExecution.objects.filter(id=action_id).update(
        state="SUCCESS", output={"result": None}, finished_at=_now()
    )


def _wait_until_somebody_waits_for_a_lock() -> None:
    sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + 4
    while not fetch_all(sql) and time.monotonic() < deadline:
        time.sleep(0.01)


def _now() -> Any:
    return fetch_all("SELECT clock_timestamp()")[0][0]


Scenario = Callable[[Path, pytest.MonkeyPatch], None]
# What goes wrong without each safeguard.
SCENARIOS: Final[dict[str, Scenario]] = {
    "sweep": lost_messages_delay_only,
    "token": late_results_are_refused,
    "claim": a_message_that_comes_twice_runs_once,
    "lock": a_request_waits_for_a_decision,
    "mark": a_broker_without_memory_is_noticed,
    "unique keys": the_database_refuses_seconds,
}
