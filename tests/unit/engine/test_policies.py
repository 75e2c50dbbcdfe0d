"""The policies of a task, by themselves and together."""

from __future__ import annotations

import pytest

from tests.fakes import MemoryExecution
from workflows.engine.states import State
from workflows.jsontypes import JSONValue


def run(text: str, **given: JSONValue) -> MemoryExecution:
    names = list(given) or ["unused"]
    head = f"  input: [{', '.join(names)}]\n"
    inputs = given or {"unused": None}
    return MemoryExecution(f"version: '2.0'\nw:\n{head}  tasks:\n{text}", inputs).start()


def end(execution: MemoryExecution, state: State, value: JSONValue = None) -> None:
    execution.end_action(execution.running("a")[0], state, value)


def accepted(execution: MemoryExecution) -> list[bool]:
    return [action.is_accepted for action in execution.actions.values()]


def test_retry_makes_one_more_action_than_its_count_and_accepts_the_last() -> None:
    execution = run("    a: {action: std.fail, retry: {count: 2, delay: 0}}\n")
    assert execution.execution.state is State.ERROR
    assert accepted(execution) == [False, False, True]
    assert execution.runs_of("a")[0].attempt == 2


def test_a_delay_of_retry_is_a_timer() -> None:
    execution = run("    a: {action: std.async_noop, retry: {count: 1, delay: 7}}\n")
    end(execution, State.ERROR)
    assert execution.states() == {"a": "DELAYED"}
    assert list(execution.timers.values()) == [7]
    execution.fire("retry")
    end(execution, State.SUCCESS)
    assert execution.execution.state is State.SUCCESS


def test_break_on_stops_the_tries() -> None:
    execution = run("""
    a:
      action: std.async_noop
      retry: {count: 5, delay: 0, break-on: <% task().result = stop %>}
""")
    end(execution, State.ERROR, "go on")
    end(execution, State.ERROR, "stop")
    assert execution.states() == {"a": "ERROR"}
    assert len(execution.actions) == 2


def test_continue_on_repeats_after_success_while_it_holds() -> None:
    execution = run("""
    a:
      action: std.async_noop
      publish: {left: <% task().result %>}
      retry: {count: 5, delay: 0, continue-on: <% $.left > 0 %>}
""")
    end(execution, State.SUCCESS, 2)
    end(execution, State.SUCCESS, 1)
    end(execution, State.SUCCESS, 0)
    assert execution.execution.output == {"left": 0}


def test_continue_on_that_does_not_hold_stops_after_a_failure() -> None:
    execution = run("""
    a: {action: std.async_noop, retry: {count: 5, delay: 0, continue-on: <% false %>}}
""")
    end(execution, State.ERROR)
    assert execution.states() == {"a": "ERROR"}


def test_fail_on_sees_what_the_task_has_published_and_keeps_it() -> None:
    execution = run("""
    a:
      action: std.async_noop
      publish: {bad: <% task().result %>}
      publish-on-error: {never: 1}
      fail-on: <% $.bad > 3 %>
      on-error: noop
""")
    end(execution, State.SUCCESS, 4)
    assert execution.states() == {"a": "ERROR"}
    assert execution.execution.output == {"bad": 4}


def test_a_timeout_ends_the_task_for_good_although_it_has_tries_left() -> None:
    execution = run("""
    a: {action: std.async_noop, timeout: 5, retry: {count: 3, delay: 1}, on-error: b}
    b: {action: std.noop}
""")
    execution.fire("timeout")
    assert execution.states() == {"a": "ERROR", "b": "SUCCESS"}
    assert execution.timers == {}


def test_a_timeout_in_the_delay_of_retry_ends_the_tries() -> None:
    execution = run("    a: {action: std.async_noop, timeout: 5, retry: {count: 3, delay: 60}}\n")
    end(execution, State.ERROR)
    execution.fire("timeout")
    assert execution.states() == {"a": "ERROR"}
    assert execution.timers == {}


def test_a_timeout_shorter_than_wait_before_starts_nothing() -> None:
    execution = run("    a: {action: std.noop, wait-before: 60, timeout: 5}\n")
    execution.fire("timeout")
    assert execution.states() == {"a": "ERROR"}
    assert execution.actions == {}


def test_wait_before_follows_pause_before_and_the_timeout_starts_with_it() -> None:
    execution = run("    a: {action: std.noop, pause-before: true, wait-before: 9, timeout: 5}\n")
    assert (execution.states(), execution.timers) == ({"a": "IDLE"}, {})
    execution.resume()
    assert execution.states() == {"a": "DELAYED"}
    assert sorted(execution.timers.values()) == [5, 9]


def test_wait_after_puts_the_end_off_once() -> None:
    execution = run("""
    a: {action: std.noop, publish: {x: 1}, wait-after: 5, on-success: b}
    b: {action: std.noop}
""")
    assert execution.states() == {"a": "DELAYED"}
    assert execution.runs_of("a")[0].published == {"x": 1}
    execution.fire("wait-after")
    assert execution.states() == {"a": "SUCCESS", "b": "SUCCESS"}


@pytest.mark.parametrize("value", [-1, "3", None, 1.5, True])
@pytest.mark.parametrize("policy", ["wait-before", "wait-after", "timeout", "concurrency"])
def test_a_policy_of_a_wrong_value_fails_everything_before_any_action(
    policy: str, value: JSONValue
) -> None:
    items = "with-items: 'i in [1]', " if policy == "concurrency" else ""
    execution = run(
        f"    a: {{{items}action: std.noop, {policy}: <% $.v %>, on-error: b}}\n"
        "    b: {action: std.noop}\n",
        v=value,
    )
    assert execution.execution.state is State.ERROR
    assert execution.states() == {"a": "ERROR"}
    assert execution.actions == {}


def test_a_false_policy_overrides_a_task_default() -> None:
    execution = MemoryExecution("""
version: '2.0'
w:
  task-defaults: {pause-before: true, wait-before: 5, wait-after: 5, fail-on: true}
  tasks:
    a: {action: std.noop, pause-before: false, wait-before: 0, wait-after: 0, fail-on: false}
""").start()
    assert execution.execution.state is State.SUCCESS


def test_a_rerun_counts_the_policies_anew() -> None:
    execution = run(
        "    a: {action: std.async_noop, retry: {count: 1, delay: 0}, wait-before: 2}\n"
    )
    execution.fire("wait-before")
    end(execution, State.ERROR)
    end(execution, State.ERROR)
    execution.rerun("a")
    assert execution.states() == {"a": "DELAYED"}
    execution.fire("wait-before")
    end(execution, State.ERROR)
    end(execution, State.SUCCESS)
    assert execution.execution.state is State.SUCCESS


def test_no_retry_starts_while_the_execution_is_paused() -> None:
    execution = run("    a: {action: std.async_noop, retry: {count: 1, delay: 0}}\n")
    execution.pause()
    end(execution, State.ERROR)
    assert execution.states() == {"a": "DELAYED"}
    assert len(execution.actions) == 1
    execution.resume()
    execution.fire("retry")
    end(execution, State.SUCCESS)
    assert execution.execution.state is State.SUCCESS
