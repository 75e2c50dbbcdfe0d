"""What pages show about triggers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.factories import make_caller
from workflows.errors import RequestInvalid
from workflows.models import CronTrigger, Role
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.pages.trigger_summaries import (
    describe,
    describe_schedule,
    list_fires,
    list_summaries,
)
from workflows.services.triggers.cron_firing import fire_due_triggers
from workflows.services.triggers.cron_triggers import create_cron_trigger

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = "version: '2.0'\nhello:\n  tasks:\n    greet:\n      action: std.noop\n"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"pattern": "30 3 * * mon-fri"}, "At 03:30, Monday through Friday (UTC)"),
        ({"pattern": "@daily", "time_zone": "Europe/Berlin"}, "At 00:00 (Europe/Berlin)"),
        ({"pattern": "* * * * * */5"}, "Every 5 seconds (UTC)"),
        ({"pattern": "0 9 * * 1#2"}, "At 09:00, on the second Monday of the month (UTC)"),
        ({"interval_seconds": 90}, "Every 90 seconds"),
        ({"first_time": NOW}, "Once, at 2026-03-01 12:00:00 UTC"),
    ],
)
def test_schedules_in_words(trigger: dict[str, Any], words: str) -> None:
    assert describe(CronTrigger(**trigger)) == words


def test_a_list_says_when_each_one_comes() -> None:
    caller = make_caller()
    create_workflows(caller=caller, text=HELLO)
    given = {"caller": caller, "workflow": "hello", "time_zone": "Europe/Berlin"}
    create_cron_trigger(name="late", pattern="0 9 1 1 *", **given)
    trigger = create_cron_trigger(name="soon", pattern="*/5 * * * *", remaining=3, **given)
    soon, late = list_summaries(caller)
    assert [one.trigger.name for one in (soon, late)] == ["soon", "late"]
    assert soon.slots[0] == trigger.next_time
    assert (len(soon.slots), len(late.slots)) == (3, 10)
    assert {slot.hour for slot in late.slots} == {9}
    assert list_summaries(make_caller("other")) == []
    assert len(list_summaries(make_caller("other", Role.ADMIN), all_projects=True)) == 2
    assert trigger.next_time is not None
    fire_due_triggers(trigger.next_time)
    assert [fire.outcome for fire in list_fires(trigger.pk)] == ["started"]


def test_a_pattern_is_described_before_it_is_stored() -> None:
    summary = describe_schedule("0 3 * * *", "Asia/Tokyo")
    assert summary.words == "At 03:00 (Asia/Tokyo)"
    assert len(summary.slots) == 10
    for pattern, zone in (("99 * * * *", "UTC"), ("0 3 * * *", "Mars")):
        with pytest.raises(RequestInvalid):
            describe_schedule(pattern, zone)
