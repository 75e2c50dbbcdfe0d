"""The checks of a text that may become a definition: the API's `validate`, the command, the editor.

All are told the same: every fault at once, or doubts, each led to the line that it is about. The
editor gets the graph and the lines of the tasks as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

from workflows.errors import Problem, SpecInvalid, WorkflowsError
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.language.specs import AdhocActionSpec, WorkflowSpec
from workflows.language.yaml import Document, Path, write_path
from workflows.services.definitions.definition_graph import Graph, build_graph
from workflows.services.definitions.permitted import require_allowed_definitions
from workflows.services.definitions.review import (
    BuiltInNames,
    Names,
    StoredNames,
    review_workflows,
)
from workflows.services.identity.identity import Caller

Kind = Literal["workflow", "action", "workbook"]

_PLACE: Final = re.compile(r",? line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True)
class ReviewedText:
    """A text that is a definition: its workflows, and the doubts about it in written order."""

    workflows: Mapping[str, WorkflowSpec]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class DrawnWorkflow:
    """One workflow of a text: its graph, and where each task stands (lines count from 1)."""

    name: str
    graph: Graph
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TextCheck:
    """All that is wrong with a text, and what can be drawn of it: nothing while it has errors."""

    problems: tuple[Problem, ...]
    workflows: tuple[DrawnWorkflow, ...] = field(default=())

    @property
    def is_valid(self) -> bool:
        return all(problem.severity == "warning" for problem in self.problems)


def review_text(
    project_id: UUID | None, text: str, *, kind: Kind, namespace: str = ""
) -> ReviewedText:
    """Check a text of one kind of definition; raises what makes it none.

    Without a project only the built-in actions are known and what the text defines itself.
    """
    if kind == "action":
        actions = parse_actions(text)
        require_allowed_definitions(actions=actions.actions.values())
        return ReviewedText({}, actions.warnings)
    if kind == "workbook":
        book = parse_workbook(text)
        members, own = book.workbook.workflows, book.workbook.actions
        require_allowed_definitions(members.values(), own.values())
        names = _names(project_id, namespace, members, own)
        doubts = _review(names, book.source, ("workflows",), members)
        return ReviewedText(members, _in_order(book.warnings, doubts))
    parsed = parse_workflows(text)
    require_allowed_definitions(parsed.workflows.values())
    names = _names(project_id, namespace, parsed.workflows, {})
    doubts = _review(names, parsed.source, (), parsed.workflows)
    return ReviewedText(parsed.workflows, _in_order(parsed.warnings, doubts))


def check_text(caller: Caller | None, text: str, *, kind: Kind, namespace: str = "") -> TextCheck:
    """Check a text that somebody is writing; whatever is in it, nothing is raised.

    Without a caller no database is asked.
    """
    project_id = None if caller is None else caller.project_id
    try:
        found = review_text(project_id, text, kind=kind, namespace=namespace)
    except SpecInvalid as error:
        return TextCheck(error.problems)
    except WorkflowsError as error:
        return TextCheck((_unreadable(error),))
    return TextCheck(found.warnings, tuple(_draw(spec) for spec in found.workflows.values()))


def _names(
    project_id: UUID | None,
    namespace: str,
    workflows: Mapping[str, WorkflowSpec],
    actions: Mapping[str, AdhocActionSpec],
) -> Names:
    if project_id is None:
        return BuiltInNames(workflows, actions)
    return StoredNames(project_id, namespace, workflows, actions)


def _review(
    names: Names, source: Document, above: Path, workflows: Mapping[str, WorkflowSpec]
) -> Iterator[Problem]:
    """Give the doubts about each workflow; `above` is the path to the workflows."""
    for name, spec in workflows.items():
        places = _places(source, (*above, name))
        for problem in review_workflows([spec], names):
            line, column = places.get(problem.path, (problem.line, problem.column))
            yield replace(problem, line=line, column=column)


def _places(source: Document, above: Path) -> Mapping[str, tuple[int, int]]:
    """Map what is written below a path, as problems name it, to line and column."""
    size = len(above)
    return {
        write_path(path[size:]): (line + 1, column + 1)
        for path, (line, column) in source.marks.items()
        if path[:size] == above
    }


def _in_order(warnings: tuple[Problem, ...], doubts: Iterator[Problem]) -> tuple[Problem, ...]:
    both = (*warnings, *doubts)
    return tuple(sorted(both, key=lambda problem: (problem.line, problem.column)))


def _draw(spec: WorkflowSpec) -> DrawnWorkflow:
    lines = {task.name: task.position.line for task in spec.tasks.values() if task.position}
    return DrawnWorkflow(spec.name, build_graph(spec), lines)


def _unreadable(error: WorkflowsError) -> Problem:
    """Make a problem of a text that is no YAML; its message ends with the place."""
    place = _PLACE.search(error.message)
    if place is None:
        return Problem(error.message, line=1, column=1)
    message = error.message[: place.start()] + error.message[place.end() :]
    return Problem(message, line=int(place.group(1)), column=int(place.group(2)))
