"""The sweep: everything that a crash or a lost message can leave behind is found and repaired."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.factories import ready_actions, start, states
from workflows.canvas import Work
from workflows.engine.states import State
from workflows.models import (
    ActionExecution,
    TaskExecution,
    Timer,
    WorkerProcess,
    WorkflowExecution,
)
from workflows.services import sweep
from workflows.services.advance import advance
from workflows.services.attempts import claim_action
from workflows.services.executions import start_execution
from workflows.services.process import this_process
from workflows.services.sweep import LOST, Sweep
from workflows.services.timers import ring_due_timers

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)

WORK = """
version: '2.0'
job:
  tasks:
    act: {action: std.sleep seconds=0, on-error: mend}
    mend: {action: std.noop}
"""
SAFE = WORK.replace("seconds=0,", "seconds=0, safe-rerun: true,")
WAITS = """
version: '2.0'
later:
  tasks:
    act: {action: std.noop, wait-before: 60}
"""
PARENT = """
version: '2.0'
parent:
  tasks:
    call: {workflow: child}
child:
  tasks:
    ask: {action: std.async_noop}
"""


def executions_rung(rung: list[Work]) -> set[object]:
    return {execution for work in rung for execution in work.executions}


def actions_rung(rung: list[Work]) -> set[object]:
    return {action.id for work in rung for action in work.actions}


def test_an_execution_that_nobody_started_is_rung(rung: list[Work]) -> None:
    done = start(WORK)
    execution = start_execution(project_id=done.project_id, workflow="job", input={}, params={})
    WorkflowExecution.objects.filter(id=execution.id).update(created_at=timezone.now() - LONG_AGO)
    rung.clear()
    sweep.advance_waiting()
    assert execution.id in executions_rung(rung)


def test_an_action_that_nobody_claims_is_sent_again_with_growing_gaps(rung: list[Work]) -> None:
    (action,) = ready_actions(start(WORK).id)
    rung.clear()
    assert sweep.resend_unclaimed() == 0
    for sends in range(1, 4):
        ago = timezone.now() - timedelta(seconds=3 * 2 ** (sends - 1) + 1)
        ActionExecution.objects.filter(id=action.id).update(dispatched_at=ago)
        assert sweep.resend_unclaimed() == 1
        action.refresh_from_db()
        assert action.send_count == sends
        assert sweep.resend_unclaimed() == 0
    assert actions_rung(rung) == {action.id}


def test_a_claimed_action_is_not_sent_again(rung: list[Work]) -> None:
    (action,) = ready_actions(start(WORK).id)
    claim_action(action.id)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    assert sweep.resend_unclaimed() == 0


def test_an_end_that_no_advance_saw_is_rung(rung: list[Work]) -> None:
    execution = start(WORK)
    ActionExecution.objects.filter(execution=execution).update(
        state="SUCCESS", output={"result": None}, finished_at=timezone.now() - LONG_AGO
    )
    WorkflowExecution.objects.update(created_at=timezone.now() - LONG_AGO)
    rung.clear()
    sweep.advance_waiting()
    assert executions_rung(rung) == {execution.id}


def dead_process() -> WorkerProcess:
    now = timezone.now()
    return WorkerProcess.objects.create(
        id=this_process().id, host="here", pid=1, started_at=now, beat=7, beat_at=now
    )


@pytest.fixture
def impatient(settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of the sweep that the test sets."""
    now = [0.0]
    monkeypatch.setattr(sweep.time, "monotonic", lambda: now[0])
    return now


def test_a_lost_worker_fails_its_unsafe_action(impatient: list[float]) -> None:
    execution = start(WORK)
    claim_action(ready_actions(execution.id)[0].id)
    dead_process()
    sweeper = Sweep()
    sweeper.bury_dead_processes()
    impatient[0] = 29.0
    assert sweeper.bury_dead_processes() == 0
    impatient[0] = 31.0
    assert sweeper.bury_dead_processes() == 1
    assert not WorkerProcess.objects.exists()
    action = ActionExecution.objects.get(execution=execution)
    assert (action.state, action.output) == ("ERROR", {"result": LOST})
    advance(execution.id)
    assert states(execution) == {"act": "ERROR", "mend": "SUCCESS"}


def test_a_lost_worker_gives_its_safe_action_back_three_times(impatient: list[float]) -> None:
    execution = start(SAFE)
    for attempt in range(1, 4):
        (action,) = ready_actions(execution.id)
        claim_action(action.id)
        dead_process()
        sweeper = Sweep()
        sweeper.bury_dead_processes()
        impatient[0] += 31.0
        sweeper.bury_dead_processes()
        action.refresh_from_db()
        assert action.starts == attempt
    assert (action.state, action.output) == ("ERROR", {"result": LOST})


def test_a_process_whose_counter_moves_is_alive(impatient: list[float]) -> None:
    start(WORK)
    process = dead_process()
    sweeper = Sweep()
    for beat in range(8, 20):
        sweeper.bury_dead_processes()
        impatient[0] += 20.0
        WorkerProcess.objects.filter(id=process.id).update(beat=beat)
    assert WorkerProcess.objects.exists()


def test_a_claim_that_its_living_process_does_not_name_is_settled() -> None:
    execution = start(WORK)
    claim_action(ready_actions(execution.id)[0].id)
    dead_process()
    ActionExecution.objects.update(started_at=timezone.now() - LONG_AGO)
    assert sweep.settle_abandoned() == 1
    assert ActionExecution.objects.get(execution=execution).state == "ERROR"


def test_a_claim_that_its_process_names_is_left_alone() -> None:
    execution = start(WORK)
    claim = claim_action(ready_actions(execution.id)[0].id)
    assert claim is not None
    process = dead_process()
    process.tokens = [str(claim.token)]
    process.save()
    ActionExecution.objects.update(started_at=timezone.now() - LONG_AGO)
    assert sweep.settle_abandoned() == 0


def test_a_delayed_task_without_a_timer_is_woken_up(rung: list[Work]) -> None:
    execution = start(WAITS)
    Timer.objects.all().delete()
    TaskExecution.objects.update(updated_at=timezone.now() - LONG_AGO)
    assert sweep.set_missing_timers() == 1
    rung.clear()
    ring_due_timers()
    assert executions_rung(rung) == {execution.id}
    advance(execution.id)
    assert states(execution) == {"act": "SUCCESS"}


def test_a_timer_rings_when_it_is_due_and_not_before(rung: list[Work]) -> None:
    execution = start(WAITS)
    rung.clear()
    ring_due_timers()
    assert executions_rung(rung) == set()
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    ring_due_timers()
    assert executions_rung(rung) == {execution.id}


def test_a_paused_execution_is_not_woken_up(rung: list[Work]) -> None:
    start(WAITS)
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    WorkflowExecution.objects.update(state=State.PAUSED)
    rung.clear()
    ring_due_timers()
    assert executions_rung(rung) == set()


def test_a_sub_workflow_that_was_not_told_of_the_cancellation_is_cancelled() -> None:
    execution = start(PARENT)
    child = WorkflowExecution.objects.get(parent_execution_id=execution.id)
    advance(child.id)
    WorkflowExecution.objects.filter(id=execution.id).update(
        state="CANCELLED", finished_at=timezone.now() - LONG_AGO
    )
    assert sweep.cancel_orphans() == 1
    child.refresh_from_db()
    assert child.state == "CANCELLED"


def test_an_execution_with_nothing_left_is_ended() -> None:
    execution = start(WORK)
    TaskExecution.objects.filter(execution=execution).update(
        state="SUCCESS", is_processed=True, finished_at=timezone.now()
    )
    WorkflowExecution.objects.update(updated_at=timezone.now() - LONG_AGO)
    assert sweep.nudge_stuck() == 1
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"


def test_a_rule_that_fails_does_not_keep_the_others_from_working(
    monkeypatch: pytest.MonkeyPatch, rung: list[Work]
) -> None:
    (action,) = ready_actions(start(WORK).id)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)

    def fail() -> int:
        raise ValueError("broken")

    monkeypatch.setattr(sweep, "advance_waiting", fail)
    rung.clear()
    Sweep().run()
    assert action.id in actions_rung(rung)


def test_a_new_token_is_not_the_old_one() -> None:
    (action,) = ready_actions(start(SAFE).id)
    first = claim_action(action.id)
    assert first is not None
    ActionExecution.objects.filter(id=action.id).update(token=None, process_id=uuid4())
    second = claim_action(action.id)
    assert second is not None
    assert first.token != second.token
