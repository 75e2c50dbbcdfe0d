"""Lanes: the items of a task, one after the other, never more at once than allowed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import start, work
from workflows.canvas import Work
from workflows.engine.states import State
from workflows.models import ActionExecution, TaskExecution
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state
from workflows.services.running.action_runs import complete_action
from workflows.services.running.attempts import perform
from workflows.services.running.lanes import _record_and_claim, claim_next, run_lane

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
TARGETS = """
version: '2.0'
fleet:
  tasks:
    ask:
      with-items: i in <% range(6) %>
      concurrency: 2
      action: std.sleep seconds=0
      target: <% switch($.i mod 2 = 0 => even, true => odd) %>
"""


def test_one_lane_runs_all_items(rung: list[Work]) -> None:
    execution = work(start(SLEEPS))
    assert (execution.state, execution.output) == ("SUCCESS", {"count": 7})
    lanes = [lanes for one in rung for lanes in one.lanes]
    assert [one.count for one in lanes] == [7]


def test_no_more_items_than_allowed_are_claimed_however_many_lanes_ask() -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    claims = [claim_next(task.id, "") for _ in range(6)]
    assert sum(claim is not None for claim in claims) == 2
    running = ActionExecution.objects.filter(task=task, state="RUNNING")
    assert sorted(running.values_list("item_index", flat=True)) == [0, 1]


def test_an_ended_item_makes_room_for_the_next(rung: list[Work]) -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    first = claim_next(task.id, "")
    assert first is not None
    assert claim_next(task.id, "") is not None
    complete_action(first.action_id, state=State.SUCCESS, output={}, has_output=True)
    advance(execution.id)
    assert rung[-1].lanes[0].task_id == task.id
    following = claim_next(task.id, "")
    assert following is not None
    assert ActionExecution.objects.get(id=following.action_id).item_index == 2
    assert claim_next(task.id, "") is None


def test_a_paused_execution_starts_no_item() -> None:
    execution = start(LIMITED)
    task = TaskExecution.objects.get(execution=execution)
    change_state(execution.id, State.PAUSED)
    assert claim_next(task.id, "") is None
    change_state(execution.id, State.RUNNING)
    assert claim_next(task.id, "") is not None


def lanes_of(works: list[Work]) -> list[tuple[str, int]]:
    return [(lanes.target, lanes.count) for one in works for lanes in one.lanes]


def test_a_lane_takes_the_items_of_its_own_target_alone(rung: list[Work]) -> None:
    execution = start(TARGETS.replace("      concurrency: 2\n", ""))
    task = TaskExecution.objects.get(execution=execution)
    assert lanes_of(rung) == [("even", 3), ("odd", 3)]
    run_lane(task.id, "odd")
    left = ActionExecution.objects.filter(task=task, state="RUNNING")
    assert set(left.values_list("target", "item_index")) == {("even", 0), ("even", 2), ("even", 4)}
    assert claim_next(task.id, "") is None


def test_concurrency_holds_over_all_targets_together(rung: list[Work]) -> None:
    execution = start(TARGETS)
    task = TaskExecution.objects.get(execution=execution)
    claims = [claim_next(task.id, target) for target in ("even", "even", "odd", "odd")]
    assert [claim is not None for claim in claims] == [True, False, True, False]


def test_a_lane_without_items_of_its_own_gives_its_room_to_others(rung: list[Work]) -> None:
    execution = start(TARGETS)
    task = TaskExecution.objects.get(execution=execution)
    rung.clear()
    run_lane(task.id, "even")
    assert lanes_of(rung) == [("odd", 1)]
    run_lane(task.id, "odd")
    assert lanes_of(rung) == [("odd", 1)]
    advance(execution.id)
    assert work(execution).state == "SUCCESS"


def test_a_lane_whose_time_is_over_goes_on_at_its_own_target(
    rung: list[Work], settings: Any
) -> None:
    settings.LEVANTE_TURN_SECONDS = -1
    execution = start(TARGETS)
    task = TaskExecution.objects.get(execution=execution)
    rung.clear()
    run_lane(task.id, "odd")
    assert lanes_of(rung) == [("odd", 1)]


def test_after_a_pause_each_open_target_is_rung(rung: list[Work]) -> None:
    execution = start(TARGETS)
    change_state(execution.id, State.PAUSED)
    rung.clear()
    change_state(execution.id, State.RUNNING)
    assert lanes_of(rung) == [("even", 2), ("odd", 2)]


def test_an_item_that_waits_gets_the_room_of_the_one_that_ends() -> None:
    execution = start(TARGETS)
    task = TaskExecution.objects.get(execution=execution)
    claim = claim_next(task.id, "even")
    assert claim is not None
    outcome = perform(claim)
    following = _record_and_claim(claim, outcome, task.id, "even")
    assert following is not None
    assert ActionExecution.objects.get(id=following.action_id).item_index == 2
    # A second record of the same item brings no room.
    assert _record_and_claim(claim, outcome, task.id, "even") is None
    states = ActionExecution.objects.filter(task=task).values_list("state", flat=True)
    assert sorted(states) == ["IDLE", "IDLE", "IDLE", "RUNNING", "RUNNING", "SUCCESS"]


def test_a_lane_of_a_paused_execution_records_and_ends() -> None:
    execution = start(TARGETS)
    task = TaskExecution.objects.get(execution=execution)
    claim = claim_next(task.id, "even")
    assert claim is not None
    change_state(execution.id, State.PAUSED)
    assert _record_and_claim(claim, perform(claim), task.id, "even") is None
    assert ActionExecution.objects.get(id=claim.action_id).state == "SUCCESS"
