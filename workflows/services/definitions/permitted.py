"""Definitions that name actions which the operator does not let be used.

Only what is written out is looked at here; what an expression names is refused when it is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workflows.actions.registry import find_action
from workflows.errors import ActionNotAllowed, NotPermitted, Problem, SpecInvalid
from workflows.expressions.evaluate import is_expression
from workflows.language.specs import AdhocActionSpec, TaskSpec, WorkflowSpec


def require_allowed_definitions(
    workflows: Iterable[WorkflowSpec] = (), actions: Iterable[AdhocActionSpec] = ()
) -> None:
    """Refuse definitions with actions that may not be used; names all of them (SpecInvalid)."""
    problems = [
        Problem(message, f"tasks.{task.name}.action", *_place(task))
        for workflow in workflows
        for task, message in _find_forbidden(workflow)
    ]
    problems += [
        Problem(message, f"{action.name}.base")
        for action in actions
        if (message := _forbidden(action.base))
    ]
    if problems:
        raise SpecInvalid(problems)


def require_allowed_start(workflow: WorkflowSpec) -> None:
    """Refuse to start a workflow with actions that may not be used (NotPermitted)."""
    for _, message in _find_forbidden(workflow):
        raise NotPermitted(message)


def _find_forbidden(workflow: WorkflowSpec) -> Iterator[tuple[TaskSpec, str]]:
    for task in workflow.tasks.values():
        message = _forbidden(task.action) if task.action and task.workflow is None else ""
        if message:
            yield task, message


def _forbidden(name: str) -> str:
    if is_expression(name):
        return ""
    try:
        find_action(name)
    except ActionNotAllowed as error:
        return error.message
    return ""


def _place(task: TaskSpec) -> tuple[int, int]:
    return (task.position.line, task.position.column) if task.position else (0, 0)
