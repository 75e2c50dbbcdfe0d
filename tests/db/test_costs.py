"""What a task costs: statements to the database and messages. Counts, so that they never drift."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from benchmarks.shapes import ACTIONS, SHAPES
from tests.factories import ready_actions, start
from workflows.canvas import Work
from workflows.models import ActionExecution, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.running.lanes import run_lane
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

SMALL, LARGE = 8, 24
DOCUMENTS = {shape.name: shape.document for shape in SHAPES}


@pytest.fixture(autouse=True)
def one_turn(settings: Any) -> None:
    """However slow the machine is, no turn ends early and sends what is left."""
    settings.LEVANTE_TURN_SECONDS = 600.0


def cost(shape: str, action: str, size: int, rung: list[Work]) -> tuple[int, int]:
    """The statements and messages of a whole execution, carried out by one worker."""
    rung.clear()
    # Names of their own, so that no definition is an update of another.
    text = DOCUMENTS[shape](size, ACTIONS[action]).replace("bench_", f"{action}_{size}_")
    given = {"data": "x" * 1_000} if shape == "data" else {}
    with CaptureQueriesContext(connection) as queries:
        execution = start(text, input=given)
        while ready := ready_actions(execution.id):
            if ready[0].is_item:
                run_lane(ready[0].task_id, "")
                advance(execution.id)
            else:
                take_turn(ready[0].id, execution.id)
        execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    messages = sum(
        len(work.actions) + sum(lane.count for lane in work.lanes) + len(work.executions)
        for work in rung
    )
    return len(queries), messages


@pytest.mark.parametrize(
    ("shape", "action", "statements", "messages"),
    [
        # An inline task is written with all others of its decision.
        ("chain", "inline", 0, 0),
        ("wide", "inline", 0, 0),
        ("join", "inline", 0, 0),
        ("items", "inline", 0, 0),
        ("items-8", "inline", 0, 0),
        ("data", "inline", 0, 0),
        # Begin, lock, record, write, end.
        ("chain", "ordinary", 5, 0),
        # The context that the task saw is the one that was written before.
        ("data", "ordinary", 5, 0),
        # The claim of the next, and a last look; sixty-four at most are sent.
        ("wide", "ordinary", 7, 1),
        # And what the join needs.
        ("join", "ordinary", 11, 1),
        # Record and claim in one.
        ("items", "ordinary", 1, 0),
        ("items-8", "ordinary", 1, 0),
    ],
)
def test_each_further_task_costs_no_more_than_this(
    shape: str, action: str, statements: int, messages: int, rung: list[Work]
) -> None:
    cost(shape, action, 2, rung)  # what is read once and kept does not count
    small, large = cost(shape, action, SMALL, rung), cost(shape, action, LARGE, rung)
    further = LARGE - SMALL
    # Lanes come to a limit of sixteen, so for items the messages grow until then.
    if shape.startswith("items"):
        assert large[1] <= 16 + 1
    else:
        assert (large[1] - small[1]) / further == messages
    assert (large[0] - small[0]) / further == statements


def test_arrivals_that_are_seen_together_read_their_join_once(rung: list[Work]) -> None:
    def statements(branches: int) -> int:
        names = [f"b{index}" for index in range(branches)]
        tasks = "".join(f"    {one}: {{action: std.async_noop, on-success: j}}\n" for one in names)
        tasks += "    first: {action: std.noop, on-success: j}\n    j: {join: all}\n"
        execution = start(f"version: '2.0'\ncount_{branches}:\n  tasks:\n{tasks}")
        ActionExecution.objects.filter(execution=execution, name="std.async_noop").update(
            state="SUCCESS", output={"result": None}, finished_at=Now()
        )
        with CaptureQueriesContext(connection) as queries:
            advance(execution.id)
        execution.refresh_from_db()
        assert execution.state == "SUCCESS"
        return len(queries)

    statements(2)  # what is read once and kept does not count
    assert statements(20) == statements(10)


def test_sub_workflows_are_written_with_all_else_that_was_decided() -> None:
    text = """
version: '2.0'
above:
  tasks:
    each: {with-items: i in <% range(5) %>, workflow: below}
below:
  tags: [small, "it's"]
  input: [i: 7]
  vars: {seen: <% $.i %>}
  tasks:
    act: {action: std.noop}
"""
    with CaptureQueriesContext(connection) as queries:
        execution = start(text)
    trips = [one["sql"] for one in queries if "INSERT INTO task_executions" in one["sql"]]
    assert len(trips) == 1
    assert trips[0].count("INSERT INTO workflow_executions") == 1
    children = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
    assert {(one.state, one.depth, one.globals["seen"]) for one in children} == {("RUNNING", 1, 7)}
    assert all(one.tags == ["small", "it's"] for one in children)
