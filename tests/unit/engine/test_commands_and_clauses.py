"""Transitions, guards, and the commands of the engine."""

from __future__ import annotations

import pytest

from tests.fakes import MemoryExecution
from workflows.engine.states import State


def run(text: str, head: str = "") -> MemoryExecution:
    return MemoryExecution(f"version: '2.0'\nw:\n{head}  tasks:\n{text}").start()


def test_a_guard_in_mapping_form_counts() -> None:
    execution = run("""
    a: {action: std.noop, on-success: {b: <% false %>}, on-complete: {next: {c: <% true %>}}}
    b: {action: std.noop}
    c: {action: std.noop}
""")
    assert execution.states() == {"a": "SUCCESS", "c": "SUCCESS"}


@pytest.mark.parametrize("name", ["noop", "fail", "succeed", "pause"])
def test_a_task_named_like_a_command_wins(name: str) -> None:
    execution = run(f"""
    a: {{action: std.noop, on-success: {name}}}
    {name}: {{action: std.noop}}
""")
    assert execution.states() == {"a": "SUCCESS", name: "SUCCESS"}
    assert execution.execution.state is State.SUCCESS


@pytest.mark.parametrize(("command", "state"), [("succeed", "SUCCESS"), ("fail", "ERROR")])
def test_the_variables_of_the_deciding_task_are_in_the_output(command: str, state: str) -> None:
    execution = run(f"""
    a: {{action: std.noop, publish: {{mine: 1}}, on-success: [b, {command}]}}
    b: {{action: std.noop}}
""")
    assert execution.execution.state == state
    assert execution.execution.output["mine"] == 1  # type: ignore[index,call-overload]


def test_fail_without_a_message_says_nothing() -> None:
    execution = run("    a: {action: std.noop, on-success: fail}\n")
    assert execution.execution.state_info is None
    assert execution.execution.output == {"result": None}


def test_the_message_of_fail_may_hold_expressions() -> None:
    execution = run("""
    a: {action: std.noop, publish: {n: 3}, on-success: [fail msg="only <% $.n %> left"]}
""")
    assert execution.execution.state_info == "only 3 left"


def test_all_failures_are_named_when_no_guard_of_on_error_holds() -> None:
    execution = run("""
    a: {action: std.fail, on-error: {c: <% false %>}}
    b: {action: std.fail}
    c: {action: std.noop}
""")
    assert execution.execution.state is State.ERROR
    assert "in tasks: a, b" in str(execution.execution.state_info)


def test_on_complete_does_not_handle_an_error_and_runs_all_the_same() -> None:
    execution = run("""
    a: {action: std.fail, on-complete: b}
    b: {action: std.noop}
""")
    assert execution.states() == {"a": "ERROR", "b": "SUCCESS"}
    assert execution.execution.state is State.ERROR


def test_nothing_of_an_ended_execution_starts() -> None:
    execution = run("""
    a: {action: std.async_noop, on-success: after}
    b: {action: std.async_noop, on-success: fail}
    c: {action: std.noop, wait-before: 9}
    after: {action: std.noop}
""")
    execution.end_action(execution.running("b")[0], State.SUCCESS)
    assert execution.execution.state is State.ERROR
    execution.end_action(execution.running("a")[0], State.SUCCESS)
    assert execution.states() == {
        "a": "SUCCESS",
        "b": "SUCCESS",
        "c": "CANCELLED",
    }
    assert execution.timers == {}


def test_a_rerun_revives_what_the_end_had_closed() -> None:
    execution = run("""
    a: {action: std.async_noop}
    b: {action: std.fail, on-error: [fail msg="no"]}
    c: {action: std.noop, wait-before: 9}
""")
    assert execution.states()["c"] == "CANCELLED"
    execution.end_action(execution.running("a")[0], State.ERROR)
    execution.rerun("a")
    assert execution.execution.state is State.RUNNING
    execution.end_action(execution.running("a")[0], State.SUCCESS)
    assert execution.states()["c"] == "SUCCESS"


def test_inline_actions_that_are_cut_off_are_taken_up_again() -> None:
    chain = "".join(f"    t{n}: {{action: std.noop, on-success: t{n + 1}}}\n" for n in range(20))
    execution = MemoryExecution(
        f"version: '2.0'\nw:\n  tasks:\n{chain}    t20: {{action: std.noop}}\n", steps_at_once=3
    ).start()
    assert execution.execution.state is State.SUCCESS
    assert len(execution.actions) == 21


def test_scopes_of_several_clauses_are_all_kept() -> None:
    execution = run("""
    a:
      action: std.noop
      publish: {plain: 1}
      on-success: {publish: {global: {from_success: 2}}}
      on-complete: {publish: {branch: {from_complete: 3}, global: {g: 4}}}
""")
    assert execution.execution.output == {"plain": 1, "from_complete": 3}
    assert execution.execution.globals == {"from_success": 2, "g": 4}


@pytest.mark.parametrize(
    "bad",
    [
        "action: nobody.knows",
        "action: std.echo foo=1",
        "action: std.echo output=<% $.missing %>",
        "action: std.noop, wait-before: <% 'x' %>",
        "with-items: i in <% 5 %>, action: std.noop",
    ],
)
@pytest.mark.parametrize("order", ["[bad, good]", "[good, bad]"])
def test_what_stands_beside_a_task_that_cannot_begin_runs_and_leads_nowhere(
    bad: str, order: str
) -> None:
    execution = run(f"""
    a: {{action: std.noop, on-success: {order}}}
    bad: {{{bad}, on-error: after}}
    good: {{action: std.noop, on-success: after}}
    after: {{action: std.noop}}
""")
    assert execution.states() == {"a": "SUCCESS", "bad": "ERROR", "good": "SUCCESS"}
    assert execution.execution.state is State.ERROR


def test_start_tasks_beside_one_that_cannot_begin_run() -> None:
    execution = run("""
    bad: {action: nobody.knows}
    good: {action: std.noop}
""")
    assert execution.states() == {"bad": "ERROR", "good": "SUCCESS"}
    assert execution.execution.state is State.ERROR


def test_a_success_whose_output_fails_fails_the_deciding_task_too() -> None:
    head = "  output: {o: <% $.missing %>}\n"
    execution = run("    a: {action: std.noop, on-success: succeed}\n", head)
    assert execution.states() == {"a": "ERROR"}
    assert execution.execution.state is State.ERROR


def test_in_publish_tasks_shows_the_task_as_it_ends() -> None:
    execution = run("""
    a:
      action: std.noop
      publish: {done: "<% tasks(execution().id, false, SUCCESS).name %>"}
""")
    assert execution.execution.output == {"done": ["a"]}
