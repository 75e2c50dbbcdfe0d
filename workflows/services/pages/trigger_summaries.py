"""What pages show about cron triggers: the schedule in words, the next slots, the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cron_descriptor import (
    FormatException,
    MissingFieldException,
    Options,
    WrongArgumentException,
    get_description,
)
from django.db.models import QuerySet
from django.utils import timezone

from workflows.errors import WorkflowsError
from workflows.models import CronFire, CronTrigger
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_plan import schedule_of
from workflows.services.triggers.schedules import ALIASES, check_pattern, next_slots, parse_zone

SLOTS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class TriggerSummary:
    """A trigger with what its schedule says. `slots` are in the zone of the trigger."""

    trigger: CronTrigger
    words: str
    slots: tuple[datetime, ...]


def list_summaries(
    caller: Caller, *, all_projects: bool = False, now: datetime | None = None
) -> list[TriggerSummary]:
    """Describe the triggers that the caller sees, the next to come first."""
    visible = CronTrigger.objects.visible_to(
        caller.project_id, all_projects=all_projects and caller.is_admin
    )
    return [summarize(one, now=now) for one in visible.order_by("next_time", "name")]


def summarize(
    trigger: CronTrigger, *, count: int = SLOTS_SHOWN, now: datetime | None = None
) -> TriggerSummary:
    """Describe one trigger; a paused one shows when it would come."""
    return TriggerSummary(trigger, describe(trigger), _coming(trigger, count, now))


def describe(trigger: CronTrigger) -> str:
    """Say in words when a trigger comes."""
    if trigger.pattern:
        return f"{_describe_pattern(trigger.pattern)} ({trigger.time_zone})"
    if trigger.interval_seconds:
        return f"Every {trigger.interval_seconds} seconds"
    if trigger.first_time:
        return f"Once, at {trigger.first_time:%Y-%m-%d %H:%M:%S} UTC"
    return "Never"


def describe_schedule(pattern: str, zone: str, count: int = SLOTS_SHOWN) -> TriggerSummary:
    """Describe a pattern that somebody is about to write; raises RequestInvalid."""
    trigger = CronTrigger(pattern=pattern, time_zone=zone, created_at=timezone.now())
    check_pattern(pattern)
    parse_zone(zone)
    return TriggerSummary(trigger, describe(trigger), _coming(trigger, count, None))


def list_fires(trigger_id: UUID) -> QuerySet[CronFire]:
    """The history of a trigger, newest first."""
    return CronFire.objects.filter(trigger_id=trigger_id).order_by("-slot")


def _coming(trigger: CronTrigger, count: int, now: datetime | None) -> tuple[datetime, ...]:
    now = now or timezone.now()
    if trigger.remaining is not None:
        count = min(count, trigger.remaining)
    try:
        zone = parse_zone(trigger.time_zone)
        schedule = schedule_of(trigger)
    except WorkflowsError:
        return ()
    first = trigger.next_time
    if first is None or first <= now:
        slots = next_slots(schedule, now, count)
    else:
        slots = [first, *next_slots(schedule, first, count - 1)][:count]
    return tuple(slot.astimezone(zone) for slot in slots)


def _describe_pattern(pattern: str) -> str:
    fields = ALIASES.get(pattern.strip(), pattern).upper().split()
    # There the seconds stand first.
    ordered = fields[5:6] + fields[:5] + fields[6:]
    options = Options()
    options.use_24hour_time_format = True
    try:
        return str(get_description(" ".join(ordered), options))
    except (FormatException, MissingFieldException, WrongArgumentException, ValueError):
        return pattern
