"""After a restore nothing runs again that must not run twice."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import ready_actions, start, states, work
from workflows.models import BrokerMark, WorkerProcess
from workflows.services.advancing.advance import advance
from workflows.services.operation import recovery
from workflows.services.operation.recovery import Recovery, preview, recover
from workflows.services.running.attempts import claim_action, record
from workflows.services.running.heartbeat import beat
from workflows.services.running.process import this_process

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = """
version: '2.0'
mixed:
  tasks:
    claimed: {action: std.sleep seconds=0, on-error: mend}
    sent: {action: std.sleep seconds=0, on-error: mend}
    safe: {action: std.sleep seconds=0, safe-rerun: true}
    asks: {action: std.async_noop}
    mend: {action: std.noop}
"""


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.LEVANTE_BEAT_SECONDS = -0.2


def test_what_may_have_run_is_lost_and_what_is_safe_runs_again() -> None:
    execution = start(TEXT)
    actions = {action.task.name: action for action in ready_actions(execution.id) if action.task}
    beat(this_process(), "test")
    claims = {name: claim_action(actions[name].id) for name in ("claimed", "safe", "asks")}
    assert claims["asks"] is not None
    record(claims["asks"], None)
    assert preview() == Recovery(lost=2, again=1)
    BrokerMark.objects.create(value="before")
    assert recover() == Recovery(lost=2, again=1)
    assert recover() == Recovery(lost=0, again=0)
    assert not WorkerProcess.objects.exists()
    assert BrokerMark.objects.get().value != "before"
    advance(execution.id)
    work(execution)
    found = states(execution)
    assert (found["claimed"], found["sent"], found["mend"]) == ("ERROR", "ERROR", "SUCCESS")
    assert (found["safe"], found["asks"]) == ("SUCCESS", "RUNNING")


def test_it_refuses_while_a_worker_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    execution = start(TEXT)
    beat(this_process(), "test")

    def live_on(seconds: float) -> None:
        beat(this_process(), "test")

    monkeypatch.setattr(recovery.time, "sleep", live_on)
    with pytest.raises(CommandError, match="Workers are running"):
        call_command("recover")
    assert len(ready_actions(execution.id)) == 4


def test_the_command_says_what_it_does() -> None:
    start(TEXT)
    output = StringIO()
    call_command("recover", "--dry-run", stdout=output)
    call_command("recover", stdout=output)
    assert output.getvalue().splitlines() == [
        "3 unsafe actions would end as lost; 0 safe ones run again.",
        "3 unsafe actions ended as lost; 0 safe ones run again.",
    ]
