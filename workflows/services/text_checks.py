"""What the editor shows of a text while it is being written: every problem with its place, the
graph, and the lines of the tasks.

The checks are those of the API's `validate`, so the editor and the API never disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

from workflows.errors import ParseError, Problem, SpecInvalid
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.language.specs import AdhocActionSpec, WorkflowSpec
from workflows.language.yaml import Document, Path, load, write_path
from workflows.services.definition_graph import Graph, build_graph
from workflows.services.identity import Caller
from workflows.services.review import StoredNames, review_workflows

Kind = Literal["workflow", "action", "workbook"]

_PLACE: Final = re.compile(r",? line (\d+), column (\d+)")


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


def check_text(caller: Caller, text: str, *, kind: Kind, namespace: str = "") -> TextCheck:
    """Check a text that somebody is writing; whatever is in it, nothing is raised."""
    try:
        document = load(text)
        if kind == "action":
            return TextCheck(parse_actions(text).warnings)
        if kind == "workbook":
            book = parse_workbook(text)
            return _review(
                caller.project_id, namespace, document, ("workflows",), book.warnings,
                book.workbook.workflows, book.workbook.actions,
            )  # fmt: skip
        parsed = parse_workflows(text)
        return _review(
            caller.project_id, namespace, document, (), parsed.warnings, parsed.workflows, {}
        )
    except SpecInvalid as error:
        return TextCheck(error.problems)
    except ParseError as error:
        return TextCheck((_unreadable(error),))


def _review(
    project_id: UUID,
    namespace: str,
    document: Document,
    above: Path,
    warnings: Iterable[Problem],
    workflows: Mapping[str, WorkflowSpec],
    actions: Mapping[str, AdhocActionSpec],
) -> TextCheck:
    """Add the doubts about each workflow; `above` is the path to the workflows."""
    names = StoredNames(project_id, namespace, workflows, actions)
    problems = list(warnings)
    drawn = []
    for name, spec in workflows.items():
        places = _places(document, (*above, name))
        problems += [_with_place(one, places) for one in review_workflows([spec], names)]
        lines = {task.name: task.position.line for task in spec.tasks.values() if task.position}
        drawn.append(DrawnWorkflow(name, build_graph(spec), lines))
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return TextCheck(tuple(problems), tuple(drawn))


def _places(document: Document, above: Path) -> Mapping[str, tuple[int, int]]:
    """Map what is written below a path, as problems name it, to line and column."""
    size = len(above)
    return {
        write_path(path[size:]): (line + 1, column + 1)
        for path, (line, column) in document.marks.items()
        if path[:size] == above
    }


def _with_place(problem: Problem, places: Mapping[str, tuple[int, int]]) -> Problem:
    """Lead a doubt to the very line that it is about; one about a task is at its name."""
    place = places.get(problem.path)
    return problem if place is None else replace(problem, line=place[0], column=place[1])


def _unreadable(error: ParseError) -> Problem:
    """Make a problem of a text that is no YAML; its message ends with the place."""
    place = _PLACE.search(error.message)
    if place is None:
        return Problem(error.message, line=1, column=1)
    message = error.message[: place.start()] + error.message[place.end() :]
    return Problem(message, line=int(place.group(1)), column=int(place.group(2)))
