"""Makes the page of all settings from `config/settings/`: `python -m config.settings_page`.

Each setting is an assignment that reads an environment variable; the comment above it says what it
means, its unit and its default.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "settings"
_PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"
_KINDS: Final = {
    "env_text": "text",
    "env_bool": "true or false",
    "env_choice": "one of some words",
    "env_int": "whole number",
    "env_ratio": "number from 0 to 1",
    "env_seconds": "seconds",
    "env_list": "list, with commas",
    "env_mapping": "pairs NAME=VALUE, with commas",
    "env_secret": "secret",
    "env_json_list": "JSON list, which is a secret",
}
# What may also stand in a file, which `<NAME>_FILE` names.
_SECRETS: Final = frozenset({_KINDS["env_secret"], _KINDS["env_json_list"]})
_HEADER: Final = """# Settings

All settings, made from `config/settings/` by `python -m config.settings_page`. Each is an
environment variable; a value that makes no sense stops the start with its name. A secret may also
stand in a file: then `<NAME>_FILE` names the file. [Operations](operations.md) tells more of those
that are set most often.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, and what the comment above it says."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """The settings of one module."""

    title: str
    settings: tuple[Setting, ...]


def list_sections() -> list[Section]:
    """Read all modules in the order of their names."""
    sections = [_read(path) for path in sorted(_FOLDER.glob("[!_]*.py"))]
    return [section for section in sections if section.settings]


def variable_names() -> frozenset[str]:
    """Name every environment variable that is a setting, with the files of secrets."""
    settings = [one for section in list_sections() for one in section.settings]
    files = {f"{one.name}_FILE" for one in settings if one.kind in _SECRETS}
    return frozenset({one.name for one in settings} | files)


def render() -> str:
    """Give the text of the page."""
    return "\n".join([_HEADER, *(_render_section(section) for section in list_sections())])


def _render_section(section: Section) -> str:
    lines = [f"## {section.title}", "", "| variable | kind | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{one.name}` | {one.kind} | {one.meaning} |" for one in section.settings]
    return "\n".join([*lines, ""])


def _read(path: Path) -> Section:
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    title = (ast.get_docstring(module) or path.stem).splitlines()[0].rstrip(".")
    return Section(title, tuple(_settings(module, text.splitlines())))


def _settings(module: ast.Module, lines: list[str]) -> Iterator[Setting]:
    meaning, last = "", 0
    for statement in module.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        above = _comment_above(lines, statement.lineno)
        if above:
            meaning = above
        elif statement.lineno != last + 1:
            meaning = ""  # two that stand together share the comment above them
        last = statement.end_lineno or statement.lineno
        for name, kind in _variables(statement):
            yield Setting(name, kind, meaning.replace("|", "\\|"))


def _comment_above(lines: list[str], number: int) -> str:
    found: list[str] = []
    while number >= 2 and lines[number - 2].startswith("#"):
        number -= 1
        found.append(lines[number - 1].lstrip("# "))
    text = " ".join(reversed(found))
    return "" if re.fullmatch(r"-+ .* -+", text) else text


def _variables(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if not node.func.id.startswith("env_"):
                continue
            first = node.args[0] if node.args else None
            if node.func.id not in _KINDS or not isinstance(first, ast.Constant):
                raise ValueError(f"the page cannot tell what this reads: {ast.unparse(node)}")
            yield str(first.value), _KINDS[node.func.id]


if __name__ == "__main__":
    _PAGE.write_text(render(), encoding="utf-8")
