"""What the engine asks about actions and sub-workflows; the service answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from workflows.engine.snapshot import ActionSnapshot
    from workflows.engine.states import State
    from workflows.expressions.reader import Reader
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.specs import WorkflowSpec


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an inline action ended: its final state, and its result, message or data."""

    state: State
    value: JSONValue


class RunnableAction(Protocol):
    """An action by its name, with everything below it when it is an ad-hoc one."""

    @property
    def name(self) -> str: ...

    @property
    def base_name(self) -> str:
        """The action that really runs; equal to `name` unless this is an ad-hoc action."""
        ...

    @property
    def is_sync(self) -> bool: ...

    @property
    def is_adhoc(self) -> bool: ...

    @property
    def is_safe_rerun(self) -> bool: ...

    def route(self, target: str) -> str:
        """Give the target to store for the one that the task names."""
        ...

    def check_input(self, given: Mapping[str, JSONValue]) -> None:
        """Raise ActionInputInvalid if a parameter is missing or unknown."""
        ...

    def prepare(
        self, given: JSONObject, context: Mapping[str, JSONValue], reader: Reader
    ) -> JSONObject:
        """The input of the action that really runs."""
        ...

    def is_inline(self, base_input: JSONObject) -> bool: ...

    def run_inline(self, action: ActionSnapshot, task_name: str, reader: Reader) -> Outcome:
        """Carry out an inline action, including the outputs of ad-hoc actions around it."""
        ...


@dataclass(frozen=True, slots=True)
class RunnableWorkflow:
    """A stored workflow that a task may start."""

    workflow_id: UUID
    revision_id: UUID
    name: str
    namespace: str
    spec: WorkflowSpec


class Catalogue(Protocol):
    """Finds what tasks run."""

    def find_action(self, name: str) -> RunnableAction:
        """Raise ActionUnknown, or another ActionError if the base of an ad-hoc action is amiss."""
        ...

    def find_workflow(self, name: str) -> RunnableWorkflow | None: ...
