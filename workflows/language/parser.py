"""Turns the text of definitions into specs, or reports every problem it has at once.

Services call the parse functions for what users upload; the build functions make specs again
from raw data that was stored after it had been parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.errors import Problem, SpecInvalid
from workflows.jsontypes import JSONObject
from workflows.language.building import build_action, build_workflow
from workflows.language.checker import Checker
from workflows.language.cutting import cut_members, dump
from workflows.language.describing import (
    describe_action_input,
    describe_input,
    describe_interface,
)
from workflows.language.flow_rules import check_flow
from workflows.language.specs import AdhocActionSpec, Position, WorkbookSpec, WorkflowSpec
from workflows.language.validation import (
    check_action,
    check_list,
    check_workbook,
    check_workflow,
    warn_of_duplicates,
)
from workflows.language.yaml import Document, Path, load

__all__ = [
    "ActionDocument",
    "WorkbookDocument",
    "WorkflowDocument",
    "build_action",
    "build_workflow",
    "describe_action_input",
    "describe_input",
    "describe_interface",
    "parse_actions",
    "parse_workbook",
    "parse_workflows",
]


@dataclass(frozen=True, slots=True)
class WorkflowDocument:
    """The workflows of one document, with the text to store for each; `source` has the places."""

    workflows: Mapping[str, WorkflowSpec]
    texts: Mapping[str, str]
    warnings: tuple[Problem, ...]
    source: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ActionDocument:
    """The ad-hoc actions of one document; each keeps the whole text as its definition."""

    actions: Mapping[str, AdhocActionSpec]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkbookDocument:
    """One workbook, with the texts of its members cut out of its own; `source` has the places."""

    workbook: WorkbookSpec
    workflow_texts: Mapping[str, str]
    action_texts: Mapping[str, str]
    warnings: tuple[Problem, ...]
    source: Document = field(repr=False, compare=False)


def parse_workflows(text: str) -> WorkflowDocument:
    """Parse a document of one workflow or more. Raises ParseError or SpecInvalid."""
    document = load(text)
    checker = Checker(document, _common_beginning(document))
    entries = check_list(checker, "workflow")
    workflows = _parse_workflow_entries(checker, (), entries)
    warnings = _finish(checker)
    if len(workflows) == 1:
        texts = dict.fromkeys(workflows, text)
    else:
        assert isinstance(document.data, dict)
        version = document.data["version"]
        texts = {name: dump({"version": version, name: raw}) for name, raw in entries.items()}
    return WorkflowDocument(workflows, texts, warnings, document)


def parse_actions(text: str) -> ActionDocument:
    """Parse a document of one ad-hoc action or more. Raises ParseError or SpecInvalid."""
    document = load(text)
    checker = Checker(document, _common_beginning(document))
    actions = _parse_action_entries(checker, (), check_list(checker, "action"))
    return ActionDocument(actions, _finish(checker))


def parse_workbook(text: str) -> WorkbookDocument:
    """Parse a workbook. Raises ParseError or SpecInvalid."""
    document = load(text)
    checker = Checker(document)
    raw_workflows, raw_actions = check_workbook(checker)
    workflows = _parse_workflow_entries(checker, ("workflows",), raw_workflows)
    actions = _parse_action_entries(checker, ("actions",), raw_actions)
    warnings = _finish(checker)
    data = document.data
    assert isinstance(data, dict)
    description, tags = data.get("description"), data.get("tags")
    workbook = WorkbookSpec(
        name=str(data["name"]),
        workflows=workflows,
        actions=actions,
        description=description if isinstance(description, str) else "",
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
    )
    return WorkbookDocument(
        workbook,
        cut_members(text, document, "workflows", raw_workflows),
        cut_members(text, document, "actions", raw_actions),
        warnings,
        document,
    )


def _common_beginning(document: Document) -> Path:
    """Return what all paths of a document with one definition share: its name."""
    data = document.data if isinstance(document.data, dict) else {}
    names = [name for name in data if name != "version"]
    return (names[0],) if len(names) == 1 else ()


def _parse_workflow_entries(
    checker: Checker, path: Path, entries: JSONObject
) -> dict[str, WorkflowSpec]:
    """Check and build workflows; one with errors is not built, so its flow stays unchecked."""
    specs: dict[str, WorkflowSpec] = {}
    for name, raw in entries.items():
        assert isinstance(raw, dict)
        place = (*path, name)
        known = len(checker.errors)
        check_workflow(checker, place, raw)
        if len(checker.errors) > known:
            continue
        specs[name] = build_workflow(name, raw, _Locator(checker, place))
        check_flow(checker, place, specs[name])
    return specs


def _parse_action_entries(
    checker: Checker, path: Path, entries: JSONObject
) -> dict[str, AdhocActionSpec]:
    specs: dict[str, AdhocActionSpec] = {}
    for name, raw in entries.items():
        assert isinstance(raw, dict)
        place = (*path, name)
        known = len(checker.errors)
        check_action(checker, place, raw)
        if len(checker.errors) == known:
            specs[name] = build_action(name, raw, _Locator(checker, place))
    return specs


@dataclass(frozen=True, slots=True)
class _Locator:
    """Tells where a path within one definition stands in the document."""

    checker: Checker
    base: Path

    def __call__(self, path: Path) -> Position:
        return self.checker.position((*self.base, *path))


def _finish(checker: Checker) -> tuple[Problem, ...]:
    """Return the warnings, or raise what is wrong."""
    if checker.errors:
        raise SpecInvalid(_in_order(checker.errors))
    warn_of_duplicates(checker)
    return _in_order(checker.warnings)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
