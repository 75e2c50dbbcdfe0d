"""The log of state changes: who and what, in every line its ids, and never a value."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.factories import start, work
from workflows.engine.states import State
from workflows.services.executions.executions import change_state

pytestmark = pytest.mark.django_db

SECRET = "the-secret-of-the-day"
TEXT = """
version: '2.0'
told:
  input: [word]
  output: {word: <% $.word %>}
  tasks:
    first: {action: std.echo output=<% $.word %>, on-success: second}
    second:
      action: std.sleep seconds=0
      publish: {seen: <% $.word %>}
      on-success: third
    third: {action: std.fail error_data=<% $.word %>}
"""


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "workflows.states")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(one) for one in log.records if one.name == "workflows.states"]


def test_each_change_of_state_is_one_line(log: pytest.LogCaptureFixture) -> None:
    execution = work(start(TEXT, input={"word": SECRET}))
    assert execution.state == "ERROR"
    told = [(one.get("task", ""), one.get("state_to", "")) for one in lines(log)]
    assert told == [
        ("", "RUNNING"),  # it was accepted
        ("first", "RUNNING"),
        ("first", "SUCCESS"),
        ("second", "RUNNING"),
        ("", ""),  # the run of its action
        ("second", "SUCCESS"),
        ("third", "RUNNING"),
        ("third", "ERROR"),
        ("", "ERROR"),
    ]
    assert {one["execution_id"] for one in lines(log)} == {str(execution.id)}
    assert all(one["task_id"] for one in lines(log) if "task" in one)


def test_the_end_of_an_action_tells_how_long_it_took(log: pytest.LogCaptureFixture) -> None:
    work(start(TEXT, input={"word": SECRET}))
    (run,) = [one for one in lines(log) if "action" in one]
    assert (run["action"], run["state"]) == ("std.sleep", "SUCCESS")
    assert run["seconds"] >= 0
    assert run["action_id"]
    assert run["task_id"]


def test_no_value_of_the_user_reaches_the_log(log: pytest.LogCaptureFixture) -> None:
    work(start(TEXT, input={"word": SECRET}))
    assert lines(log)
    assert SECRET not in "".join(str(one) for one in lines(log))


def test_who_asked_for_a_change_is_named(log: pytest.LogCaptureFixture) -> None:
    execution = start(TEXT, input={"word": SECRET})
    log.clear()
    change_state(execution.id, State.CANCELLED, state_info=SECRET, actor="ann")
    (line,) = [one for one in lines(log) if "task" not in one]
    assert (line["actor"], line["state_from"], line["state_to"]) == ("ann", "RUNNING", "CANCELLED")


def test_nothing_is_told_where_it_is_not_wanted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "workflows.states")
    work(start(TEXT, input={"word": SECRET}))
    assert lines(caplog) == []
