"""Executions that the tests of pages look at, made as a worker would make them."""

from __future__ import annotations

from tests.factories import make_caller, start, work
from workflows.engine.states import State
from workflows.jsontypes import JSONValue
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.running.action_runs import complete_action

NESTED = """
version: "2.0"
outer:
  input: [sites]
  tags: [restore]
  tasks:
    begin:
      action: std.echo output="begun"
      publish: {greeting: hello}
      on-success: [middle]
    middle:
      with-items: site in <% $.sites %>
      workflow: inner site=<% $.site %>
      on-success: [end]
    end:
      action: std.noop
inner:
  input: [site]
  tasks:
    deeper:
      workflow: innermost site=<% $.site %>
innermost:
  input: [site]
  tasks:
    copy:
      action: std.fail error_data="volume of <% $.site %> is attached elsewhere"
"""
WAITING = """
version: "2.0"
approval:
  tasks:
    ask:
      action: std.async_noop
      publish: {answer: <% task().result %>}
      on-success: [tell]
    tell:
      action: std.echo output=<% $.answer %>
"""
ITEMS = """
version: "2.0"
batch:
  input: [names]
  tasks:
    each:
      with-items: name in <% $.names %>
      action: std.fail error_data="item broke"
"""


def settle(root: WorkflowExecution) -> WorkflowExecution:
    """Work on an execution and all below it until nothing changes any more."""
    for _ in range(30):
        below = WorkflowExecution.objects.filter(root_execution_id=root.pk)
        for execution in [*below.order_by("-depth"), root]:
            advance(execution.pk, force=not execution.is_started)
            work(execution)
        root.refresh_from_db()
        if root.state in ("SUCCESS", "ERROR", "CANCELLED"):
            break
    return root


def failed_deep(team: str = "blue") -> WorkflowExecution:
    """An execution that failed three sub-workflows deep."""
    execution = start(NESTED, caller=make_caller(team), input={"sites": ["north", "south"]})
    return settle(execution)


def waiting(team: str = "blue") -> WorkflowExecution:
    """An execution whose asynchronous action waits for its result."""
    return start(WAITING, caller=make_caller(team))


def complete(action: ActionExecution, result: JSONValue = None) -> None:
    """Report the result of an asynchronous action, as somebody else would."""
    complete_action(action.pk, state=State.SUCCESS, output=result, has_output=True)
    assert action.execution_id is not None
    advance(action.execution_id)


def with_failed_items(team: str = "blue") -> WorkflowExecution:
    return settle(start(ITEMS, caller=make_caller(team), input={"names": ["a", "b", "c"]}))


def simple(team: str = "blue", name: str = "simple") -> WorkflowExecution:
    text = f'version: "2.0"\n{name}:\n  tasks:\n    only:\n      action: std.noop\n'
    return start(text, caller=make_caller(team))


def upload(text: str, team: str = "blue") -> None:
    create_workflows(caller=make_caller(team), text=text, namespace="", scope="private")


def task_of(execution: WorkflowExecution, name: str) -> TaskExecution:
    found = TaskExecution.objects.filter(execution=execution, name=name)
    return found.order_by("-created_at")[0]
