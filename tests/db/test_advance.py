"""What one advance reads and writes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import make_caller, start
from workflows.models import WorkflowExecution
from workflows.services.advancing import advance as advance_module
from workflows.services.advancing import store
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions.executions import delete_execution, start_execution

pytestmark = pytest.mark.django_db

ECHO = """
version: '2.0'
echo:
  input: [word]
  output: {word: <% $.word %>}
  tasks:
    say: {action: std.noop}
"""
MANY = """
version: '2.0'
many:
  input: [count]
  tasks:
    each:
      with-items: i in <% range($.count) %>
      workflow: one
"""
ONE = """
version: '2.0'
one:
  tasks:
    act: {action: std.noop}
"""


def test_an_id_that_was_used_before_brings_no_old_input() -> None:
    caller = make_caller()
    create_workflows(caller=caller, text=ECHO, namespace="", scope="private")
    chosen = uuid4()

    def run(word: str) -> Any:
        execution = start_execution(
            project_id=caller.project_id,
            workflow="echo",
            input={"word": word},
            params={},
            execution_id=chosen,
        )
        advance(chosen)
        execution.refresh_from_db()
        return execution.output

    assert run("first") == {"word": "first"}
    delete_execution(chosen, force=False)
    assert run("second") == {"word": "second"}


def test_sub_workflows_of_a_list_are_written_together() -> None:
    create_workflows(caller=make_caller(), text=ONE, namespace="", scope="private")

    def inserts(count: int) -> int:
        name = f"many{count}"
        with CaptureQueriesContext(
            connection,
        ) as queries:
            execution = start(MANY.replace("many:", f"{name}:"), input={"count": count})
        children = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
        assert children.count() == count
        return sum(query["sql"].count("INSERT INTO workflow_executions") for query in queries)

    assert inserts(2) == inserts(30) == 1


@pytest.mark.parametrize("is_marked", [True, False])
def test_inline_actions_are_all_carried_out_however_many_were_cut_off(
    is_marked: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = make_caller()
    tasks = "".join(f"    t{index}: {{action: std.noop}}\n" for index in range(7))
    text = f"version: '2.0'\nwide:\n  tasks:\n{tasks}"
    create_workflows(caller=caller, text=text, namespace="", scope="private")
    execution = start_execution(project_id=caller.project_id, workflow="wide", input={}, params={})
    settings.LEVANTE_ADVANCE_SECONDS = -1
    advance_module._advance_once(execution.id, force=False)
    settings.LEVANTE_ADVANCE_SECONDS = 60
    monkeypatch.setattr(store, "INLINE_BATCH", 2)
    if not is_marked:
        WorkflowExecution.objects.update(is_cut_off=False)
    advance(execution.id, force=not is_marked)
    execution.refresh_from_db()
    assert (execution.state, execution.is_cut_off) == ("SUCCESS", False)
