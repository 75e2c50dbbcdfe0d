"""Ways that a run has taken, into joins that wait as well."""

from __future__ import annotations

import pytest

from tests.browser.runs import task_of
from tests.factories import start, work
from workflows.models import TaskExecution, WorkflowExecution
from workflows.services.pages.run_graph import build_run_graph
from workflows.services.pages.task_details import find_causes_of_start, list_ways

pytestmark = pytest.mark.django_db(transaction=True)

JOINED = """
version: "2.0"
meet:
  tasks:
    quick: {action: std.noop, on-success: [both, never: "<% false %>"]}
    first: {action: std.noop, on-complete: second}
    second: {action: std.noop, on-success: both}
    slow: {action: std.async_noop, on-success: both}
    both: {join: all}
    never: {action: std.noop}
"""


@pytest.fixture
def execution() -> WorkflowExecution:
    return work(start(JOINED))


def taken_from(execution: WorkflowExecution, name: str) -> dict[str, bool]:
    return {way.target: way.is_taken for way in list_ways(task_of(execution, name))}


def test_a_way_into_a_join_that_waits_is_taken(execution: WorkflowExecution) -> None:
    join = task_of(execution, "both")
    assert join.state == "WAITING"
    assert taken_from(execution, "quick") == {"both": True, "never": False}
    # The join was there before this task.
    assert join.created_at < task_of(execution, "second").created_at
    assert taken_from(execution, "second") == {"both": True}
    assert taken_from(execution, "slow") == {"both": False}


def test_the_graph_says_the_same(execution: WorkflowExecution) -> None:
    edges = build_run_graph(execution, lambda task: "")["edges"]
    assert {(edge["from"], edge["to"]) for edge in edges if edge["is_taken"]} == {
        ("quick", "both"),
        ("first", "second"),
        ("second", "both"),
    }


def test_a_join_tells_who_has_led_to_it_before_and_after_it_starts(
    execution: WorkflowExecution,
) -> None:
    causes = find_causes_of_start(task_of(execution, "both"))
    assert [(task.name, event) for task, event in causes] == [
        ("quick", "on-success"),
        ("second", "on-success"),
    ]
    assert find_causes_of_start(task_of(execution, "quick")) == []
    TaskExecution.objects.filter(execution=execution, name="both").update(
        triggered_by=[{"task_id": str(causes[0][0].pk), "event": "on-success"}]
    )
    assert len(find_causes_of_start(task_of(execution, "both"))) == 1
    assert taken_from(execution, "second") == {"both": True}
