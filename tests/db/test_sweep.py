"""The sweep: everything that a crash or a lost message can leave behind is found and repaired."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import ready_actions, start, states
from workflows.canvas import Work, breaker
from workflows.engine.states import State
from workflows.models import ActionExecution, TaskExecution, Timer, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state, start_execution
from workflows.services.operation import defects, reminders, sweep
from workflows.services.operation.defects import StuckWatch, cancel_orphans, set_missing_timers
from workflows.services.operation.sweep import Sweep
from workflows.services.operation.timers import ring_due_timers
from workflows.services.running import broker_mark
from workflows.services.running.attempts import claim_action
from workflows.services.running.broker import BrokerAway
from workflows.services.running.lanes import claim_next

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)

WORK = """
version: '2.0'
job:
  tasks:
    act: {action: std.sleep seconds=0, on-error: mend}
    mend: {action: std.noop}
"""
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
ITEMS = """
version: '2.0'
crowd:
  tasks:
    rest:
      with-items: i in <% range(40) %>
      action: std.sleep seconds=0
      target: depot
"""
LIMITED = ITEMS.replace("target: depot", "concurrency: 3")


class Clock:
    """The clock by which a sweep remembers what it has seen."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reminders, "time", clock)
    return clock


class Broker:
    """A broker whose mark a test takes away."""

    def __init__(self) -> None:
        self.is_away = False
        self.mark = ""

    def talk(self, offered: str | None) -> str:
        if self.is_away:
            raise BrokerAway
        self.mark = self.mark or offered or ""
        return self.mark


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker that knows its mark."""
    broker = Broker()
    monkeypatch.setattr(broker_mark, "_talk", broker.talk)
    broker_mark.renew_mark()
    return broker


def make_old(model: type[Any], **values: Any) -> None:
    """Let rows be an hour old, and change them."""
    ago = timezone.now() - LONG_AGO
    model.objects.update(created_at=ago, updated_at=ago, **values)


def executions_rung(rung: list[Work]) -> list[UUID]:
    return [execution for work in rung for execution in work.executions]


def actions_rung(rung: list[Work]) -> list[UUID]:
    return [action.id for work in rung for action in work.actions]


def lanes_rung(rung: list[Work]) -> list[tuple[int, str]]:
    return [(lanes.count, lanes.target) for work in rung for lanes in work.lanes]


# --- executions that something waits for


def test_an_execution_that_nobody_started_is_rung(rung: list[Work]) -> None:
    done = start(WORK)
    execution = start_execution(project_id=done.project_id, workflow="job", input={}, params={})
    rung.clear()
    Sweep().ring_waiting()
    assert executions_rung(rung) == []
    make_old(WorkflowExecution)
    Sweep().ring_waiting()
    assert executions_rung(rung) == [execution.id]


def test_what_was_written_by_a_clock_that_is_ahead_is_rung(rung: list[Work]) -> None:
    """A time that has not come is no reason to wait for it."""
    ahead = timezone.now() + timedelta(hours=2)
    ended, waiting = start(WORK), start(WORK.replace("job", "other"))
    begun = start_execution(project_id=ended.project_id, workflow="job", input={}, params={})
    ActionExecution.objects.filter(execution=ended).update(
        state="SUCCESS", finished_at=ahead, updated_at=ahead
    )
    ActionExecution.objects.filter(execution=waiting).update(dispatched_at=None, created_at=ahead)
    WorkflowExecution.objects.update(created_at=ahead, updated_at=None)
    rung.clear()
    Sweep().ring_waiting()
    Sweep().resend_unclaimed()
    assert set(executions_rung(rung)) == {begun.id, ended.id}
    assert actions_rung(rung) == [ActionExecution.objects.get(execution=waiting).id]


def test_an_execution_whose_inline_actions_were_cut_off_is_rung(rung: list[Work]) -> None:
    execution = start(WORK)
    rung.clear()
    make_old(WorkflowExecution, is_cut_off=True)
    Sweep().ring_waiting()
    assert executions_rung(rung) == [execution.id]


def test_an_end_that_no_advance_saw_is_rung(rung: list[Work]) -> None:
    execution = start(WORK)
    rung.clear()
    ended = {"state": "SUCCESS", "output": {"result": None}, "finished_at": timezone.now()}
    ActionExecution.objects.update(**ended)
    Sweep().ring_waiting()
    assert executions_rung(rung) == []
    ActionExecution.objects.update(finished_at=timezone.now() - LONG_AGO)
    Sweep().ring_waiting()
    assert executions_rung(rung) == [execution.id]


def test_a_result_that_came_after_the_end_of_its_execution_is_rung(rung: list[Work]) -> None:
    execution = start(WORK)
    change_state(execution.id, State.CANCELLED)
    rung.clear()
    make_old(ActionExecution, state="SUCCESS", is_handled=False, finished_at=None)
    Sweep().ring_waiting()
    assert executions_rung(rung) == [execution.id]


def test_the_end_of_a_sub_workflow_that_its_parent_did_not_see_is_rung(rung: list[Work]) -> None:
    execution = start(PARENT)
    child = WorkflowExecution.objects.get(parent_execution_id=execution.id)
    advance(child.id)
    ActionExecution.objects.update(
        state="SUCCESS", output={"result": 1}, finished_at=timezone.now()
    )
    advance(child.id)
    rung.clear()
    make_old(WorkflowExecution)
    Sweep().ring_waiting()
    assert executions_rung(rung) == [execution.id]
    advance(execution.id)
    assert states(execution) == {"call": "SUCCESS"}


def test_an_execution_is_rung_with_growing_gaps(rung: list[Work], clock: Clock) -> None:
    start(WORK)
    rung.clear()
    make_old(WorkflowExecution, is_started=False)
    sweeper = Sweep()
    moments = []
    for second in range(50):
        clock.now = float(second)
        if sweeper.ring_waiting():
            moments.append(second)
    assert moments == [0, 3, 9, 21, 45]


# --- actions that nobody claims


def test_an_action_that_nobody_claims_is_sent_again_with_growing_gaps(rung: list[Work]) -> None:
    (action,) = ready_actions(start(WORK).id)
    rung.clear()
    sweeper = Sweep()
    assert sweeper.resend_unclaimed() == 0
    for sends in range(1, 4):
        ago = timezone.now() - timedelta(seconds=3 * 2 ** (sends - 1) + 1)
        ActionExecution.objects.filter(id=action.id).update(dispatched_at=ago)
        assert sweeper.resend_unclaimed() == 1
        action.refresh_from_db()
        assert action.send_count == sends
        assert sweeper.resend_unclaimed() == 0
    assert actions_rung(rung) == [action.id] * 3


def test_the_gap_between_two_sends_has_an_upper_limit() -> None:
    start(WORK)
    ago = timezone.now() - timedelta(seconds=601)
    ActionExecution.objects.update(dispatched_at=ago, send_count=1000)
    assert Sweep().resend_unclaimed() == 1


@pytest.mark.parametrize("column", ["is_inline", "is_handled"])
def test_an_action_that_is_not_for_a_worker_is_not_sent(column: str) -> None:
    start(WORK)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO, **{column: True})
    assert Sweep().resend_unclaimed() == 0


def test_a_claimed_action_is_not_sent_again() -> None:
    (action,) = ready_actions(start(WORK).id)
    claim_action(action.id)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    assert Sweep().resend_unclaimed() == 0


# --- items


def test_of_one_execution_only_so_many_actions_are_sent_again_at_once(
    rung: list[Work], settings: Any
) -> None:
    settings.LEVANTE_ACTIONS_SENT = 2
    tasks = "".join(f"    t{index}: {{action: std.sleep seconds=0}}\n" for index in range(5))
    wide = start(f"version: '2.0'\nwide:\n  tasks:\n{tasks}")
    start(WORK)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    rung.clear()
    sweeper = Sweep()
    counts = [sweeper.resend_unclaimed() for _ in range(4)]
    assert counts == [3, 2, 1, 0]
    assert len(set(actions_rung(rung))) == len(ready_actions(wide.id)) + 1


def test_items_are_not_sent_one_by_one() -> None:
    start(ITEMS)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    assert Sweep().resend_unclaimed() == 0


def test_items_that_nobody_works_on_get_all_their_lanes(rung: list[Work], clock: Clock) -> None:
    start(ITEMS)
    rung.clear()
    sweeper = Sweep()
    sweeper.ring_lanes()
    clock.now = 2.9
    sweeper.ring_lanes()
    assert lanes_rung(rung) == []
    clock.now = 3.0
    sweeper.ring_lanes()
    assert lanes_rung(rung) == [(16, "depot")]
    assert actions_rung(rung) == []


def test_items_with_too_few_lanes_get_one_more_at_a_time(rung: list[Work], clock: Clock) -> None:
    execution = start(ITEMS)
    claim_next(TaskExecution.objects.get(execution=execution).id, "depot")
    rung.clear()
    sweeper = Sweep()
    for clock.now in range(12):
        sweeper.ring_lanes()
    assert lanes_rung(rung) == [(1, "depot"), (1, "depot")]


def test_items_whose_lanes_are_all_at_work_get_no_more(rung: list[Work], clock: Clock) -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    for _ in range(3):
        assert claim_next(task.id, "") is not None
    rung.clear()
    sweeper = Sweep()
    for clock.now in range(12):
        sweeper.ring_lanes()
    assert lanes_rung(rung) == []


def test_waiting_items_with_room_get_a_lane(rung: list[Work], clock: Clock) -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    for _ in range(3):
        claim_next(task.id, "")
    first = ActionExecution.objects.get(task=task, item_index=0)
    ActionExecution.objects.filter(id=first.id).update(state="SUCCESS", is_handled=True)
    rung.clear()
    sweeper = Sweep()
    sweeper.ring_lanes()
    clock.now = 3.0
    sweeper.ring_lanes()
    assert lanes_rung(rung) == [(1, "")]


def test_each_target_of_the_items_gets_its_lanes(rung: list[Work], clock: Clock) -> None:
    start(ITEMS.replace("target: depot", "target: depot-<% $.i mod 2 %>"))
    rung.clear()
    sweeper = Sweep()
    sweeper.ring_lanes()
    clock.now = 3.0
    assert sweeper.ring_lanes() == 1
    assert lanes_rung(rung) == [(16, "depot-0"), (16, "depot-1")]


def test_items_of_a_paused_execution_get_no_lane(rung: list[Work], clock: Clock) -> None:
    execution = start(ITEMS)
    change_state(execution.id, State.PAUSED)
    rung.clear()
    sweeper = Sweep()
    for clock.now in range(12):
        sweeper.ring_lanes()
    assert lanes_rung(rung) == []


# --- the broker


def test_a_broker_that_lost_its_data_is_sent_everything(rung: list[Work], broker: Broker) -> None:
    execution = start(WORK)
    (action,) = ready_actions(execution.id)
    later = start_execution(project_id=execution.project_id, workflow="job", input={}, params={})
    rung.clear()
    sweeper = Sweep()
    assert sweeper.run() == 0
    ActionExecution.objects.update(send_count=20)
    broker.mark = ""
    sweeper.run()
    assert actions_rung(rung) == [action.id]
    assert executions_rung(rung) == [later.id]
    sweeper.run()
    assert actions_rung(rung) == [action.id]
    assert broker.mark


def test_all_are_sent_again_however_many_there_are(
    rung: list[Work], broker: Broker, settings: Any
) -> None:
    settings.LEVANTE_SWEEP_BATCH = 2
    for _ in range(5):
        start(WORK.replace("job", f"job{_}"))
    rung.clear()
    broker.mark = "the mark of another broker"
    Sweep().run()
    assert len(set(actions_rung(rung))) == 5


def test_a_sweep_that_ends_before_all_is_sent_leaves_the_rest_to_the_next(
    rung: list[Work], broker: Broker, settings: Any
) -> None:
    settings.LEVANTE_SWEEP_BATCH = 2
    settings.LEVANTE_SWEEP_SECONDS = 0.0
    for number in range(5):
        start(WORK.replace("job", f"job{number}"))
    rung.clear()
    broker.mark = ""
    Sweep().run()
    assert len(actions_rung(rung)) == 2
    for _ in range(4):
        Sweep().run()
    assert len(set(actions_rung(rung))) == 5


def test_nothing_is_counted_as_sent_while_the_broker_is_away(
    rung: list[Work], broker: Broker
) -> None:
    (action,) = ready_actions(start(WORK).id)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)
    rung.clear()
    broker.is_away = True
    sweeper = Sweep()
    sweeper.run()
    action.refresh_from_db()
    assert (action.send_count, actions_rung(rung)) == (0, [])
    broker.is_away = False
    sweeper.run()
    assert actions_rung(rung) == [action.id]


def test_the_mark_is_not_renewed_if_sending_failed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(WORK)
    broker.mark = ""
    monkeypatch.setattr(sweep, "ring", lambda work: breaker.trip())
    try:
        Sweep().run()
    finally:
        breaker.reset()
    assert broker.mark == ""


# --- defects


def test_a_delayed_task_without_a_timer_is_woken_up(rung: list[Work]) -> None:
    execution = start(WAITS)
    Timer.objects.all().delete()
    assert set_missing_timers() == 0
    make_old(TaskExecution)
    assert set_missing_timers() == 1
    rung.clear()
    ring_due_timers()
    assert executions_rung(rung) == [execution.id]
    advance(execution.id)
    assert states(execution) == {"act": "SUCCESS"}


def test_a_task_that_was_never_changed_is_found_as_well() -> None:
    start(WAITS)
    Timer.objects.all().delete()
    TaskExecution.objects.update(created_at=timezone.now() - LONG_AGO, updated_at=None)
    assert set_missing_timers() == 1


def test_a_sub_workflow_that_was_not_told_of_the_cancellation_is_cancelled() -> None:
    execution = start(PARENT)
    child = WorkflowExecution.objects.get(parent_execution_id=execution.id)
    advance(child.id)
    WorkflowExecution.objects.filter(id=execution.id).update(
        state="CANCELLED", finished_at=timezone.now() - LONG_AGO
    )
    assert cancel_orphans() == 1
    child.refresh_from_db()
    assert child.state == "CANCELLED"
    assert cancel_orphans() == 0


def test_an_execution_with_nothing_left_is_ended() -> None:
    execution = start(WORK)
    TaskExecution.objects.update(state="SUCCESS", is_processed=True, finished_at=timezone.now())
    assert StuckWatch().nudge_stuck() == 0
    make_old(WorkflowExecution)
    assert StuckWatch().nudge_stuck() == 1
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"


def test_an_execution_that_cannot_be_ended_is_parked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    execution = start(WORK)
    TaskExecution.objects.update(state="SUCCESS", is_processed=True)
    make_old(WorkflowExecution)
    monkeypatch.setattr(defects, "advance", lambda execution_id, force: None)
    watch = StuckWatch()
    watch.nudge_stuck()
    assert caplog.messages == []
    watch.nudge_stuck()
    assert caplog.messages[0] == "An execution has nothing left to do and does not end."
    execution.refresh_from_db()
    assert execution.state == "ERROR"
    assert execution.state_info == "No progress: nothing is left to do."


def test_an_execution_that_cannot_be_repaired_does_not_keep_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = start(WORK), start(WORK.replace("job", "other"))
    TaskExecution.objects.update(state="SUCCESS", is_processed=True, finished_at=timezone.now())
    make_old(WorkflowExecution)

    def advance_or_fail(execution_id: UUID, *, force: bool) -> None:
        if execution_id == bad.id:
            raise ValueError("broken")
        advance(execution_id, force=force)

    monkeypatch.setattr(defects, "advance", advance_or_fail)
    assert StuckWatch().nudge_stuck() == 1
    good.refresh_from_db()
    assert good.state == "SUCCESS"


def test_a_rule_that_fails_does_not_keep_the_others_from_working(
    monkeypatch: pytest.MonkeyPatch, rung: list[Work]
) -> None:
    (action,) = ready_actions(start(WORK).id)
    ActionExecution.objects.update(dispatched_at=timezone.now() - LONG_AGO)

    def fail() -> int:
        raise ValueError("broken")

    monkeypatch.setattr(sweep, "cancel_orphans", fail)
    rung.clear()
    Sweep().run()
    assert actions_rung(rung) == [action.id]


def test_a_pass_applies_every_rule(rung: list[Work]) -> None:
    execution = start(WAITS)
    Timer.objects.all().delete()
    make_old(TaskExecution)
    Sweep().run()
    assert Timer.objects.filter(execution=execution).exists()
