"""Which slots of a trigger are run now, which are skipped, and what comes next. No database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows.models import CatchUp, CronTrigger
from workflows.services.triggers.schedules import (
    CronSchedule,
    IntervalSchedule,
    Schedule,
    SingleSchedule,
    count_slots,
    latest_slots,
    parse_zone,
)

# Missed slots that are counted at most; more are written down as that many. To count one takes up
# to half a millisecond, and the sweep waits meanwhile with the trigger locked.
MOST_COUNTED: Final = 1_000
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots in a row that are not run: the first one, how many, and the end of the time."""

    first: datetime
    count: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. `next_time` is the first slot that is not part of it."""

    run: tuple[datetime, ...]
    skipped: Skipped | None
    next_time: datetime | None


@dataclass(frozen=True, slots=True)
class BoundedSchedule:
    """A schedule that ends at a moment."""

    inner: Schedule
    end: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        slot = self.inner.next_after(moment)
        return slot if slot is not None and slot <= self.end else None


def schedule_of(trigger: CronTrigger) -> Schedule:
    """Give the schedule of a trigger; raises RequestInvalid for a zone that does not exist."""
    schedule: Schedule
    if trigger.pattern:
        schedule = CronSchedule(trigger.pattern, parse_zone(trigger.time_zone))
    elif trigger.interval_seconds:
        anchor = trigger.first_time or trigger.created_at
        schedule = IntervalSchedule(trigger.interval_seconds, anchor)
    else:
        schedule = SingleSchedule(trigger.first_time or trigger.created_at)
    return schedule if trigger.expires_at is None else BoundedSchedule(schedule, trigger.expires_at)


def next_slot(trigger: CronTrigger, now: datetime) -> datetime | None:
    """Give the slot that comes next; a first time that is still to come goes before the pattern."""
    if trigger.remaining == 0:
        return None
    if trigger.first_time is not None and trigger.first_time > now:
        return trigger.first_time
    return schedule_of(trigger).next_after(now)


def plan_slots(
    trigger: CronTrigger, now: datetime, *, grace: float, batch: int, schedule: Schedule | None
) -> Plan:
    """Decide about everything that is due.

    1. A slot that is late by less than `grace` seconds is in time, and is run. 2. Of the others,
    which were missed, the policy of the trigger takes the last ones or none; those before are
    skipped. 3. What is beyond `batch` stays due.
    """
    assert trigger.next_time is not None
    first = trigger.next_time
    if schedule is None:
        return Plan((first,), None, None)
    boundary = now - timedelta(seconds=grace)
    missed: list[datetime] = []
    skipped = None
    slot: datetime | None = first
    if first < boundary:
        wanted = _missed_to_run(trigger)
        missed = latest_slots(schedule, first, boundary, wanted) if wanted else []
        skipped = _skipped(schedule, first, missed[0] if missed else boundary)
        slot = schedule.next_after(boundary - _TICK)
    due = missed
    while slot is not None and slot <= now and len(due) <= batch:
        due.append(slot)
        slot = schedule.next_after(slot)
    most = batch if trigger.remaining is None else min(batch, trigger.remaining)
    next_time = due[most] if len(due) > most else slot
    if trigger.remaining is not None and trigger.remaining <= len(due[:most]):
        next_time = None
    return Plan(tuple(due[:most]), skipped, next_time)


def _missed_to_run(trigger: CronTrigger) -> int:
    match trigger.catch_up:
        case CatchUp.ALL:
            return trigger.catch_up_limit
        case CatchUp.LAST:
            return 1
        case _:
            return 0


def _skipped(schedule: Schedule, first: datetime, until: datetime) -> Skipped | None:
    count = count_slots(schedule, first, until, MOST_COUNTED)
    return Skipped(first, count, until) if count else None
