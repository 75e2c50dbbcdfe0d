"""Slots of patterns through both changes of the clocks, in zones that change in different ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import RequestInvalid
from workflows.services.triggers.schedules import (
    CronSchedule,
    IntervalSchedule,
    SingleSchedule,
    check_pattern,
    count_slots,
    latest_slots,
    next_slots,
    parse_zone,
)

# Europe; the southern half of the world; half an hour only.
ZONES = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe")
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def local(pattern: str, zone: str, after: str, count: int) -> list[str]:
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    slots = next_slots(CronSchedule(pattern, ZoneInfo(zone)), start, count)
    return [slot.astimezone(ZoneInfo(zone)).strftime("%d. %H:%M%z") for slot in slots]


def test_a_time_that_does_not_exist_becomes_the_first_one_that_does() -> None:
    assert local("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", 3) == [
        "28. 02:30+0100", "29. 03:00+0200", "30. 02:30+0200",
    ]  # fmt: skip
    assert local("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 2) == [
        "03. 02:15+1030", "04. 02:30+1100",
    ]  # fmt: skip


def test_several_times_that_do_not_exist_are_one_slot() -> None:
    assert local("*/10 2-3 * * *", "Europe/Berlin", "2026-03-29T00:00", 3) == [
        "29. 03:00+0200", "29. 03:10+0200", "29. 03:20+0200",
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_a_slot_once() -> None:
    assert local("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", 3) == [
        "24. 02:30+0200", "25. 02:30+0200", "26. 02:30+0100",
    ]  # fmt: skip
    assert local("45 1 * * *", "Australia/Lord_Howe", "2026-04-05T00:00", 2) == [
        "05. 01:45+1100", "06. 01:45+1030",
    ]  # fmt: skip


def test_a_search_that_begins_in_the_second_hour_does_not_find_it_again() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second = datetime(2026, 10, 25, 2, 10, tzinfo=berlin, fold=1)
    found = CronSchedule("30 2 * * *", berlin).next_after(second)
    assert found == datetime(2026, 10, 26, 2, 30, tzinfo=berlin)


def test_a_pattern_for_every_hour_goes_by_elapsed_time() -> None:
    assert local("30 * * * *", "Europe/Berlin", "2026-10-25T01:00", 4) == [
        "25. 01:30+0200", "25. 02:30+0200", "25. 02:30+0100", "25. 03:30+0100",
    ]  # fmt: skip
    assert local("30 * * * *", "Europe/Berlin", "2026-03-29T01:00", 2) == [
        "29. 01:30+0100", "29. 03:30+0200",
    ]  # fmt: skip


def test_a_day_that_does_not_exist() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    assert local("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00", 2) == [
        "31. 00:00+1400", "30. 12:00+1400",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "pattern", ["30 2 * * *", "15 0-3 * * *", "10 1,2 * * 0", "0 2 5 4 *", "45 1 * * *"]
)
def test_each_local_time_of_a_year_is_a_slot_exactly_once(pattern: str, zone: str) -> None:
    """Against the plain reading: all local minutes that match, each as its first moment."""
    place = ZoneInfo(zone)
    expected = {_first_moment(wall, place) for wall in _local_times(pattern)}
    found = next_slots(
        CronSchedule(pattern, place), min(expected) - timedelta(seconds=1), len(expected)
    )
    assert found == sorted(expected)


def _local_times(pattern: str) -> Iterator[datetime]:
    minutes, hours, days, months, weekdays = pattern.split()
    for number in range(365):
        day = datetime(2026, 1, 1) + timedelta(days=number)  # noqa: DTZ001 - local time
        facts = ((days, day.day), (months, day.month), (weekdays, (day.weekday() + 1) % 7))
        if all(field == "*" or value in _values(field) for field, value in facts):
            for hour in _values(hours):
                for minute in _values(minutes):
                    yield day + timedelta(hours=hour, minutes=minute)


def _values(field: str) -> set[int]:
    first, dash, last = field.partition("-")
    if dash:
        return set(range(int(first), int(last) + 1))
    return {int(part) for part in field.split(",")}


def _first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which clocks there show this time or a later one."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # It is skipped: look for the change, minute by minute.
    moment = wall.replace(tzinfo=UTC) - timedelta(hours=26)
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += timedelta(minutes=1)
    return moment


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from((*ZONES, "UTC", "Africa/Casablanca")),
    pattern=st.sampled_from(
        ("*/20 * * * *", "30 2 * * *", "5 */6 * * *", "0 0 1 * *", "@daily", "30 1-3 * * 0")
    ),
    starts=st.lists(st.integers(0, 366 * 24 * 3600), min_size=2, max_size=6),
)
def test_the_slots_do_not_depend_on_when_one_looks(
    zone: str, pattern: str, starts: list[int]
) -> None:
    """Looking from any moment finds the next one of the same row of slots."""
    schedule = CronSchedule(pattern, ZoneInfo(zone))
    for seconds in starts:
        moment = YEAR + timedelta(seconds=seconds)
        slot = schedule.next_after(moment)
        assert slot is not None
        assert slot > moment
        middle = moment + (slot - moment) / 2
        assert schedule.next_after(middle) == slot
        assert schedule.next_after(slot - timedelta(microseconds=1)) == slot


def test_seconds_stand_last() -> None:
    found = next_slots(CronSchedule("* * * * * */20", ZoneInfo("UTC")), YEAR, 3)
    assert [slot.second for slot in found] == [20, 40, 0]


def test_intervals_are_counted_from_their_beginning() -> None:
    schedule = IntervalSchedule(90, YEAR)
    assert schedule.next_after(YEAR - timedelta(days=1)) == YEAR
    assert schedule.next_after(YEAR) == YEAR + timedelta(seconds=90)
    assert schedule.next_after(YEAR + timedelta(seconds=89.5)) == YEAR + timedelta(seconds=90)


def test_one_moment_comes_once() -> None:
    assert next_slots(SingleSchedule(YEAR), YEAR - timedelta(days=1), 5) == [YEAR]


def test_the_last_slots_before_a_moment_are_found_from_behind() -> None:
    schedule = CronSchedule("* * * * * *", ZoneInfo("UTC"))
    first, end = YEAR, YEAR + timedelta(days=300)
    assert latest_slots(schedule, first, end, 2) == [
        end - timedelta(seconds=2), end - timedelta(seconds=1),
    ]  # fmt: skip
    daily = CronSchedule("0 3 * * *", ZoneInfo("UTC"))
    odd = YEAR + timedelta(seconds=7)  # a first time that does not fit the pattern
    found = latest_slots(daily, odd, YEAR + timedelta(days=2), 10)
    assert found == [odd, YEAR + timedelta(hours=3), YEAR + timedelta(hours=27)]
    assert latest_slots(daily, odd, YEAR + timedelta(days=2), 1) == found[-1:]
    assert count_slots(daily, odd, YEAR + timedelta(days=2), 10) == 3
    assert count_slots(schedule, first, end, 1000) == 1000


@pytest.mark.parametrize(
    "pattern",
    ["88 * * * *", "* 88 * * *", "* * * 35 *", "* * * * 15", "", "* * * *", "a b c d e",
     "0 0 30 2 *", "R * * * *", "H(0-5) * * * *", "0 1,h * * *"],
)  # fmt: skip
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(RequestInvalid, match="The specified pattern is not valid"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["* * * * *", "*/5 0-6 1,15 * mon-fri", "@daily", "* * * * * 30", "0 0 l * *",
                "0 9 * * 1#2", "0 0 * mar thu"],
)  # fmt: skip
def test_patterns_that_are_taken(pattern: str) -> None:
    check_pattern(pattern)


def test_a_zone_that_does_not_exist() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(RequestInvalid, match="time zone"):
            parse_zone(name)
