"""The catalogue of actions for people: what there is, what each takes, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from workflows.actions.base import parameters
from workflows.actions.registry import describe_action, list_actions, summarize_input
from workflows.errors import ActionError, NotFound
from workflows.language.parser import build_action
from workflows.language.specs import InputParameter, Missing
from workflows.models import ActionDefinition, DynamicAction
from workflows.services.definitions.catalogue import resolve_stored_action
from workflows.services.definitions.code_sources import as_action, visible_dynamic_actions
from workflows.services.identity.identity import Caller

# A catalogue with more ad-hoc actions than that is searched, not read.
MOST_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One action in the list. `definition` is set for ad-hoc actions, `code` for stored code."""

    name: str
    description: str
    input: str
    definition: ActionDefinition | None = None
    code: DynamicAction | None = None

    @property
    def namespace(self) -> str:
        row = self.definition or self.code
        return "" if row is None else row.namespace

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return self.description.strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class ActionDetails:
    """All about one action. `problem` says why it cannot be run."""

    entry: CatalogueEntry
    parameters: tuple[InputParameter, ...]
    base: str
    is_sync: bool
    problem: str = ""

    @property
    def definition(self) -> ActionDefinition | None:
        return self.entry.definition

    def describe_default(self, parameter: InputParameter) -> str | None:
        """Write a default as JSON; None if the parameter must be given."""
        if isinstance(parameter.default, Missing):
            return None
        return json.dumps(parameter.default, ensure_ascii=False, default=repr)


def list_catalogue(caller: Caller, text: str = "") -> list[CatalogueEntry]:
    """List the actions that a project can use whose name or description has a text, by name."""
    made_here = ActionDefinition.objects.visible_to(caller.project_id)
    entries = [
        *_made_in_python(caller),
        *(
            _entry(one)
            for one in made_here.select_related("project").order_by("name", "namespace")[
                :MOST_SHOWN
            ]
        ),
    ]
    wanted = text.casefold()
    return [
        one for one in _by_name(entries) if wanted in f"{one.name} {one.description}".casefold()
    ]


def get_python_action(caller: Caller, name: str, namespace: str = "") -> ActionDetails:
    """Return what there is to know about an action made in Python; raises NotFound."""
    for entry in _made_in_python(caller):
        if entry.name == name and (entry.code is None or entry.code.namespace == namespace):
            resolved = resolve_stored_action(name, namespace, caller.project_id)
            return ActionDetails(entry, parameters(resolved.base), "", resolved.is_sync)
    raise NotFound(f"Action not found [name={name}]")


def get_adhoc_action(caller: Caller, action_id: UUID) -> ActionDetails:
    """Return what there is to know about an ad-hoc action; raises NotFound."""
    definition = (
        ActionDefinition.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        .select_related("project")
        .filter(pk=action_id)
        .first()
    )
    if definition is None:
        raise NotFound(f"Action not found [id={action_id}]")
    spec = build_action(definition.name, definition.spec)
    problem, is_sync = "", True
    try:
        resolved = resolve_stored_action(
            definition.name, definition.namespace, definition.project_id
        )
        is_sync = resolved.is_sync
    except ActionError as error:
        problem = error.message
    return ActionDetails(_entry(definition), spec.input, spec.base, is_sync, problem)


def _made_in_python(caller: Caller) -> Iterator[CatalogueEntry]:
    """Give the actions of the installation, then those of stored code that the project sees."""
    for one in list_actions():
        yield CatalogueEntry(one.name, one.description, one.input)
    for row in visible_dynamic_actions(caller):
        action = as_action(row)
        takes = summarize_input(parameters(action))
        yield CatalogueEntry(row.name, describe_action(action), takes, code=row)


def _entry(definition: ActionDefinition) -> CatalogueEntry:
    return CatalogueEntry(
        definition.name, definition.description, definition.input_summary, definition
    )


def _by_name(entries: Iterable[CatalogueEntry]) -> list[CatalogueEntry]:
    return sorted(entries, key=lambda one: one.name)
