"""Finds the actions and sub-workflows that tasks name, for the engine and for the API."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from workflows.actions.adhoc import (
    ResolvedAction,
    check_action_input,
    finish_output,
    prepare_input,
    resolve_action,
)
from workflows.actions.base import Action, ActionContext, perform_action
from workflows.engine.catalogue import Outcome, RunnableWorkflow
from workflows.engine.snapshot import ActionSnapshot, ExecutionSnapshot
from workflows.engine.states import State
from workflows.errors import ActionNotAllowed, ActionUnknown
from workflows.expressions.reader import NoReader, Reader
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.parser import build_action
from workflows.language.specs import AdhocActionSpec
from workflows.services.definitions.code_sources import find_code_action
from workflows.services.definitions.definitions import find_adhoc_action, find_workflow, load_spec


class StoredAction:
    """An action as the engine sees it; see `engine.catalogue.RunnableAction`."""

    def __init__(
        self, resolved: ResolvedAction, execution: ExecutionSnapshot, project_id: UUID
    ) -> None:
        self._resolved = resolved
        self._execution = execution
        self._project_id = project_id

    @property
    def name(self) -> str:
        return self._resolved.name

    @property
    def base_name(self) -> str:
        return self._resolved.base.name

    @property
    def is_sync(self) -> bool:
        return self._resolved.is_sync

    @property
    def is_adhoc(self) -> bool:
        return bool(self._resolved.chain)

    @property
    def is_safe_rerun(self) -> bool:
        return self._resolved.is_safe_rerun

    def route(self, target: str) -> str:
        return self._resolved.route(target)

    def check_input(self, given: Mapping[str, JSONValue]) -> None:
        check_action_input(self._resolved, given)

    def prepare(
        self, given: JSONObject, context: Mapping[str, JSONValue], reader: Reader
    ) -> JSONObject:
        return prepare_input(self._resolved, given, context, reader)

    def is_inline(self, base_input: JSONObject) -> bool:
        return self._resolved.is_inline(base_input)

    def run_inline(self, action: ActionSnapshot, task_name: str, reader: Reader) -> Outcome:
        context = ActionContext(
            action_execution_id=str(action.id),
            task_execution_id=str(action.task_id),
            task_name=task_name,
            workflow_name=self._execution.workflow_name,
            workflow_execution_id=str(self._execution.id),
            project_id=str(self._project_id),
        )
        base_input = action.input if action.base_input is None else action.base_input
        outcome = perform_action(self._resolved.base, context, base_input)
        if not outcome.is_success:
            return Outcome(State(outcome.state), outcome.result)
        return Outcome(State.SUCCESS, finish_output(self._resolved, outcome.result, reader))


class DatabaseCatalogue:
    """Looks names up for one execution: in its workbook first, then in its namespace."""

    def __init__(self, project_id: UUID, execution: ExecutionSnapshot) -> None:
        self._project_id = project_id
        self._execution = execution
        self._actions: dict[str, StoredAction] = {}
        self._workflows: dict[str, RunnableWorkflow | None] = {}

    def find_action(self, name: str) -> StoredAction:
        if name not in self._actions:
            resolved = self._resolve(name)
            self._actions[name] = StoredAction(resolved, self._execution, self._project_id)
        return self._actions[name]

    def find_workflow(self, name: str) -> RunnableWorkflow | None:
        if name not in self._workflows:
            self._workflows[name] = self._look_up_workflow(name)
        return self._workflows[name]

    def _resolve(self, name: str) -> ResolvedAction:
        namespace = self._execution.lookup_namespace
        for candidate in self._candidates(name):
            try:
                return resolve_action(candidate, namespace, self._find_adhoc, self._find_code)
            except ActionNotAllowed:
                raise
            except ActionUnknown:
                continue
        raise ActionUnknown(f"Failed to find action [action_name={name}]")

    def _find_adhoc(self, name: str, namespace: str) -> AdhocActionSpec | None:
        return find_adhoc_spec(name, namespace, self._project_id)

    def _find_code(self, name: str, namespace: str) -> Action | None:
        return find_code_action(name, namespace, self._project_id)

    def _look_up_workflow(self, name: str) -> RunnableWorkflow | None:
        for candidate in self._candidates(name):
            found = find_workflow(
                name_or_id=candidate,
                namespace=self._execution.lookup_namespace,
                project_id=self._project_id,
                fallback=True,
            )
            if found is not None and found.revision is not None:
                return RunnableWorkflow(
                    workflow_id=found.pk,
                    revision_id=found.revision.pk,
                    name=found.name,
                    namespace=found.namespace,
                    spec=load_spec(found.revision).spec,
                )
        return None

    def _candidates(self, name: str) -> list[str]:
        workbook = self._execution.workbook_name
        return [f"{workbook}.{name}", name] if workbook else [name]


def find_adhoc_spec(name: str, namespace: str, project_id: UUID) -> AdhocActionSpec | None:
    """Find a stored ad-hoc action, in the namespace or else in the default one."""
    found = find_adhoc_action(name=name, namespace=namespace, project_id=project_id)
    return None if found is None else build_action(found.name, found.spec)


def resolve_stored_action(name: str, namespace: str, project_id: UUID) -> ResolvedAction:
    """Find an action outside any workflow. Raises ActionUnknown or another ActionError."""

    def find(adhoc_name: str, adhoc_namespace: str) -> AdhocActionSpec | None:
        return find_adhoc_spec(adhoc_name, adhoc_namespace, project_id)

    def find_code(code_name: str, code_namespace: str) -> Action | None:
        return find_code_action(code_name, code_namespace, project_id)

    return resolve_action(name, namespace, find, find_code)


def outside_reader() -> Reader:
    """Answers the expression functions where there is no execution to ask about."""
    return NoReader(lambda: str(uuid4()))
