"""`manage.py validate FILE...`: all problems of definitions, each with its line and a caret."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import LanguageError, Problem
from workflows.language.yaml import load
from workflows.services.definitions.text_checks import Kind, check_text


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
    return check_text(None, text, kind=_kind_of(text)).problems


def _kind_of(text: str) -> Kind:
    try:
        data = load(text).data
    except LanguageError:  # which the check tells
        data = None
    if not isinstance(data, dict):
        return "workflow"
    if isinstance(data.get("name"), str) and ("workflows" in data or "actions" in data):
        return "workbook"
    entries = [value for value in data.values() if isinstance(value, dict)]
    is_action = any("base" in entry for entry in entries)
    return "action" if is_action and not any("tasks" in entry for entry in entries) else "workflow"
