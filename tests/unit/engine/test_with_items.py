"""Tasks with items."""

from __future__ import annotations

import pytest

from tests.fakes import MemoryExecution
from workflows.engine.states import State
from workflows.jsontypes import JSONValue


def run(text: str, **given: JSONValue) -> MemoryExecution:
    head = f"  input: [{', '.join(given)}]\n" if given else ""
    return MemoryExecution(f"version: '2.0'\nw:\n{head}  tasks:\n{text}", given).start()


def item(execution: MemoryExecution, index: int) -> None:
    (action,) = [a for a in execution.running() if a.item_index == index]
    execution.end_action(action, State.SUCCESS, index)


def fail(execution: MemoryExecution, index: int) -> None:
    (action,) = [a for a in execution.running() if a.item_index == index]
    execution.end_action(action, State.ERROR, f"bad {index}")


ASYNC = """
    a:
      with-items: i in <% range(3) %>
      action: std.async_noop
      publish: {all: <% task().result %>}
      publish-on-error: {all: <% task().result %>}
      on-error: noop
"""


def test_results_stand_in_the_order_of_the_items() -> None:
    execution = run(ASYNC)
    for index in (2, 0, 1):
        item(execution, index)
    assert execution.execution.output == {"all": [0, 1, 2]}


def test_a_failed_item_fails_the_task_when_all_have_ended() -> None:
    execution = run(ASYNC)
    fail(execution, 1)
    assert execution.states() == {"a": "RUNNING"}
    item(execution, 0)
    item(execution, 2)
    assert execution.states() == {"a": "ERROR"}
    assert execution.execution.output == {"all": [0, "bad 1", 2]}


def test_a_cancelled_item_cancels_task_and_execution_at_once() -> None:
    execution = run(ASYNC)
    execution.end_action(execution.running()[1], State.CANCELLED)
    assert (execution.states(), execution.execution.state) == ({"a": "CANCELLED"}, State.CANCELLED)
    assert execution.execution.output == {"result": "Cancelled tasks: a"}


@pytest.mark.parametrize(
    ("items", "expected"),
    [({"x": 1, "y": 2}, ["x", "y"]), ("ab", ["a", "b"]), ([], []), ([None, 0], [None, 0])],
)
def test_what_may_be_iterated(items: JSONValue, expected: JSONValue) -> None:
    execution = run(
        """
    a:
      with-items: i in <% $.items %>
      action: std.echo output=<% $.i %>
      publish: {all: <% task().result %>}
""",
        items=items,
    )
    assert execution.execution.output == {"all": expected}


@pytest.mark.parametrize("items", [None, 5, True, 1.5])
def test_what_may_not_be_iterated_fails_everything(items: JSONValue) -> None:
    execution = run(
        "    a: {with-items: i in <% $.items %>, action: std.noop, on-error: noop}\n", items=items
    )
    assert execution.execution.state is State.ERROR
    assert execution.actions == {}


def test_lists_of_different_lengths_fail_everything() -> None:
    execution = run("""
    a: {with-items: ["i in [1, 2]", "j in [1]"], action: std.noop, on-error: noop}
""")
    assert execution.execution.state is State.ERROR
    assert execution.actions == {}


def test_an_item_variable_wins_over_a_published_one() -> None:
    execution = run("""
    first: {action: std.noop, publish: {i: published}, on-success: a}
    a:
      with-items: i in [1, 2]
      action: std.echo output=<% $.i %>
      publish: {all: <% task().result %>}
""")
    assert execution.execution.output == {"i": "published", "all": [1, 2]}


def test_only_as_many_items_as_allowed_are_ready() -> None:
    execution = run("""
    a: {with-items: i in <% range(5) %>, concurrency: 2, action: std.async_noop}
""")
    states = [action.state for action in execution.actions.values()]
    assert states.count(State.RUNNING) == 2
    assert states.count(State.IDLE) == 3
    assert [command.count for command in execution.lanes] == [2]


def test_each_target_gets_lanes_for_its_ready_items() -> None:
    execution = run("""
    a:
      with-items: i in <% range(7) %>
      concurrency: 5
      action: std.async_noop
      target: <% switch($.i < 3 => near, true => far) %>
""")
    rung = [(command.target, command.count) for command in execution.lanes]
    assert rung == [("near", 3), ("far", 2)]
    item(execution, 0)
    assert [(command.target, command.count) for command in execution.lanes[2:]] == [
        ("far", 1),
        ("near", 1),
    ]


def test_a_rerun_without_reset_repeats_the_failed_items_wherever_they_stand() -> None:
    execution = run(ASYNC.replace("      on-error: noop\n", ""))
    fail(execution, 0)
    item(execution, 1)
    fail(execution, 2)
    execution.rerun("a", reset=False)
    assert sorted(action.item_index for action in execution.running()) == [0, 2]
    item(execution, 2)
    assert execution.states() == {"a": "RUNNING"}
    item(execution, 0)
    assert execution.execution.output == {"all": [0, 1, 2]}


def test_a_rerun_with_reset_repeats_all_items() -> None:
    execution = run(ASYNC.replace("      on-error: noop\n", ""))
    for index in range(3):
        fail(execution, index)
    execution.rerun("a")
    assert len(execution.running()) == 3
    for index in range(3):
        item(execution, index)
    assert execution.execution.output == {"all": [0, 1, 2]}


def test_retry_repeats_all_items() -> None:
    execution = run("""
    a: {with-items: "i in [1, 2]", action: std.fail, retry: {count: 1, delay: 0}}
""")
    accepted = [action.is_accepted for action in execution.actions.values()]
    assert accepted == [False, False, True, True]


def test_results_that_are_not_kept_are_nulls() -> None:
    execution = run("""
    a:
      with-items: i in [1, 2]
      action: std.echo output=<% $.i %>
      keep-result: false
      publish: {own: <% task().result %>}
      on-success: b
    b: {action: std.noop, publish: {later: <% task(a).result %>}}
""")
    assert execution.execution.output == {"own": [1, 2], "later": [None, None]}


def test_a_timeout_lists_the_ended_items_only() -> None:
    execution = run("""
    a:
      with-items: i in <% range(3) %>
      action: std.async_noop
      timeout: 4
      publish-on-error: {all: <% task().result %>}
      on-error: noop
""")
    item(execution, 1)
    execution.fire("timeout")
    assert execution.execution.output == {"all": [1]}


def test_many_inline_items_are_carried_out_in_several_decisions() -> None:
    execution = MemoryExecution(
        """
version: '2.0'
w:
  output: {sum: <% $.all.sum() %>}
  tasks:
    a:
      with-items: i in <% range(50) %>
      action: std.echo output=<% $.i %>
      publish: {all: <% task().result %>}
""",
        steps_at_once=7,
    ).start()
    assert execution.execution.output == {"sum": sum(range(50))}
