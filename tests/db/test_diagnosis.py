"""The doctor: what is wrong is found, with a reason and a way out, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.factories import make_caller, ready_actions, start, work
from workflows.engine.states import State
from workflows.models import (
    ActionExecution,
    QueueProbe,
    TaskExecution,
    Timer,
    WorkerProcess,
    WorkflowExecution,
)
from workflows.services.advancing.parking import NO_PROGRESS, count_failure, park
from workflows.services.executions.executions import change_state, start_execution
from workflows.services.operation import diagnosis
from workflows.services.operation.diagnosis import find_problems
from workflows.services.running.attempts import claim_action
from workflows.services.running.heartbeat import beat
from workflows.services.running.process import this_process

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=2)
TEXT = """
version: '2.0'
job:
  tasks:
    act: {action: std.sleep seconds=0, timeout: 1000}
"""
PARENT = """
version: '2.0'
parent:
  tasks:
    call: {workflow: job}
"""


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service in which everything is there."""
    monkeypatch.setattr(diagnosis, "is_reachable", lambda: True)
    beat(this_process(), "test")
    now = timezone.now()
    QueueProbe.objects.create(name="engine", sent_at=now, answered_at=now)


def found() -> list[str]:
    return [finding.what for finding in find_problems()]


def test_a_service_at_work_has_no_findings() -> None:
    execution = start(TEXT)
    (action,) = ready_actions(execution.id)
    assert claim_action(action.id) is not None
    start(TEXT.replace("job", "other"))
    assert found() == []


def test_an_execution_that_nobody_starts_is_found() -> None:
    start(TEXT)
    execution = start_execution(
        project_id=make_caller().project_id, workflow="job", input={}, params={}
    )
    WorkflowExecution.objects.filter(id=execution.id).update(created_at=timezone.now() - LONG_AGO)
    (finding,) = find_problems()
    assert (finding.what, finding.count) == ("executions that have not started", 1)
    assert finding.examples == (str(execution.id),)
    assert "engine" in finding.reason


def test_an_action_that_nobody_takes_is_found() -> None:
    start(TEXT)
    past = timezone.now() - LONG_AGO
    ActionExecution.objects.update(dispatched_at=past, created_at=past)
    assert found() == ["actions that nobody takes"]


def test_an_action_whose_worker_is_lost_is_found() -> None:
    execution = start(TEXT)
    (action,) = ready_actions(execution.id)
    claim_action(action.id)
    ActionExecution.objects.update(
        started_at=timezone.now() - timedelta(minutes=10), process_id=uuid4()
    )
    assert found() == ["actions whose worker is lost"]


def test_an_action_past_its_time_is_found() -> None:
    execution = start(TEXT)
    (action,) = ready_actions(execution.id)
    claim_action(action.id)
    ActionExecution.objects.update(started_at=timezone.now() - LONG_AGO)
    assert found() == ["actions past their time"]


def test_a_result_that_nobody_has_looked_at_is_found() -> None:
    start(TEXT)
    past = timezone.now() - LONG_AGO
    ActionExecution.objects.update(state="SUCCESS", finished_at=past)
    assert found() == ["results that nobody has looked at"]


def test_an_overdue_timer_is_found_unless_its_execution_is_paused() -> None:
    execution = start(TEXT.replace("timeout: 1000", "wait-before: 1000"))
    Timer.objects.update(due_at=timezone.now() - LONG_AGO)
    assert found() == ["timers that are overdue"]
    WorkflowExecution.objects.filter(id=execution.id).update(state="PAUSED")
    assert found() == []


def test_an_execution_with_nothing_left_to_do_is_found() -> None:
    execution = start(TEXT)
    work(execution)
    past = timezone.now() - LONG_AGO
    WorkflowExecution.objects.update(state="RUNNING", updated_at=past, created_at=past)
    assert found() == ["executions with nothing left to do"]


def test_a_sub_workflow_that_was_not_told_is_found() -> None:
    start(TEXT)
    parent = start(PARENT)
    past = timezone.now() - LONG_AGO
    WorkflowExecution.objects.filter(id=parent.id).update(state="CANCELLED", finished_at=past)
    TaskExecution.objects.filter(execution=parent).update(state="CANCELLED")
    assert "sub-workflows of what was cancelled" in found()


@pytest.mark.parametrize(
    "give_up",
    [lambda key: count_failure(key, "Broken"), lambda key: park(key, NO_PROGRESS)],
)
def test_an_execution_that_was_given_up_is_found(give_up: Any, settings: Any) -> None:
    settings.LEVANTE_MAX_ADVANCE_FAILURES = 1
    stopped, execution = start(TEXT), start(PARENT)
    change_state(stopped.id, State.ERROR, state_info="No progress here.")
    assert found() == []
    give_up(execution.id)
    assert found() == ["executions that were given up"]


def test_missing_parts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "is_reachable", lambda: False)
    WorkerProcess.objects.update(beat_at=timezone.now() - LONG_AGO)
    QueueProbe.objects.update(sent_at=timezone.now() - LONG_AGO)
    assert found() == ["the broker", "workers", "the sweep", "dead worker processes"]
    QueueProbe.objects.update(sent_at=timezone.now() - timedelta(seconds=40), answered_at=None)
    assert "queues that nobody listens to" in found()


def test_the_command_says_so_and_fails() -> None:
    output = StringIO()
    call_command("doctor", stdout=output)
    assert output.getvalue() == "Nothing is stuck, lost or overdue.\n"
    start(TEXT)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=output)
    assert ended.value.code == 1
    assert "actions that nobody takes: 1" in output.getvalue()
    assert "what now:" in output.getvalue()
    answer = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=answer)
    (finding,) = json.loads(answer.getvalue())
    assert finding["count"] == 1


def test_no_check_reads_what_has_ended(settings: Any, django_assert_max_num_queries: Any) -> None:
    """Each check is one statement, so that a look is cheap."""
    with django_assert_max_num_queries(20):
        find_problems()
