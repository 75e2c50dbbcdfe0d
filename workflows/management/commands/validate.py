"""`manage.py validate FILE...`: all problems of definitions, each with its line and a caret."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import ParseError, Problem, SpecInvalid
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.language.yaml import load
from workflows.services.definitions.permitted import require_allowed_definitions
from workflows.services.definitions.review import BuiltInNames, review_workflows


class Command(BaseCommand):
    help = "Check files with workflows, workbooks or actions; errors make the exit status 1."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        errors = sum(self._check(file) for file in options["files"])
        if errors:
            raise CommandError(f"{errors} {'error' if errors == 1 else 'errors'}")

    def _check(self, file: Path) -> int:
        """Print what is to be said about one file; give the number of errors."""
        try:
            text = file.read_text()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        problems = find_problems(text)
        for problem in problems:
            self._show(file, text, problem)
        if not problems:
            self.stdout.write(f"{file}: fine")
        return sum(problem.severity == "error" for problem in problems)

    def _show(self, file: Path, text: str, problem: Problem) -> None:
        place = f"{file}:{problem.line}:{problem.column}: " if problem.line else f"{file}: "
        path = f"{problem.path}: " if problem.path else ""
        self.stdout.write(f"{place}{problem.severity}: {path}{problem.message}")
        lines = text.splitlines()
        if 0 < problem.line <= len(lines):
            self.stdout.write(f"    {lines[problem.line - 1]}")
            self.stdout.write(f"    {' ' * (problem.column - 1)}^")
        if problem.hint:
            self.stdout.write(f"    hint: {problem.hint}")


def find_problems(text: str) -> tuple[Problem, ...]:
    """Give the errors and warnings of a text, whatever kind of definition it holds."""
    try:
        kind = _kind_of(text)
        if kind == "workbook":
            book = parse_workbook(text)
            members = book.workbook.workflows.values(), book.workbook.actions.values()
            require_allowed_definitions(*members)
            names = BuiltInNames(book.workbook.workflows, book.workbook.actions)
            return book.warnings + review_workflows(book.workbook.workflows.values(), names)
        if kind == "actions":
            actions = parse_actions(text)
            require_allowed_definitions(actions=actions.actions.values())
            return actions.warnings
        document = parse_workflows(text)
        require_allowed_definitions(document.workflows.values())
        names = BuiltInNames(document.workflows, {})
        return document.warnings + review_workflows(document.workflows.values(), names)
    except SpecInvalid as error:
        return error.problems
    except ParseError as error:
        return (Problem(error.message),)


def _kind_of(text: str) -> str:
    data = load(text).data
    if not isinstance(data, dict):
        return "workflows"
    if isinstance(data.get("name"), str) and ("workflows" in data or "actions" in data):
        return "workbook"
    entries = [value for value in data.values() if isinstance(value, dict)]
    is_action = any("base" in entry for entry in entries)
    return (
        "actions" if is_action and not any("tasks" in entry for entry in entries) else "workflows"
    )
