"""What the editor completes: the keys of the language, and the names that a project can use."""

from __future__ import annotations

from typing import Final, TypedDict

from workflows.language.clauses import COMMANDS
from workflows.language.task_rules import DEFAULT_RULES, DIRECT_RULES, RETRY_KEYS, REVERSE_RULES
from workflows.language.validation import ACTION_KEYS, WORKBOOK_KEYS, WORKFLOW_KEYS
from workflows.services.definitions.action_catalogue import list_catalogue
from workflows.services.definitions.definitions import visible_workflows
from workflows.services.definitions.text_checks import Kind
from workflows.services.identity.identity import Caller

# More names than that are no help in a list.
_MOST_NAMES: Final = 2_000

_DOCUMENT_KEYS: Final = {
    "workflow": ("version",),
    "action": ("version",),
    "workbook": WORKBOOK_KEYS,
}


class Name(TypedDict):
    """One name with the parameters behind it."""

    name: str
    input: str
    description: str


class Words(TypedDict):
    """Keys by where they may stand; `kind` is what the document defines."""

    keys: dict[str, list[str] | str]
    commands: list[str]
    actions: list[Name]
    workflows: list[Name]


def collect_words(caller: Caller, *, kind: Kind, namespace: str = "") -> Words:
    """Collect all words for a document that is stored in a namespace."""
    return {
        "keys": {
            "kind": kind,
            "document": list(_DOCUMENT_KEYS[kind]),
            "workflow": list(WORKFLOW_KEYS),
            "task": sorted({*DIRECT_RULES, *REVERSE_RULES}),
            "defaults": list(DEFAULT_RULES),
            "retry": list(RETRY_KEYS),
            "clause": ["publish", "next"],
            "action": list(ACTION_KEYS),
        },
        "commands": sorted(COMMANDS),
        "actions": _actions(caller, namespace),
        "workflows": _workflows(caller, namespace),
    }


def _actions(caller: Caller, namespace: str) -> list[Name]:
    return [
        _name(one.name, one.input, one.description)
        for one in list_catalogue(caller)
        if one.namespace in (namespace, "")
    ]


def _workflows(caller: Caller, namespace: str) -> list[Name]:
    rows = (
        visible_workflows(caller.project_id)
        .filter(namespace__in={namespace, ""})
        .order_by("name")
        .values_list("name", "revision__input_summary")
    )
    return [_name(name, summary or "", "") for name, summary in rows[:_MOST_NAMES]]


def _name(name: str, input: str, description: str) -> Name:
    return {"name": name, "input": input, "description": description}
