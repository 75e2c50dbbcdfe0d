"""Lanes: the items of a task, one after the other, never more at once than allowed."""

from __future__ import annotations

import pytest

from tests.factories import start, work
from workflows.canvas import Work
from workflows.engine.states import State
from workflows.models import ActionExecution, TaskExecution
from workflows.services.action_runs import complete_action
from workflows.services.advance import advance
from workflows.services.executions import change_state
from workflows.services.lanes import claim_next

pytestmark = pytest.mark.django_db

SLEEPS = """
version: '2.0'
crowd:
  output: {count: <% $.count %>}
  tasks:
    rest:
      with-items: i in <% range(7) %>
      action: std.sleep seconds=0
      publish: {count: <% task().result.len() %>}
"""
LIMITED = """
version: '2.0'
limited:
  tasks:
    ask:
      with-items: i in <% range(5) %>
      concurrency: 2
      action: std.async_noop
"""


def test_one_lane_runs_all_items(rung: list[Work]) -> None:
    execution = work(start(SLEEPS))
    assert (execution.state, execution.output) == ("SUCCESS", {"count": 7})
    lanes = [lanes for one in rung for lanes in one.lanes]
    assert [one.count for one in lanes] == [7]


def test_no_more_items_than_allowed_are_claimed_however_many_lanes_ask() -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    claims = [claim_next(task.id) for _ in range(6)]
    assert sum(claim is not None for claim in claims) == 2
    running = ActionExecution.objects.filter(task=task, state="RUNNING")
    assert sorted(running.values_list("item_index", flat=True)) == [0, 1]


def test_an_ended_item_makes_room_for_the_next(rung: list[Work]) -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    first = claim_next(task.id)
    assert first is not None
    assert claim_next(task.id) is not None
    complete_action(first.action_id, state=State.SUCCESS, output={}, has_output=True)
    advance(execution.id)
    assert rung[-1].lanes[0].task_id == task.id
    following = claim_next(task.id)
    assert following is not None
    assert ActionExecution.objects.get(id=following.action_id).item_index == 2
    assert claim_next(task.id) is None


def test_a_paused_execution_starts_no_item() -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    change_state(execution.id, State.PAUSED)
    assert claim_next(task.id) is None
    change_state(execution.id, State.RUNNING)
    assert claim_next(task.id) is not None
