"""Parents and children that a worker advances in one turn, instead of sending messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.factories import make_caller, ready_actions
from workflows.canvas import Work
from workflows.models import WorkflowExecution
from workflows.services.advancing import advance as module
from workflows.services.advancing.advance import advance_family
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions.executions import start_execution
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

TEXT = """
version: '2.0'
family_root:
  tasks:
    t: {with-items: i in <% range(3) %>, workflow: family_child}
family_child:
  tasks:
    t: {workflow: family_grandchild}
family_grandchild:
  tasks:
    t: {action: ACTION}
"""


@pytest.fixture(autouse=True)
def one_turn(settings: Any) -> None:
    settings.LEVANTE_TURN_SECONDS = 600.0


def begin(action: str, workflow: str) -> WorkflowExecution:
    caller = make_caller()
    text = TEXT.replace("ACTION", action)
    create_workflows(caller=caller, text=text, namespace="", scope="private")
    return start_execution(project_id=caller.project_id, workflow=workflow, input={}, params={})


def rung_executions(rung: list[Work]) -> list[UUID]:
    return [one for work in rung for one in work.executions]


def test_a_worker_goes_down_to_a_child_and_up_again_without_a_message(rung: list[Work]) -> None:
    execution = begin("std.noop", "family_child")
    rung.clear()
    advance_family(execution.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    assert rung_executions(rung) == []


def test_of_several_children_one_is_kept_and_the_others_are_sent(rung: list[Work]) -> None:
    execution = begin("std.noop", "family_root")
    rung.clear()
    advance_family(execution.id)
    children = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
    sent = set(rung_executions(rung))
    assert len(sent) == 2
    assert {one.id: one.state for one in children} == {
        one.id: "RUNNING" if one.id in sent else "SUCCESS" for one in children
    }


def test_who_ends_the_last_action_of_a_child_ends_its_parents(rung: list[Work]) -> None:
    execution = begin("std.sleep seconds=0", "family_child")
    advance_family(execution.id)
    grandchild = WorkflowExecution.objects.get(workflow_name="family_grandchild")
    rung.clear()
    take_turn(ready_actions(grandchild.id)[0].id, grandchild.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    assert rung_executions(rung) == []


def test_what_is_left_when_the_turn_is_over_is_sent(rung: list[Work], settings: Any) -> None:
    settings.LEVANTE_TURN_SECONDS = -1.0
    execution = begin("std.noop", "family_child")
    rung.clear()
    advance_family(execution.id)
    grandchild = WorkflowExecution.objects.get(workflow_name="family_grandchild")
    assert rung_executions(rung) == [grandchild.id]


def test_what_is_left_when_an_advance_fails_is_sent(
    rung: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = begin("std.noop", "family_child")
    rung.clear()
    advance = module.advance

    def fail_in_the_grandchild(execution_id: UUID, *, kept: list[UUID]) -> None:
        advance(execution_id, kept=kept)
        raise RuntimeError("no luck")

    monkeypatch.setattr(module, "advance", fail_in_the_grandchild)
    with pytest.raises(RuntimeError, match="no luck"):
        advance_family(execution.id)
    grandchild = WorkflowExecution.objects.get(workflow_name="family_grandchild")
    assert rung_executions(rung) == [grandchild.id]


LIMITED = """
version: '2.0'
family_limited:
  tasks:
    t: {with-items: i in <% range(5) %>, workflow: family_leaf, concurrency: 2}
family_leaf:
  tasks:
    t: {action: std.noop}
"""


def test_children_that_end_at_once_make_room_once_each() -> None:
    caller = make_caller()
    create_workflows(caller=caller, text=LIMITED, namespace="", scope="private")
    execution = start_execution(
        project_id=caller.project_id, workflow="family_limited", input={}, params={}
    )
    children = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
    for _ in range(5):
        module.advance(execution.id)
        opened = children.exclude(state="SUCCESS")
        assert len(opened) <= 2
        for child in opened:
            module.advance(child.id)
        execution.refresh_from_db()
    assert sorted(children.values_list("item_index", flat=True)) == [0, 1, 2, 3, 4]
