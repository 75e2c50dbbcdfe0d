"""What goes on without end or grows without bound ends in ERROR with a text that says why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.canvas import Lanes, ReadyAction, Work, build
from workflows.models import TaskExecution, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows

pytestmark = pytest.mark.django_db

LOOP = """
version: '2.0'
loop:
  tasks:
    begin: {action: std.noop, on-success: again}
    again: {action: std.noop, on-success: again}
"""
TWO_TASK_LOOP = """
version: '2.0'
loop:
  tasks:
    begin: {action: std.noop, on-success: ping}
    ping: {action: std.sleep seconds=0, on-success: pong}
    pong: {action: std.sleep seconds=0, on-success: ping}
"""
FORKS = """
version: '2.0'
forks:
  tasks:
    a: {action: std.noop, on-success: [b1, b2]}
    b1: {action: std.noop, on-success: c}
    b2: {action: std.noop, on-success: c}
    c: {action: std.noop, on-success: [d1, d2]}
    d1: {action: std.noop, on-success: e}
    d2: {action: std.noop, on-success: e}
    e: {action: std.noop}
"""
ITEMS = """
version: '2.0'
many:
  tasks:
    each: {with-items: i in <% range(11) %>, action: std.noop}
"""
RETRY = """
version: '2.0'
stubborn:
  tasks:
    act: {action: std.fail, retry: {count: 11, delay: 0}}
"""
NESTED = """
version: '2.0'
nested:
  tasks:
    call: {workflow: nested}
"""
FAILS = """
version: '2.0'
fails:
  tasks:
    act: {action: std.fail error_data=<% 'x' * 5000 %>}
"""


def finish(execution: WorkflowExecution) -> WorkflowExecution:
    """Let everything happen that happens without workers."""
    for _ in range(100):
        advance(execution.id)
    execution.refresh_from_db()
    return execution


@pytest.mark.parametrize("text", [LOOP, TWO_TASK_LOOP])
def test_a_loop_without_end_ends(text: str, settings: Any) -> None:
    settings.LEVANTE_MAX_VISITS = 30
    execution = work(finish(start(text)))
    assert execution.state == "ERROR"
    assert "The task runs for the 31th time; 30 times are allowed." in str(execution.state_info)
    assert TaskExecution.objects.filter(execution=execution).count() <= 62


def test_forks_without_joins_are_counted_as_well(settings: Any) -> None:
    settings.LEVANTE_MAX_VISITS = 3
    assert finish(start(FORKS)).state == "ERROR"
    settings.LEVANTE_MAX_VISITS = 4
    assert finish(start(FORKS.replace("forks", "more"))).state == "SUCCESS"


def test_an_execution_has_only_so_many_tasks(settings: Any) -> None:
    settings.LEVANTE_MAX_TASKS = 50
    execution = finish(start(LOOP))
    assert "more than 50 tasks" in str(execution.state_info)
    assert TaskExecution.objects.filter(execution=execution).count() <= 70


def test_too_many_items_fail_their_task(settings: Any) -> None:
    settings.LEVANTE_MAX_ITEMS = 10
    execution = finish(start(ITEMS))
    assert "too many items: 11 items; 10 are allowed" in str(execution.state_info)
    assert states(execution) == {"each": "ERROR"}
    assert not ready_actions(execution.id)
    settings.LEVANTE_MAX_ITEMS = 11
    assert finish(start(ITEMS.replace("many", "some"))).state == "SUCCESS"


def test_too_many_retries_are_refused(settings: Any) -> None:
    settings.LEVANTE_MAX_RETRIES = 10
    execution = finish(start(RETRY))
    assert "retry count must be 10 at most" in str(execution.state_info)


def test_a_workflow_that_calls_itself_ends(settings: Any) -> None:
    settings.LEVANTE_MAX_WORKFLOW_DEPTH = 3
    create_workflows(caller=make_caller("other"), text=NESTED, namespace="", scope="private")
    root = start(NESTED)
    for _ in range(5):
        for child in WorkflowExecution.objects.filter(state="RUNNING").order_by("-depth"):
            advance(child.id)
    root.refresh_from_db()
    assert root.state == "ERROR"
    deepest = WorkflowExecution.objects.order_by("-depth")[0]
    assert deepest.depth == 3
    assert "deeper than 3 levels" in str(deepest.state_info)


def test_a_long_text_of_an_error_is_cut(settings: Any) -> None:
    settings.LEVANTE_MAX_INFO_LENGTH = 1000
    execution = work(start(FAILS))
    assert execution.state == "ERROR"
    assert len(str(execution.state_info)) == 1000
    assert str(execution.state_info).endswith("...")


def test_messages_are_small_whatever_an_execution_holds() -> None:
    """They carry ids, and a name of a queue of 255 characters at most."""
    execution = start(LOOP)
    target = "q" * 255
    work = Work(
        actions=(ReadyAction(execution.id, execution.id, target),),
        lanes=(Lanes(execution.id, execution.id, 1, target),),
        executions=(execution.id,),
    )
    assert all(len(repr(signature)) < 4_000 for signature in build(work))
