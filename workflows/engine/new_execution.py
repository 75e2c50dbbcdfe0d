"""What a new execution starts with: its input completed and checked, its params and vars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.engine.scope import describe_execution
from workflows.engine.snapshot import ExecutionSnapshot
from workflows.engine.states import State
from workflows.errors import RequestInvalid, WorkflowInputInvalid
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader
from workflows.language.specs import Missing

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from workflows.engine.catalogue import RunnableWorkflow
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.specs import WorkflowSpec


@dataclass(frozen=True, slots=True)
class NewExecution:
    """The values of a new execution; `globals` holds its vars."""

    input: JSONObject
    params: JSONObject
    globals: JSONObject


class StartReader(NoReader):
    """Answers the expression functions while the vars are evaluated: there is no task yet."""

    def __init__(
        self, execution: ExecutionSnapshot, spec: WorkflowSpec, new_id: Callable[[], UUID]
    ) -> None:
        super().__init__(lambda: str(new_id()))
        self._execution = execution
        self._spec = spec

    def env(self) -> JSONObject:
        return self._execution.env

    def execution(self) -> JSONObject:
        return describe_execution(self._execution, self._spec)


def complete_input(spec: WorkflowSpec, given: Mapping[str, JSONValue]) -> JSONObject:
    """Fill in defaults. Raises WorkflowInputInvalid for missing or undeclared names."""
    declared = {parameter.name: parameter for parameter in spec.input}
    missing = [name for name, one in declared.items() if one.is_required and name not in given]
    unexpected = [name for name in given if name not in declared]
    if missing or unexpected:
        parts = [f"name={spec.name}", "class=WorkflowSpec"]
        parts += [f"missing={missing}"] if missing else []
        parts += [f"unexpected={unexpected}"] if unexpected else []
        raise WorkflowInputInvalid(f"Invalid input [{', '.join(parts)}]")
    completed = dict(given)
    for name, parameter in declared.items():
        if name not in completed and not isinstance(parameter.default, Missing):
            completed[name] = parameter.default
    return completed


def check_target_task(spec: WorkflowSpec, params: Mapping[str, JSONValue]) -> None:
    """Raise RequestInvalid unless the params of a reverse workflow name one of its tasks."""
    if spec.type == "reverse" and params.get("task_name") not in spec.tasks:
        raise RequestInvalid(f"Invalid task name [{params.get('task_name')}].")


def evaluate_environment(env: JSONObject, *, new_id: Callable[[], UUID]) -> JSONObject:
    """Evaluate the expressions in an environment once; `env()` there is what was given."""
    reader = EnvironmentReader(env, new_id)
    value = evaluate(env, Context({}, hidden={"__env": env}), reader)
    return value if isinstance(value, dict) else env


class EnvironmentReader(NoReader):
    """Answers only `env()` and `uuid()`."""

    def __init__(self, env: JSONObject, new_id: Callable[[], UUID]) -> None:
        super().__init__(lambda: str(new_id()))
        self._env = env

    def env(self) -> JSONObject:
        return self._env


def root_values(
    spec: WorkflowSpec,
    execution: ExecutionSnapshot,
    given: Mapping[str, JSONValue],
    *,
    new_id: Callable[[], UUID],
) -> NewExecution:
    """Give the values of a root execution; `execution` brings its id, name, params and env."""
    check_target_task(spec, execution.params)
    completed = complete_input(spec, given)
    started = replace(execution, input=completed)
    return NewExecution(completed, execution.params, _evaluate_vars(spec, started, new_id))


def child_values(
    parent: ExecutionSnapshot,
    workflow: RunnableWorkflow,
    *,
    child_id: UUID,
    task_id: UUID,
    item_index: int,
    given: JSONObject,
    clock: datetime,
    new_id: Callable[[], UUID],
) -> NewExecution:
    """Give the values of a sub-workflow. What it does not declare becomes one of its params."""
    spec = workflow.spec
    names = {parameter.name for parameter in spec.input}
    root_id = parent.root_execution_id or parent.id
    params: JSONObject = {
        "env": {},
        **({"notify": parent.params["notify"]} if "notify" in parent.params else {}),
        **{name: value for name, value in given.items() if name not in names},
        "root_execution_id": str(root_id),
        "task_execution_id": str(task_id),
        "index": item_index,
        # A sub-workflow looks names up where its parent does, wherever it was found itself.
        "namespace": parent.params.get("namespace", parent.workflow_namespace),
    }
    check_target_task(spec, params)
    completed = complete_input(spec, {name: given[name] for name in given if name in names})
    child = ExecutionSnapshot(
        id=child_id,
        state=State.RUNNING,
        workflow_name=workflow.name,
        workflow_namespace=workflow.namespace,
        created_at=clock,
        root_execution_id=root_id,
        input=completed,
        params=params,
        env=parent.env,
    )
    return NewExecution(completed, params, _evaluate_vars(spec, child, new_id))


def _evaluate_vars(
    spec: WorkflowSpec, execution: ExecutionSnapshot, new_id: Callable[[], UUID]
) -> JSONObject:
    """Vars see the input and the environment, not each other."""
    if not spec.vars:
        return {}
    context = Context(execution.input, hidden={"__env": execution.env})
    reader = StartReader(execution, spec, new_id)
    return {name: evaluate(value, context, reader) for name, value in spec.vars.items()}
