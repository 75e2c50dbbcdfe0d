"""The service in one process for tests: real services on a real database, a broker made of a file.

What a worker, a sweep and the passing of time do is done step by step by the test, so that it can
lose, repeat and reorder messages, and die in between.
"""

from __future__ import annotations

import logging
import pickle
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection

from tests.factories import make_caller
from tests.faults import misbehaviour
from tests.faults.flows import Run
from tests.faults.invariants import (
    CHECKS,
    FINAL,
    Facts,
    find_violations,
    no_session_is_stuck,
    queues_are_empty,
)
from tests.faults.ledger import VARIABLE, Ledger
from tests.senders import SENDERS
from workflows.actions import registry
from workflows.canvas import Work
from workflows.models.statements import execute, fetch_all, fetch_one
from workflows.services.advancing import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions import executions
from workflows.services.operation import reminders, sweep, timers
from workflows.services.operation.sweep import Sweep
from workflows.services.running import heartbeat, lanes, lost_work, turn
from workflows.services.running.process import this_process

logger = logging.getLogger(__name__)

Message: TypeAlias = tuple[str, tuple[Any, ...]]

# The database has a clock of its own, so what it compares with that clock is moved instead.
_A_SECOND_LATER = (
    "UPDATE timers SET due_at = due_at - interval '1 second'",
    "UPDATE action_executions SET started_at = started_at - interval '1 second'"
    " WHERE state = 'RUNNING' AND token IS NOT NULL",
)

# Passes without anything left to do but to wait for the sweep; far more than are ever needed.
MOST_PASSES = 60


class Interruption(Exception):
    """A fault that is raised in the middle of the service; nothing there knows it."""


@dataclass
class Broker:
    """Messages in a file, which a process that dies cannot take with it."""

    path: Path
    _read: int = 0

    def send(self, work: Work) -> None:
        with self.path.open("ab") as file:
            file.write(pickle.dumps(work))

    def take(self) -> list[Message]:
        """Give all messages sent since the last call."""
        if not self.path.exists():
            return []
        messages: list[Message] = []
        with self.path.open("rb") as file:
            file.seek(self._read)
            with suppress(EOFError):
                while True:
                    messages += split(pickle.load(file))  # noqa: S301 - our own file
            self._read = file.tell()
        return messages


@dataclass
class BadBroker(Broker):
    """Loses, repeats, delays and mixes up messages, as the random numbers say."""

    fate: random.Random = field(default_factory=random.Random)
    loss: float = 0.3
    _later: list[Message] = field(default_factory=list)
    _past: list[Message] = field(default_factory=list)

    def take(self) -> list[Message]:
        kept: list[Message] = []
        for message in [*super().take(), *self._later]:
            luck = self.fate.random()
            if luck >= self.loss:
                kept += [message] * (2 if luck > 0.85 else 1)
        self.fate.shuffle(kept)
        some = self.fate.randrange(len(kept) + 1)
        now, self._later = kept[:some], kept[some:]
        self._past += now
        if self._past and self.fate.random() < 0.2:
            now.append(self.fate.choice(self._past))
        return now


def split(work: Work) -> Iterator[Message]:
    """Give the messages that a ring would send."""
    for action in work.actions:
        yield "action", (action.id, action.execution_id, action.target)
    for one in work.lanes:
        yield from [("lane", (one.task_id, one.execution_id, one.target))] * min(one.count, 3)
    for execution_id in work.executions:
        yield "advance", (execution_id,)


@dataclass
class Clock:
    """Seconds that go by only from pass to pass, for what measures time by itself."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Service:
    """Everything that runs, one step at a time."""

    broker: Broker
    ledger: Path
    clock: Clock
    accepted: dict[UUID, Run] = field(default_factory=dict)
    sweep: Sweep = field(default_factory=Sweep)
    crashes: int = 0

    def upload(self, text: str) -> None:
        create_workflows(caller=make_caller(), text=text, namespace="", scope="private")

    def start(self, run: Run) -> UUID:
        """Start an execution, as the API does."""
        execution = executions.start_execution(
            project_id=make_caller().project_id,
            workflow=run.workflow,
            input=run.input,
            params={},
        )
        self.accepted[execution.id] = run
        return execution.id

    def is_over(self) -> bool:
        sql = "SELECT 1 FROM workflow_executions WHERE state <> ALL(%s) LIMIT 1"
        return fetch_one(sql, [FINAL]) is None

    def run(self, passes: int = MOST_PASSES) -> bool:
        """Work until everything has ended. False if it has not after so many passes."""
        for _ in range(passes):
            self.attempt(self.pass_once)
            if self.is_over():
                return True
        return False

    def pass_once(self) -> None:
        """Deliver what was sent, let a moment go by, and sweep."""
        self.clock.now += 1.0
        for sql in _A_SECOND_LATER:
            execute(sql)
        heartbeat.beat(this_process(), "test")
        for message in self.broker.take():
            self.attempt(lambda message=message: handle(message))
        self.attempt(timers.ring_due_timers)
        self.sweep.run()

    def attempt(self, job: Any) -> None:
        """Run a job as a worker would: whatever it raises is logged and forgotten."""
        try:
            job()
        except Interruption:
            self.crashes += 1
        except OperationalError:
            self.crashes += 1
            connection.close()

    def violations(self) -> list[str]:
        """Check everything that has to hold now."""
        connection.close()
        skipped = (no_session_is_stuck, queues_are_empty)
        with connect() as database:
            facts = Facts(database, None, Ledger.read(self.ledger), self.accepted)  # type: ignore[arg-type]
            return [
                text
                for check in CHECKS
                if check not in skipped
                for text in find_violations(facts, check)
            ]


def handle(message: Message) -> None:
    """Do what the job of a message does."""
    kind, ids = message
    if kind == "action":
        turn.take_turn(*ids)
    elif kind == "lane":
        lanes.run_lane(ids[0], ids[2])
        advance.advance(ids[1])
    else:
        advance.advance(*ids)


def connect() -> psycopg.Connection:
    """A connection of our own to the database of the test."""
    named = connection.settings_dict
    return psycopg.connect(
        host=named["HOST"],
        port=named["PORT"],
        user=named["USER"],
        password=named["PASSWORD"],
        dbname=named["NAME"],
        autocommit=True,
    )


def make_service(directory: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> Service:
    """Take the place of the broker, of time and of the workers, for one test."""
    ledger = directory / "ledger"
    monkeypatch.setenv(VARIABLE, str(ledger))
    for module in SENDERS:
        monkeypatch.setattr(module, "ring", broker.send)
    monkeypatch.setattr(registry, "BUILT_IN", registry.BUILT_IN)
    misbehaviour.add_actions()
    clock = Clock()
    for module in (lost_work, reminders, sweep):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(timers, "_rung", reminders.Reminders())
    monkeypatch.setattr(Sweep, "look_at_broker", lambda self: True)
    for name, value in {
        "LEVANTE_DEAD_SECONDS": 4.0,
        "LEVANTE_RESEND_SECONDS": 0.0,
        "LEVANTE_LONGEST_RESEND_SECONDS": 0.0,
        "LEVANTE_STUCK_SECONDS": 0.0,
        "LEVANTE_RECORD_SECONDS": 0.5,
        "LEVANTE_TURN_SECONDS": 0.5,
    }.items():
        monkeypatch.setattr(settings, name, value)
    return Service(broker, ledger, clock)


def open_executions() -> list[Any]:
    """What is not final, for the message of a failed test."""
    return fetch_all(
        "SELECT workflow_name, id, state FROM workflow_executions WHERE state <> ALL(%s)", [FINAL]
    )
