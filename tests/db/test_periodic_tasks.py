"""Periodic tasks that people make or change in the pages of beat."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from tests.factories import make_caller
from workflows.canvas import Work
from workflows.errors import RequestInvalid
from workflows.models import CronFire, CronTrigger, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions.scheduled_start import start_scheduled
from workflows.services.triggers.cron_firing import fire_due_triggers, fire_trigger
from workflows.services.triggers.cron_triggers import (
    create_cron_trigger,
    delete_cron_trigger,
    pause_cron_trigger,
    resume_cron_trigger,
)
from workflows.services.triggers.periodic_tasks import START_JOB, sync_periodic_tasks

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = """
version: '2.0'
hello:
  input: [who: world]
  tasks:
    greet:
      action: std.noop
"""


@pytest.fixture(autouse=True)
def _workflow() -> None:
    create_workflows(caller=make_caller(), text=HELLO)


def make_task(arguments: dict[str, Any] | None = None, **given: Any) -> PeriodicTask:
    """A periodic task as a person makes it in the admin pages."""
    if not {"interval", "clocked", "solar", "crontab"} & given.keys():
        given["crontab"] = CrontabSchedule.objects.create(
            minute="0", hour="3", timezone="Europe/Berlin"
        )
    kwargs = {"workflow": "hello", "project": "team"} if arguments is None else arguments
    return PeriodicTask.objects.create(
        name=f"by hand {uuid4()}", task=START_JOB, kwargs=json.dumps(kwargs), **given
    )


def test_a_task_made_by_hand_becomes_a_trigger_and_starts_the_workflow() -> None:
    task = make_task({"workflow": "hello", "project": "team", "input": {"who": "hand"}})
    assert sync_periodic_tasks() == 1
    trigger = CronTrigger.objects.get()
    assert (trigger.name, trigger.pattern, trigger.time_zone) == (
        task.name, "0 3 * * *", "Europe/Berlin",
    )  # fmt: skip
    assert trigger.next_time is not None
    assert trigger.next_time > timezone.now()
    fire_due_triggers(trigger.next_time)
    execution = WorkflowExecution.objects.get()
    assert execution.input == {"who": "hand"}
    assert execution.project_id == make_caller().project_id
    task.refresh_from_db()
    assert task.total_run_count == 1
    assert sync_periodic_tasks() == 0


def test_what_a_person_changes_is_taken_over() -> None:
    trigger = create_cron_trigger(
        caller=make_caller(), name="t", workflow="hello", pattern="0 3 * * *", remaining=5
    )
    assert sync_periodic_tasks() == 0
    task = trigger.periodic_task
    first = timezone.now().replace(microsecond=0) + timedelta(days=2)
    task.crontab = CrontabSchedule.objects.create(
        minute="*/10", hour="4", day_of_week="1-5", timezone="Asia/Tokyo"
    )
    task.start_time = first
    task.kwargs = json.dumps(json.loads(task.kwargs) | {"count": 7, "input": {"who": "me"}})
    task.save()
    assert sync_periodic_tasks() == 1
    trigger.refresh_from_db()
    assert (trigger.pattern, trigger.time_zone) == ("*/10 4 * * 1-5", "Asia/Tokyo")
    assert (trigger.first_time, trigger.next_time) == (first, first)
    assert (trigger.remaining, trigger.input) == (7, {"who": "me"})
    task.enabled = False
    task.save()
    sync_periodic_tasks()
    fire_due_triggers(first + timedelta(days=1))
    assert not CronFire.objects.exists()


def test_a_change_of_the_crontab_row_itself_is_taken_over() -> None:
    trigger = create_cron_trigger(
        caller=make_caller(), name="t", workflow="hello", pattern="0 3 * * *"
    )
    row = trigger.periodic_task.crontab
    row.hour = "5"
    row.save()
    assert sync_periodic_tasks() == 1
    trigger.refresh_from_db()
    assert trigger.pattern == "0 5 * * *"


@pytest.mark.parametrize("pattern", ["* * * * * */5", "0 9 * * 1#2", "0 0 l * *", "@daily"])
def test_a_pattern_that_beat_does_not_have_survives_a_change_of_something_else(
    pattern: str,
) -> None:
    trigger = create_cron_trigger(caller=make_caller(), name="t", workflow="hello", pattern=pattern)
    task = trigger.periodic_task
    task.description = "looked at"
    task.save()
    assert sync_periodic_tasks() == 1
    trigger.refresh_from_db()
    assert (trigger.pattern, trigger.problem) == (pattern, "")


def test_intervals_and_clocked_times_work_as_well() -> None:
    interval = IntervalSchedule.objects.create(every=2, period="minutes")
    make_task(interval=interval)
    at = datetime(2030, 1, 1, tzinfo=UTC)
    make_task(clocked=ClockedSchedule.objects.create(clocked_time=at), one_off=True)
    sync_periodic_tasks()
    every, once = CronTrigger.objects.order_by("next_time")
    assert every.interval_seconds == 120
    assert every.next_time == every.created_at + timedelta(seconds=120)
    assert (once.next_time, once.remaining) == (at, 1)
    every.periodic_task.delete()
    fire_due_triggers(at)
    once.refresh_from_db()
    assert (once.is_paused, once.remaining, CronFire.objects.count()) == (True, 0, 1)
    assert not PeriodicTask.objects.get(pk=once.periodic_task_id).enabled
    assert sync_periodic_tasks() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "name no workflow"),
        ({"workflow": "hello", "project": "nobody"}, "no project 'nobody'"),
        ({"workflow": "hello", "project": "team", "input": 5}, "input is an object"),
        ({"workflow": "hello", "project": "team", "count": "x"}, "whole number"),
        ({"workflow": "hello", "project": "team", "to": 1}, "does not know the arguments to"),
    ],
)
def test_what_cannot_be_understood_is_said_and_harms_nobody(
    arguments: dict[str, Any], words: str
) -> None:
    make_task(arguments)
    good = make_task()
    sync_periodic_tasks()
    problems = {one.periodic_task_id: one.problem for one in CronTrigger.objects.all()}
    assert problems.pop(good.pk) == ""
    assert words in problems.popitem()[1]
    fire_due_triggers(good.trigger.next_time)
    assert {one.outcome for one in CronFire.objects.all()} == {"started"}


def test_the_sun_is_no_schedule_for_workflows() -> None:
    sun = SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1)
    make_task(solar=sun)
    sync_periodic_tasks()
    assert "can start a workflow" in CronTrigger.objects.get().problem


def test_a_workflow_that_comes_later_is_found_then() -> None:
    make_task({"workflow": "later", "project": "team"})
    sync_periodic_tasks()
    next_time = CronTrigger.objects.get().next_time
    assert next_time is not None
    fire_due_triggers(next_time)
    assert CronFire.objects.get().outcome == "failed"
    create_workflows(caller=make_caller(), text=HELLO.replace("hello", "later"))
    fire_due_triggers(next_time + timedelta(days=1))
    assert CronFire.objects.latest("slot").outcome == "started"


def test_deleting_the_periodic_task_deletes_the_trigger() -> None:
    trigger = create_cron_trigger(
        caller=make_caller(), name="t", workflow="hello", pattern="0 3 * * *"
    )
    trigger.periodic_task.delete()
    assert not CronTrigger.objects.exists()


def test_a_message_starts_the_workflow_once(rung: list[Work]) -> None:
    arguments = {"workflow": "hello", "project": "team", "input": {"who": "me"}}
    for _ in range(2):
        start_scheduled("message-1", arguments)
    assert WorkflowExecution.objects.count() == len(rung) == 1
    with pytest.raises(RequestInvalid):
        start_scheduled("message-2", {"project": "team"})


def test_a_trigger_is_always_locked_before_its_periodic_task() -> None:
    caller = make_caller()
    made = create_cron_trigger(caller=caller, name="t", workflow="hello", pattern="0 3 * * *")
    task = made.periodic_task
    task.kwargs = json.dumps(json.loads(task.kwargs) | {"input": {"who": "me"}})
    task.save()
    assert made.next_time is not None
    for change in (
        sync_periodic_tasks,
        partial(pause_cron_trigger, caller=caller, trigger_id=made.pk),
        partial(resume_cron_trigger, caller=caller, trigger_id=made.pk),
        partial(fire_trigger, made.pk, made.next_time),
        partial(delete_cron_trigger, caller=caller, name_or_id="t"),
    ):
        with CaptureQueriesContext(connection) as captured:
            change()
        locks = [
            "trigger" if '"cron_triggers"' in sql.split("WHERE")[0] else "task"
            for sql in (query["sql"] for query in captured.captured_queries)
            if re.search(r"FOR UPDATE|^(UPDATE|DELETE)", sql)
            and re.search(
                r'"cron_triggers"|"django_celery_beat_periodictask"', sql.split("WHERE")[0]
            )
        ]
        assert locks[:1] == ["trigger"], change
        assert "task" in locks, change
