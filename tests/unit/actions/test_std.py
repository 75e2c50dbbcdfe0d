"""What each standard action does."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.actions.base import ActionContext, Outcome, perform_action
from workflows.actions.registry import find_action
from workflows.jsontypes import JSONValue

CONTEXT = ActionContext(action_execution_id="7")


def run(name: str, **input: Any) -> Outcome:
    action = find_action(name)
    assert action is not None
    return perform_action(action, CONTEXT, input)


def is_inline(name: str, **input: Any) -> bool:
    action = find_action(name)
    assert action is not None
    return action.is_inline(input)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr("time.sleep", taken.append)
    return taken


def test_noop_succeeds_with_null() -> None:
    assert run("std.noop") == Outcome(is_success=True, result=None)
    assert is_inline("std.noop")


def test_async_noop_is_finished_by_somebody_else() -> None:
    action = find_action("std.async_noop")
    assert action is not None
    assert not action.is_sync


@pytest.mark.parametrize("value", [42, 2.5, "42", True, None, [1, [2]], {"a": {"b": None}}])
def test_echo_returns_every_value_unchanged(value: JSONValue) -> None:
    assert run("std.echo", output=value) == Outcome(is_success=True, result=value)


def test_echo_with_a_delay_sleeps_and_is_left_to_a_worker(naps: list[float]) -> None:
    assert run("std.echo", output="late", delay=3).result == "late"
    assert naps == [3]
    assert is_inline("std.echo", output=1, delay=0)
    assert not is_inline("std.echo", output=1, delay=3)


def test_fail_without_data_ends_with_a_text() -> None:
    assert run("std.fail") == Outcome(
        is_success=False,
        result="The action raised an exception "
        "[action=std.fail, action_ex_id=7, msg='Fail action expected exception.']",
    )
    assert run("std.fail", error_data={}) == run("std.fail")


def test_fail_with_data_ends_with_the_data() -> None:
    outcome = run("std.fail", error_data={"stuck_at": 3})
    assert outcome == Outcome(is_success=False, result={"stuck_at": 3})


def test_sleep_sleeps_one_second_unless_told_otherwise(naps: list[float]) -> None:
    assert run("std.sleep") == Outcome(is_success=True, result=None)
    run("std.sleep", seconds=0.5)
    run("std.sleep", seconds=0)
    assert naps == [1, 0.5, 0]
    assert not is_inline("std.sleep", seconds=0)


@pytest.mark.parametrize("seconds", [-1, "3", None, True])
def test_sleep_fails_for_what_is_no_number_of_seconds(
    seconds: JSONValue, naps: list[float]
) -> None:
    outcome = run("std.sleep", seconds=seconds)
    assert outcome.result == "seconds must be a number of seconds, 0 or more"
    assert naps == []


def test_test_dict_makes_a_map_of_the_asked_size() -> None:
    outcome = run("std.test_dict", size=2, key_prefix="shelf_", val=["empty"])
    assert outcome.result == {"shelf_0": ["empty"], "shelf_1": ["empty"]}
    assert run("std.test_dict").result == {}


def test_test_dict_fails_for_a_size_that_is_no_number() -> None:
    assert run("std.test_dict", size="many") == Outcome(
        is_success=False, result="size must be a whole number"
    )
    assert is_inline("std.test_dict", size="many")


def test_a_large_map_is_left_to_a_worker_and_a_huge_one_refused() -> None:
    assert is_inline("std.test_dict", size=1_000, val="v" * 100)
    assert not is_inline("std.test_dict", size=1_000, val="v" * 1_000)
    outcome = run("std.test_dict", size=1_000_000_000)
    assert outcome == Outcome(is_success=False, result="the map would be too large")
