"""Joins: when they start, when they fail, how often they run."""

from __future__ import annotations

from tests.fakes import MemoryExecution
from workflows.engine.states import State


def run(text: str) -> MemoryExecution:
    return MemoryExecution(f"version: '2.0'\nw:\n  tasks:\n{text}").start()


def end(execution: MemoryExecution, name: str, state: State = State.SUCCESS) -> None:
    (action, *_) = execution.running(name)
    execution.end_action(action, state, {})


def test_a_late_arrival_does_not_run_a_numeric_join_again_but_its_variables_count() -> None:
    execution = run("""
    a: {action: std.async_noop, publish: {a: 1}, on-success: j}
    b: {action: std.async_noop, publish: {b: 2}, on-success: j}
    j: {join: one, action: std.async_noop, publish: {seen: <% $.get(b) %>}}
""")
    end(execution, "a")
    end(execution, "b")
    end(execution, "j")
    assert len(execution.runs_of("j")) == 1
    assert execution.execution.output == {"a": 1, "b": 2, "seen": 2}


def test_an_arrival_after_the_end_of_a_numeric_join_reaches_the_output() -> None:
    execution = run("""
    a: {action: std.async_noop, on-success: j}
    b: {action: std.async_noop, publish: {b: 2}, on-success: j}
    j: {join: one, action: std.noop}
""")
    end(execution, "a")
    end(execution, "b")
    assert len(execution.runs_of("j")) == 1
    assert execution.execution.output == {"b": 2}


def test_a_join_in_a_loop_has_one_task_for_each_round() -> None:
    execution = run("""
    start: {action: std.noop, publish: {n: 0}, on-success: j}
    j:
      join: one
      action: std.noop
      publish: {n: <% $.n + 1 %>}
      on-success: again
    again:
      action: std.noop
      on-success: {j: <% $.n < 3 %>}
""")
    assert execution.execution.state is State.SUCCESS
    assert [task.published["n"] for task in execution.runs_of("j")] == [1, 2, 3]


def test_a_join_that_leads_back_to_itself_starts_a_new_round() -> None:
    for kind in ("all", "one"):
        execution = run(f"""
    start: {{action: std.noop, publish: {{n: 0}}, on-success: j}}
    j:
      join: {kind}
      action: std.noop
      publish: {{n: <% $.n + 1 %>}}
      on-success: {{j: <% $.n < 3 %>}}
""")
        assert execution.execution.state is State.SUCCESS
        assert len(execution.runs_of("j")) == 3


def test_a_looping_task_before_a_join_counts_by_its_newest_run() -> None:
    execution = run("""
    begin: {action: std.noop, on-success: count}
    count:
      action: std.async_noop
      publish: {n: '<% $.get(n, 0) + 1 %>'}
      on-success:
        - count: <% $.n < 2 %>
        - j: <% $.n >= 2 %>
    other: {action: std.noop, on-success: j}
    j: {join: all, action: std.noop}
""")
    end(execution, "count")
    assert execution.states()["j"] == "WAITING"
    end(execution, "count")
    assert execution.states()["j"] == "SUCCESS"
    assert execution.execution.state is State.SUCCESS


def test_a_join_fails_as_soon_as_its_number_is_out_of_reach() -> None:
    execution = run("""
    a: {action: std.async_noop, on-success: j}
    b: {action: std.async_noop, on-success: j}
    c: {action: std.async_noop, on-success: j}
    j: {join: 2, action: std.noop, on-error: mend}
    mend: {action: std.noop}
""")
    end(execution, "a")
    end(execution, "b", State.ERROR)
    assert execution.states()["j"] == "WAITING"
    end(execution, "c", State.ERROR)
    assert execution.states()["j"] == "ERROR"
    assert execution.tasks[execution.runs_of("j")[0].id].state_info == "Failed by tasks: b, c"
    assert execution.states()["mend"] == "SUCCESS"
    assert execution.execution.state is State.ERROR  # b and c were handled by nobody


def test_a_failed_join_follows_its_on_error_once_although_others_arrive_later() -> None:
    execution = run("""
    a: {action: std.async_noop, on-success: j, on-error: noop}
    b: {action: std.async_noop, on-success: j}
    c: {action: std.async_noop, on-success: j}
    j: {join: all, action: std.noop, on-error: mend}
    mend: {action: std.noop}
""")
    end(execution, "b")
    end(execution, "a", State.ERROR)
    end(execution, "c")
    assert len(execution.runs_of("mend")) == 1
    assert execution.execution.state is State.SUCCESS


def test_joins_that_wait_for_each_other_fail() -> None:
    execution = run("""
    start: {action: std.noop, on-success: [left, right]}
    left: {join: all, action: std.noop, on-success: right}
    right: {join: all, action: std.noop, on-success: left}
""")
    assert execution.execution.state is State.ERROR
    assert execution.states() == {"start": "SUCCESS", "left": "ERROR", "right": "ERROR"}


def test_a_join_behind_a_pause_waits_for_its_other_branches() -> None:
    execution = run("""
    a: {action: std.noop, on-success: [pause, j]}
    b: {action: std.async_noop, on-success: j}
    j: {join: all, action: std.noop}
""")
    assert execution.execution.state is State.PAUSED
    execution.resume()
    assert execution.states()["j"] == "WAITING"
    end(execution, "b")
    assert execution.execution.state is State.SUCCESS


def test_a_failed_join_waits_again_when_an_inbound_task_is_rerun() -> None:
    execution = run("""
    a: {action: std.async_noop, on-success: j}
    b: {action: std.noop, on-success: j}
    j: {join: all, action: std.noop}
""")
    end(execution, "a", State.ERROR)
    assert execution.states()["j"] == "ERROR"
    assert execution.execution.state is State.ERROR
    execution.rerun("a")
    assert execution.execution.state is State.RUNNING
    end(execution, "a")
    assert execution.states()["j"] == "SUCCESS"
    assert execution.execution.state is State.SUCCESS
    assert len(execution.runs_of("j")) == 1


def test_a_join_obeys_wait_before_and_pause_before() -> None:
    execution = run("""
    a: {action: std.noop, on-success: j}
    j: {join: all, action: std.noop, wait-before: 5}
""")
    assert execution.states()["j"] == "DELAYED"
    execution.fire("wait-before")
    assert execution.execution.state is State.SUCCESS
    execution = run("""
    a: {action: std.noop, on-success: j}
    j: {join: all, action: std.noop, pause-before: true}
""")
    assert (execution.states()["j"], execution.execution.state) == ("IDLE", State.PAUSED)
    execution.resume()
    assert execution.execution.state is State.SUCCESS
