"""What expressions see while a decision is made: the variables and the answers to functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from workflows.engine.results import task_result
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate

if TYPE_CHECKING:
    from datetime import datetime

    from workflows.engine.draft import Draft
    from workflows.engine.snapshot import ExecutionSnapshot, TaskSnapshot
    from workflows.engine.states import State
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.specs import WorkflowSpec

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class Scope:
    """The variables and functions at one point of an execution.

    `items` are the variables of with-items, which win over everything. `branch` takes the place of
    the context that the task saw. `ends_as` is the state that `task()` shows of the task itself
    while its end is worked out.
    """

    def __init__(
        self,
        draft: Draft,
        task: TaskSnapshot | None = None,
        *,
        branch: Mapping[str, JSONValue] | None = None,
        items: Mapping[str, JSONValue] | None = None,
        ends_as: State | None = None,
    ) -> None:
        if branch is None:
            branch = draft.context(task.context_id if task else None).variables
        execution = draft.execution
        self.reader = DraftReader(draft, task, ends_as)
        self.context = Context(
            items or {},
            branch,
            execution.globals,
            execution.input,
            hidden={"__env": execution.env},
        )
        self.context_without_input = Context(
            branch, execution.globals, hidden={"__env": execution.env}
        )

    def evaluate(self, value: JSONValue) -> JSONValue:
        return evaluate(value, self.context, self.reader)


class DraftReader:
    """Answers the expression functions from the draft, and from the view about other executions."""

    def __init__(
        self, draft: Draft, task: TaskSnapshot | None, ends_as: State | None = None
    ) -> None:
        self._draft = draft
        self._ends_as = ends_as
        self._task_id = task.id if task else None

    def env(self) -> JSONObject:
        return self._draft.execution.env

    def execution(self) -> JSONObject:
        return describe_execution(self._draft.execution, self._draft.spec)

    def executions(
        self,
        *,
        id: str | None,
        root_execution_id: str | None,
        state: str | None,
        from_time: str | None,
        to_time: str | None,
    ) -> list[JSONObject]:
        return self._draft.view.reader.executions(
            id=id,
            root_execution_id=root_execution_id,
            state=state,
            from_time=from_time,
            to_time=to_time,
        )

    def task(self, name: str | None) -> JSONObject | None:
        draft = self._draft
        current = draft.task(self._task_id) if self._task_id else None
        if name is None or (current is not None and current.name == name):
            return describe_task(draft, self._as_it_ends(current)) if current else None
        found = draft.newest_task(name)
        return describe_task(draft, found) if found else None

    def tasks(
        self,
        *,
        workflow_execution_id: str | None,
        recursive: bool,
        state: str | None,
        flat: bool,
    ) -> list[JSONObject]:
        own = str(self._draft.execution.id)
        is_own = workflow_execution_id == own
        others: list[JSONObject] = []
        if not is_own or recursive:
            found = self._draft.view.reader.tasks(
                workflow_execution_id=workflow_execution_id,
                recursive=recursive,
                state=state,
                flat=flat,
            )
            others = [task for task in found if task["workflow_execution_id"] != own]
            is_own = is_own or workflow_execution_id is None
        return (self._own_tasks(state, flat=flat) if is_own else []) + others

    def _own_tasks(self, state: str | None, *, flat: bool) -> list[JSONObject]:
        """The tasks of this execution as the decision has changed them."""
        tasks = [self._as_it_ends(task) for task in self._draft.all_tasks()]
        tasks = [task for task in tasks if state is None or task.state == state]
        if flat:
            tasks = [task for task in tasks if not self._repeats_its_child(task)]
        return [describe_task(self._draft, task) for task in tasks]

    def _as_it_ends(self, task: TaskSnapshot) -> TaskSnapshot:
        """The current task is seen with the state in which it is about to end."""
        if self._ends_as is None or task.id != self._task_id:
            return task
        return replace(task, state=self._ends_as)

    def _repeats_its_child(self, task: TaskSnapshot) -> bool:
        """Whether the task only stands for a sub-workflow in the same state."""
        results = self._draft.results(task)
        is_workflow = task.type == "WORKFLOW"
        return is_workflow and all(result.state is task.state for result in results)

    def global_variable(self, name: str) -> JSONValue:
        return self._draft.execution.globals.get(name)

    def new_uuid(self) -> str:
        return str(self._draft.new_id())


def describe_execution(execution: ExecutionSnapshot, spec: WorkflowSpec) -> JSONObject:
    """Give what the function `execution()` answers."""
    root = execution.root_execution_id
    return {
        "id": str(execution.id),
        "name": execution.workflow_name,
        "spec": spec.raw,
        "input": execution.input,
        "params": execution.params,
        "created_at": format_time(execution.created_at),
        "updated_at": format_time(execution.updated_at),
        "root_execution_id": str(root) if root else None,
    }


def describe_task(draft: Draft, task: TaskSnapshot) -> JSONObject:
    """Give what the function `task()` answers."""
    spec = draft.spec_of(task)
    return {
        "id": str(task.id),
        "name": task.name,
        "spec": spec.raw,
        "state": str(task.state),
        "state_info": task.state_info,
        "result": task_result(task, draft.results(task), has_items=bool(spec.with_items)),
        "published": task.published,
        "type": task.type,
        "workflow_execution_id": str(draft.execution.id),
        "created_at": format_time(task.created_at),
        "updated_at": format_time(task.updated_at),
    }


def format_time(at: datetime | None) -> str | None:
    """Write a time as the API does."""
    return at.strftime(_TIME_FORMAT) if at else None
