"""When a trigger is due: cron patterns in a time zone, fixed intervals, one moment. No database.

What happens to a slot when clocks change:

- Forwards: a local time that does not exist becomes the first moment that does. Several of them
  are one slot, together with a slot at that moment.
- Backwards: a local time that comes twice is a slot once, the first time.
- A pattern for every hour (`*`) goes by elapsed time instead: nothing is made up for the hour that
  does not exist, and it has slots in both of the hours that look alike.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from workflows.errors import RequestInvalid

# Words that stand for a pattern.
ALIASES: Final = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}  # fmt: skip
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
_FIRST_WINDOW: Final = timedelta(minutes=1)
# Those stand for another time with each reading.
_RANDOM: Final = re.compile(r"(?:^|[\s,])[rh](?:$|[\s,(/])", re.IGNORECASE)


class Schedule(Protocol):
    """Gives the slots of a trigger, in UTC."""

    def next_after(self, moment: datetime) -> datetime | None:
        """Give the first slot that is later than the moment; None if there is none."""


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A cron pattern of five fields, or of six with seconds last, in a time zone."""

    pattern: str
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        """Walk from one change of the clocks to the next; in between local time is a shift."""
        start, is_included = moment.astimezone(UTC), False
        while True:
            offset = _offset(start, self.zone)
            wall = (start + offset).replace(tzinfo=None)
            found = _next_match(self.pattern, wall, is_included=is_included)
            if found is None:
                return None
            slot = found.replace(tzinfo=UTC) - offset
            change = _next_change(start, slot, self.zone)
            if change is not None:
                later = _offset(change, self.zone)
                is_skipped = later > offset and found < (change + later).replace(tzinfo=None)
                if is_skipped and not _is_hourly(self.pattern):
                    return change
                start, is_included = change, True
            elif self._is_repeated(slot):
                start, is_included = slot, False
            else:
                return slot

    def _is_repeated(self, slot: datetime) -> bool:
        """Whether the local time was there an hour ago, and counted then."""
        return slot.astimezone(self.zone).fold == 1 and not _is_hourly(self.pattern)


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Every so many seconds, counted from a moment, which is the first slot."""

    seconds: float
    anchor: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        if moment < self.anchor:
            return self.anchor
        period = timedelta(seconds=self.seconds)
        return self.anchor + ((moment - self.anchor) // period + 1) * period


@dataclass(frozen=True, slots=True)
class SingleSchedule:
    """One moment."""

    at: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        return self.at if moment < self.at else None


def next_slots(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Give the next slots, at most `count`."""
    slots: list[datetime] = []
    slot = schedule.next_after(after)
    while slot is not None and len(slots) < count:
        slots.append(slot)
        slot = schedule.next_after(slot)
    return slots


def latest_slots(
    schedule: Schedule, first: datetime, before: datetime, count: int
) -> list[datetime]:
    """Give the last slots from `first`, which counts as one, up to `before`, at most `count`.

    It looks back over longer and longer times, so a long absence does not cost more than a short.
    """
    window = _FIRST_WINDOW
    while True:
        start = before - window
        slots: deque[datetime] = deque(maxlen=count)
        if start <= first:
            start = first
            slots.append(first)
        slot = schedule.next_after(start)
        while slot is not None and slot < before:
            slots.append(slot)
            slot = schedule.next_after(slot)
        if len(slots) == count or start == first:
            return [slot for slot in slots if slot < before]
        window *= 2


def count_slots(schedule: Schedule, first: datetime, before: datetime, most: int) -> int:
    """Count the slots from `first`, which is one, up to `before`; stops counting at `most`."""
    count = 0
    slot: datetime | None = first
    while slot is not None and slot < before and count < most:
        count += 1
        slot = schedule.next_after(slot)
    return count


def check_pattern(pattern: str) -> None:
    """Raise RequestInvalid for a pattern that cannot be read or never comes true."""
    try:
        if _RANDOM.search(pattern):
            raise RequestInvalid(f"The specified pattern is not valid: {pattern}")
        croniter(pattern, datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001 - local time
    except (CroniterBadCronError, CroniterBadDateError, ValueError, KeyError) as error:
        raise RequestInvalid(f"The specified pattern is not valid: {pattern}") from error


def parse_zone(name: str) -> ZoneInfo:
    """Give the time zone of this name; raises RequestInvalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RequestInvalid(f"There is no time zone of the name {name!r}.") from error


def _next_match(pattern: str, wall: datetime, *, is_included: bool) -> datetime | None:
    """Give the next local time that matches, after the given one or from it on."""
    try:
        found: datetime = croniter(pattern, wall - _TICK if is_included else wall).get_next(
            datetime
        )
    except CroniterBadDateError:
        return None
    return found


@lru_cache(maxsize=1000)
def _is_hourly(pattern: str) -> bool:
    hours = croniter.expand(pattern)[0][1]
    return hours == ["*"] or len(set(hours)) == 24


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _next_change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Give the first moment after `start` and not after `end` at which the offset is another.

    Looks at each day, since some zones change their clocks twice within weeks.
    """
    offset = _offset(start, zone)
    low = start
    while low < end:
        high = min(low + _DAY, end)
        if _offset(high, zone) != offset:
            return _bisect(low, high, zone)
        low = high
    return None


def _bisect(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Find the change between two moments, to the second."""
    offset = _offset(low, zone)
    first = low.replace(microsecond=0)
    below, above = 0, int((high - first).total_seconds()) + 1
    while above - below > 1:
        middle = (below + above) // 2
        if _offset(first + timedelta(seconds=middle), zone) == offset:
            below = middle
        else:
            above = middle
    return first + timedelta(seconds=above)
