"""Cron triggers on a fake clock: each slot once, what is missed, overlaps, pauses, failures."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pytest_django import Settings

from tests.factories import make_caller
from workflows.canvas import Work
from workflows.errors import Conflict, NotFound, NotPermitted, RequestInvalid, WorkflowsError
from workflows.models import CronFire, CronTrigger, Project, WorkflowDefinition, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows, delete_workflow
from workflows.services.operation.maintenance import set_status
from workflows.services.triggers import cron_firing
from workflows.services.triggers.cron_firing import (
    drop_old_fires,
    fire_due_triggers,
    fire_trigger,
    run_trigger_now,
    start_waiting,
)
from workflows.services.triggers.cron_triggers import (
    create_cron_trigger,
    delete_cron_trigger,
    pause_cron_trigger,
    resume_cron_trigger,
    update_cron_trigger,
)
from workflows.services.triggers.schedules import CronSchedule, next_slots

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = """
version: '2.0'
hello:
  input: [who: world]
  tasks:
    greet:
      action: std.noop
"""
START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _workflow() -> None:
    create_workflows(caller=make_caller(), text=HELLO)


def make_trigger(**changes: Any) -> CronTrigger:
    """A trigger that was made at START."""
    given: dict[str, Any] = {"name": "t", "workflow": "hello", "pattern": "0 * * * *"} | changes
    later = {key: given.pop(key) for key in ("catch_up_limit",) if key in given}
    with time_machine.travel(START, tick=False):
        trigger = create_cron_trigger(caller=make_caller(), **given)
        if later:
            trigger = update_cron_trigger(
                caller=make_caller(), trigger_id=trigger.pk, changes=later
            )
    return trigger


def slots(outcome: str = "started") -> list[datetime]:
    return list(
        CronFire.objects.filter(outcome=outcome).order_by("slot").values_list("slot", flat=True)
    )


def finish_runs() -> None:
    WorkflowExecution.objects.update(state="SUCCESS")


def test_a_slot_starts_the_workflow_as_the_project_of_the_trigger(rung: list[Work]) -> None:
    trigger = make_trigger(input={"who": "cron"}, params={"env": {"a": 1}})
    assert trigger.next_time == datetime(2026, 3, 1, 13, tzinfo=UTC)
    fire_due_triggers(START + timedelta(minutes=59))
    assert not WorkflowExecution.objects.exists()
    fire_due_triggers(START + timedelta(minutes=60))
    execution = WorkflowExecution.objects.get()
    assert execution.project_id == trigger.project_id
    assert execution.input == {"who": "cron"}
    assert execution.params["env"] == {"a": 1}
    assert json.loads(execution.description) == {
        "description": f"Workflow execution created by cron trigger '({trigger.pk})'.",
        "triggered_by": {"type": "cron_trigger", "id": str(trigger.pk)},
    }
    assert rung == [Work(executions=(execution.pk,))]
    fire = CronFire.objects.get()
    assert (fire.slot, fire.execution_id) == (datetime(2026, 3, 1, 13, tzinfo=UTC), execution.pk)
    trigger.refresh_from_db()
    assert trigger.next_time == datetime(2026, 3, 1, 14, tzinfo=UTC)
    assert trigger.periodic_task.total_run_count == 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"])
def test_over_a_year_each_slot_is_run_exactly_once(zone: str, settings: Settings) -> None:
    """Looks come at uneven times, some twice, and all slots are caught up."""
    settings.LEVANTE_TRIGGER_GRACE_SECONDS = 3 * 24 * 3600
    chance = random.Random(zone)
    trigger = make_trigger(pattern="30 2 * * *", time_zone=zone)
    now, end = START, START + timedelta(days=365)
    while now < end:
        now += timedelta(seconds=chance.choice([60, 3600, 20 * 3600, 60 * 3600]))
        for _ in range(chance.choice([1, 2])):
            fire_due_triggers(now)
    expected = next_slots(CronSchedule("30 2 * * *", ZoneInfo(zone)), START, 400)
    assert slots() == [slot for slot in expected if slot <= now]
    assert WorkflowExecution.objects.count() == len(slots())
    trigger.refresh_from_db()
    assert trigger.next_time == next(slot for slot in expected if slot > now)


def test_a_slot_whose_row_is_there_is_not_run_again() -> None:
    """Whatever made the row: a restore of an older trigger, or somebody without the lock."""
    trigger = make_trigger()
    fire_due_triggers(START + timedelta(hours=1))
    CronTrigger.objects.filter(pk=trigger.pk).update(next_time=datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert fire_trigger(trigger.pk, START + timedelta(hours=1)) == 0
    assert WorkflowExecution.objects.count() == 1


@pytest.mark.parametrize(
    ("catch_up", "limit", "runs", "skipped"),
    [("none", 100, 0, 10), ("last", 100, 1, 9), ("all", 100, 10, 0), ("all", 4, 4, 6)],
)
def test_what_was_missed_follows_the_policy(
    catch_up: str, limit: int, runs: int, skipped: int
) -> None:
    make_trigger(catch_up=catch_up, catch_up_limit=limit)
    now = START + timedelta(hours=10, minutes=30)  # ten slots, the last one half an hour ago
    fire_due_triggers(now)
    fire_due_triggers(now)
    assert len(slots()) == WorkflowExecution.objects.count() == runs
    assert sum(CronFire.objects.filter(outcome="skipped").values_list("slots", flat=True)) == (
        skipped
    )
    fire_due_triggers(datetime(2026, 3, 1, 23, 0, 10, tzinfo=UTC))
    assert slots()[runs:] == [datetime(2026, 3, 1, 23, tzinfo=UTC)]


def test_a_long_absence_costs_no_more_than_a_short_one() -> None:
    make_trigger(pattern="* * * * * *")
    now = START + timedelta(days=400)
    for _ in range(4):
        fire_due_triggers(now)
    expected = [now - timedelta(seconds=seconds) for seconds in range(61, -1, -1)]
    assert slots() == expected  # the last one that was missed, and those of the last minute
    assert CronFire.objects.get(outcome="skipped").slots == 1_000  # counting ends there


def test_a_count_goes_down_and_the_last_run_takes_the_trigger_along() -> None:
    trigger = make_trigger(remaining=2)
    fire_due_triggers(START + timedelta(hours=1))
    trigger.refresh_from_db()
    assert trigger.remaining == 1
    assert json.loads(trigger.periodic_task.kwargs)["count"] == 1
    task = trigger.periodic_task
    fire_due_triggers(START + timedelta(hours=2))
    assert not CronTrigger.objects.exists()
    assert not type(task).objects.filter(pk=task.pk).exists()
    assert len(slots()) == 2


def test_a_first_time_comes_even_if_it_does_not_match() -> None:
    trigger = make_trigger(first_time="2026-03-01 12:07")
    assert trigger.next_time == datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
    fire_due_triggers(START + timedelta(minutes=7))
    trigger.refresh_from_db()
    assert trigger.next_time == datetime(2026, 3, 1, 13, tzinfo=UTC)


def test_a_first_time_alone_is_one_run_however_late() -> None:
    trigger = make_trigger(pattern=None, first_time="2026-03-01 12:07")
    assert (trigger.remaining, trigger.pattern) == (1, None)
    fire_due_triggers(START + timedelta(days=3))
    assert slots() == [datetime(2026, 3, 1, 12, 7, tzinfo=UTC)]
    assert not CronTrigger.objects.exists()


def test_skip_leaves_out_what_would_overlap() -> None:
    make_trigger(overlap="skip")
    for hour in (1, 2):
        fire_due_triggers(START + timedelta(hours=hour))
    assert len(slots()) == 1
    assert "was not over" in CronFire.objects.get(outcome="skipped").reason
    finish_runs()
    fire_due_triggers(START + timedelta(hours=3))
    assert len(slots()) == 2


def test_queue_starts_one_after_the_other(settings: Settings) -> None:
    settings.LEVANTE_TRIGGER_QUEUE = 2
    trigger = make_trigger(overlap="queue", remaining=5)
    for hour in (1, 2, 3, 4):
        fire_due_triggers(START + timedelta(hours=hour))
    assert (len(slots()), len(slots("waiting")), len(slots("skipped"))) == (1, 2, 1)
    assert start_waiting(trigger.pk, START + timedelta(hours=4)) is None
    finish_runs()
    fire_due_triggers(START + timedelta(hours=4, minutes=1))
    assert (len(slots()), len(slots("waiting"))) == (2, 1)
    fire_due_triggers(START + timedelta(hours=5))  # the count ends, and two wait
    assert CronTrigger.objects.get().next_time is None
    for _ in range(3):
        finish_runs()
        fire_due_triggers(START + timedelta(hours=6))
    assert (len(slots()), len(slots("waiting"))) == (4, 0)
    assert not CronTrigger.objects.exists()


def test_a_pause_holds_back_and_its_slots_are_noted() -> None:
    trigger = make_trigger(catch_up="all")
    pause_cron_trigger(caller=make_caller(), trigger_id=trigger.pk)
    assert not CronTrigger.objects.get().periodic_task.enabled
    fire_due_triggers(START + timedelta(hours=3))
    assert slots() == []
    resume_cron_trigger(caller=make_caller(), trigger_id=trigger.pk, now=START + timedelta(hours=3))
    fire_due_triggers(START + timedelta(hours=3))
    noted = CronFire.objects.get()
    assert (noted.outcome, noted.slots, noted.reason) == (
        "skipped", 3, "The trigger was paused.",
    )  # fmt: skip
    assert CronTrigger.objects.get().next_time == datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_run_now_is_beside_the_slots() -> None:
    trigger = make_trigger(remaining=3)
    fire = run_trigger_now(trigger, START + timedelta(minutes=1))
    assert (fire.outcome, fire.is_manual) == ("started", True)
    trigger.refresh_from_db()
    assert (trigger.remaining, trigger.next_time) == (3, datetime(2026, 3, 1, 13, tzinfo=UTC))


def test_a_start_that_fails_is_noted_and_holds_nobody_back() -> None:
    bad, good = make_trigger(name="bad"), make_trigger(name="good")
    CronTrigger.objects.filter(pk=bad.pk).update(workflow_id=uuid4())
    fire_due_triggers(START + timedelta(hours=1))
    failed = CronFire.objects.get(trigger_id=bad.pk)
    assert failed.outcome == "failed"
    assert "Workflow not found" in failed.reason
    assert CronFire.objects.get(trigger_id=good.pk).outcome == "started"
    bad.refresh_from_db()
    assert bad.problem == failed.reason
    assert bad.next_time == datetime(2026, 3, 1, 14, tzinfo=UTC)
    CronTrigger.objects.filter(pk=bad.pk).update(workflow_id=good.workflow_id, input={"unknown": 1})
    fire_due_triggers(START + timedelta(hours=2))
    assert "Invalid input" in CronFire.objects.filter(trigger_id=bad.pk).latest("slot").reason


def test_an_unexpected_error_is_noted_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    make_trigger()

    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("workflows.services.triggers.cron_firing.prepare_execution", broken)
    fire_due_triggers(START + timedelta(hours=1))
    fire = CronFire.objects.get()
    assert (fire.outcome, fire.reason) == ("failed", "Internal error. It has been logged.")


def test_a_trigger_that_cannot_be_dealt_with_rests_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, _ = make_trigger(name="bad"), make_trigger(name="good", pattern="1 * * * *")
    CronTrigger.objects.filter(pk=bad.pk).update(pattern="no pattern")
    fire_due_triggers(START + timedelta(hours=1, minutes=2))
    assert {fire.trigger_name for fire in CronFire.objects.all()} == {"good"}


def test_triggers_can_be_switched_off(settings: Settings) -> None:
    make_trigger()
    settings.LEVANTE_TRIGGERS = False
    fire_due_triggers(START + timedelta(hours=1))
    assert slots() == []


def test_a_workflow_with_triggers_cannot_be_deleted() -> None:
    trigger = make_trigger()
    with pytest.raises(RequestInvalid, match="Can't delete workflow that has cron triggers"):
        delete_workflow(caller=make_caller(), identifier="hello")
    delete_cron_trigger(caller=make_caller(), name_or_id=str(trigger.pk))
    delete_workflow(caller=make_caller(), identifier="hello")
    assert not WorkflowDefinition.objects.exists()


def test_the_same_twice_is_refused_only_with_count_and_first_time() -> None:
    make_trigger(name="a")
    make_trigger(name="b")
    same = {"remaining": 3, "first_time": "2026-03-01 12:10"}
    make_trigger(name="c", **same)
    with pytest.raises(Conflict):
        make_trigger(name="d", **same)
    make_trigger(name="e", **(same | {"remaining": 4}))
    with pytest.raises(Conflict):
        make_trigger(name="a", pattern="5 5 * * *")


def test_an_update_gives_a_new_next_slot_and_changes_the_periodic_task() -> None:
    trigger = make_trigger()
    changed = update_cron_trigger(
        caller=make_caller(),
        trigger_id=trigger.pk,
        changes={"pattern": "15 4 * * mon", "time_zone": "Europe/Berlin"},
    )
    assert changed.next_time is not None
    in_zone = changed.next_time.astimezone(ZoneInfo("Europe/Berlin"))
    assert (in_zone.hour, in_zone.minute, in_zone.weekday()) == (4, 15, 0)
    crontab = changed.periodic_task.crontab
    assert (crontab.minute, crontab.hour, crontab.day_of_week, str(crontab.timezone)) == (
        "15", "4", "mon", "Europe/Berlin",
    )  # fmt: skip
    for changes in ({"workflow_id": 1}, {"pattern": "x"}, {"time_zone": "x"}, {"overlap": "x"},
                    {"remaining": 0}, {"name": ""}, {"input": {"unknown": 1}}):  # fmt: skip
        with pytest.raises(WorkflowsError):
            update_cron_trigger(caller=make_caller(), trigger_id=trigger.pk, changes=changes)
    trigger.refresh_from_db()
    assert trigger.pattern == "15 4 * * mon"


def test_another_project_can_neither_see_nor_change_it() -> None:
    trigger = make_trigger()
    other = make_caller("other")
    with pytest.raises(NotFound):
        delete_cron_trigger(caller=other, name_or_id=str(trigger.pk))
    with pytest.raises(NotPermitted):
        pause_cron_trigger(caller=other, trigger_id=trigger.pk)


def test_history_that_is_old_enough_goes(settings: Settings) -> None:
    trigger = make_trigger()
    fire_due_triggers(START + timedelta(hours=1))
    run_trigger_now(trigger)  # now
    settings.LEVANTE_TRIGGER_HISTORY_DAYS = 30
    drop_old_fires()
    assert [fire.is_manual for fire in CronFire.objects.all()] == [True]


def test_a_project_takes_its_triggers_along() -> None:
    make_trigger()
    Project.objects.filter(name="team").delete()
    assert not CronTrigger.objects.exists()


def test_maintenance_holds_slots_back() -> None:
    make_trigger()
    set_status(status="PAUSED")
    fire_due_triggers(START + timedelta(hours=1))
    assert not CronFire.objects.exists()
    set_status(status="RUNNING")
    fire_due_triggers(START + timedelta(hours=1, minutes=20))
    assert slots() == [datetime(2026, 3, 1, 13, tzinfo=UTC)]


def test_a_pass_that_takes_long_leaves_the_others_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cron_firing, "_LONGEST_PASS", 0.0)
    for minute in (3, 1, 2):
        make_trigger(name=f"t{minute}", pattern=f"{minute} 13 * * *")
    for count, name in enumerate(("t1", "t2", "t3"), start=1):
        seconds = fire_due_triggers(datetime(2026, 3, 1, 13, 3, tzinfo=UTC))
        assert CronFire.objects.latest("id").trigger_name == name
        assert CronFire.objects.count() == count
        assert seconds <= 1.0


def test_a_slot_that_goes_on_waiting_costs_no_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    make_trigger(overlap="queue")
    fire_due_triggers(START + timedelta(hours=1))
    fire_due_triggers(START + timedelta(hours=2))
    assert CronFire.objects.filter(outcome="waiting").count() == 1
    tried: list[object] = []
    monkeypatch.setattr(cron_firing, "start_waiting", lambda *given: tried.append(given))
    fire_due_triggers(START + timedelta(hours=2, minutes=1))
    assert not tried
    WorkflowExecution.objects.update(state="SUCCESS")
    fire_due_triggers(START + timedelta(hours=2, minutes=2))
    assert len(tried) == 1


def test_slots_that_wait_go_with_old_history_once_their_trigger_is_gone() -> None:
    trigger = make_trigger(overlap="queue")
    fire_due_triggers(START + timedelta(hours=1))
    fire_due_triggers(START + timedelta(hours=2))
    CronFire.objects.filter(outcome="started").delete()
    CronFire.objects.update(fired_at=START - timedelta(days=400))
    assert drop_old_fires() == 0
    trigger.periodic_task.delete()  # as in the pages of beat
    assert drop_old_fires() == 1
