"""What can be said about a definition beyond its syntax: doubts, each with its place and a hint.

Nothing here refuses a definition. Names may be defined later, and expressions decide at run time;
so only what is written out literally is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, Protocol
from uuid import UUID

from workflows.actions.adhoc import ResolvedAction, check_action_input, resolve_action
from workflows.actions.base import Action
from workflows.errors import ActionError, ActionInputInvalid, Problem
from workflows.expressions.evaluate import is_expression
from workflows.jsontypes import JSONValue
from workflows.language.graph import list_clauses
from workflows.language.parser import build_action
from workflows.language.specs import AdhocActionSpec, InputParameter, TaskSpec, WorkflowSpec
from workflows.services.definitions.code_sources import find_code_action
from workflows.services.definitions.definitions import find_adhoc_action, find_workflow, load_spec

# A text that is nothing but a variable; inside functions `$` may be something else.
_VARIABLE: Final = re.compile(
    r"<%\s*\$\.([A-Za-z]\w*)[\w.]*\s*%>|\{\{\s*_\.([A-Za-z]\w*)[\w.]*\s*\}\}"
)


class Names(Protocol):
    """What is defined elsewhere."""

    def action(self, name: str) -> ResolvedAction | None: ...

    def workflow_inputs(self, name: str) -> tuple[InputParameter, ...] | None: ...


class StoredNames:
    """The definitions that a project sees in a namespace, and those of the document itself."""

    def __init__(
        self,
        project_id: UUID,
        namespace: str,
        workflows: Mapping[str, WorkflowSpec],
        actions: Mapping[str, AdhocActionSpec],
    ) -> None:
        self._project_id = project_id
        self._namespace = namespace
        self._workflows = workflows
        self._actions = actions

    def action(self, name: str) -> ResolvedAction | None:
        try:
            return resolve_action(name, self._namespace, self._find_adhoc, self._find_code)
        except ActionError:
            return None

    def workflow_inputs(self, name: str) -> tuple[InputParameter, ...] | None:
        if name in self._workflows:
            return self._workflows[name].input
        found = find_workflow(
            name_or_id=name,
            namespace=self._namespace,
            project_id=self._project_id,
            fallback=True,
        )
        if found is None or found.revision is None:
            return None
        return load_spec(found.revision).spec.input

    def _find_adhoc(self, name: str, namespace: str) -> AdhocActionSpec | None:
        if name in self._actions:
            return self._actions[name]
        found = find_adhoc_action(name=name, namespace=namespace, project_id=self._project_id)
        return None if found is None else build_action(found.name, found.spec)

    def _find_code(self, name: str, namespace: str) -> Action | None:
        return find_code_action(name, namespace, self._project_id)


class BuiltInNames:
    """The built-in actions and the definitions of one document; for use without a database."""

    def __init__(
        self, workflows: Mapping[str, WorkflowSpec], actions: Mapping[str, AdhocActionSpec]
    ) -> None:
        self._workflows = workflows
        self._actions = actions

    def action(self, name: str) -> ResolvedAction | None:
        try:
            return resolve_action(name, "", lambda wanted, namespace: self._actions.get(wanted))
        except ActionError:
            return None

    def workflow_inputs(self, name: str) -> tuple[InputParameter, ...] | None:
        return self._workflows[name].input if name in self._workflows else None


def review_workflows(workflows: Iterable[WorkflowSpec], names: Names) -> tuple[Problem, ...]:
    """Give doubts about workflows: unknown names, wrong parameters, variables nobody sets."""
    found: list[Problem] = []
    for workflow in workflows:
        known = _known_variables(workflow)
        for task in workflow.tasks.values():
            found += _review_action(task, names)
            found += _review_workflow(task, names)
            found += _review_variables(task, known)
    return tuple(found)


def _review_action(task: TaskSpec, names: Names) -> list[Problem]:
    if task.workflow is not None or task.action is None or is_expression(task.action):
        return []
    resolved = names.action(task.action)
    if resolved is None:
        return [_doubt(task, "action", f"there is no action '{task.action}' so far")]
    if isinstance(task.input, str):
        return []
    try:
        check_action_input(resolved, dict(task.input))
    except ActionInputInvalid as error:
        reason = error.message.partition("[")[2].removesuffix("]")
        facts = ", ".join(part for part in reason.split(", ") if "class=" not in part)
        return [_doubt(task, "input", f"the action does not take this input ({facts})")]
    return []


def _review_workflow(task: TaskSpec, names: Names) -> list[Problem]:
    if task.workflow is None or is_expression(task.workflow):
        return []
    inputs = names.workflow_inputs(task.workflow)
    if inputs is None:
        return [_doubt(task, "workflow", f"there is no workflow '{task.workflow}' so far")]
    if isinstance(task.input, str):
        return []
    declared = {parameter.name for parameter in inputs}
    undeclared = [name for name in task.input if name not in declared and name != "task_name"]
    missing = [one.name for one in inputs if one.is_required and one.name not in task.input]
    found = [
        _doubt(
            task,
            f"input.{name}",
            f"'{task.workflow}' does not declare this input; it becomes one of its params",
            _closest(name, declared),
        )
        for name in undeclared
    ]
    if missing:
        found.append(_doubt(task, "input", f"'{task.workflow}' needs {', '.join(missing)}, too"))
    return found


def _review_variables(task: TaskSpec, known: set[str] | None) -> list[Problem]:
    if known is None:
        return []
    own = known | {one.variable for one in task.with_items}
    return [
        _doubt(task, "", f"nothing sets the variable '{name}'", _closest(name, own))
        for name in dict.fromkeys(_variables_in(task.raw))
        if name not in own
    ]


def _known_variables(workflow: WorkflowSpec) -> set[str] | None:
    """Everything that an expression may find: inputs, vars, what is published.

    None if an expression decides about that.
    """
    known = {parameter.name for parameter in workflow.input} | set(workflow.vars)
    for task in workflow.tasks.values():
        written: list[Mapping[str, JSONValue] | str] = [
            task.publish,
            task.publish_on_error,
            task.publish_on_skip,
        ]
        for clause in list_clauses(task):
            if clause.publish is not None:
                written += [clause.publish.branch, clause.publish.global_]
        for names in written:
            if isinstance(names, str):
                return None
            known |= set(names)
    return known


def _variables_in(value: JSONValue) -> Iterable[str]:
    if isinstance(value, str):
        for found in _VARIABLE.finditer(value):
            yield found.group(1) or found.group(2)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _variables_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _variables_in(inner)


def _doubt(task: TaskSpec, key: str, message: str, hint: str = "") -> Problem:
    position = task.position
    return Problem(
        message,
        f"tasks.{task.name}" + (f".{key}" if key else ""),
        position.line if position else 0,
        position.column if position else 0,
        "warning",
        hint,
    )


def _closest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), 1)
    return f"did you mean '{matches[0]}'?" if matches else ""
