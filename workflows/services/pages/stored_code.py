"""Stored code as pages show it: with the actions made of it, and with what is wrong with a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from workflows.actions.code import find_fault, list_classes
from workflows.errors import Problem
from workflows.models import CodeSource, DynamicAction
from workflows.services.identity.identity import Caller

# Rows of a page.
_MOST: Final = 500
_NO_CLASS: Final = Problem(
    "No class has a method run, so no action can be made of it.",
    line=1,
    column=1,
    severity="warning",
)


@dataclass(slots=True)
class StoredCode:
    """A code source without its text, and the actions of it that a caller sees."""

    source: CodeSource
    actions: list[DynamicAction] = field(default_factory=list)


def list_stored_code(caller: Caller) -> list[StoredCode]:
    """List the code that the caller sees, by name."""
    visible = CodeSource.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    rows = visible.select_related("project").defer("content").order_by("name", "namespace", "pk")
    found = {row.pk: StoredCode(row) for row in rows[:_MOST]}
    for action in list_actions_of(caller, found):
        found[action.code_source_id].actions.append(action)
    return list(found.values())


def list_actions_of(caller: Caller, sources: Iterable[UUID]) -> list[DynamicAction]:
    """List the actions made of some code that the caller sees, by name."""
    visible = DynamicAction.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    rows = visible.filter(code_source_id__in=list(sources)).select_related("project")
    return list(rows.order_by("name", "namespace", "pk")[:_MOST])


def check_stored_code(text: str) -> list[Problem]:
    """Tell what is wrong with a text that somebody is writing; nothing of it is run."""
    fault = find_fault(text)
    if fault is not None:
        return [fault]
    return [] if list_classes(text) else [_NO_CLASS]
