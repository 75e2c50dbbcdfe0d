"""Makes the page of states from `workflows/engine/states.py`: `python -m config.states_page`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workflows.engine import states
from workflows.engine.states import ACTION_CHANGES, EXECUTION_CHANGES, FINAL, TASK_CHANGES, State

_PAGE: Final = Path(__file__).parent.parent / "docs" / "states.md"
_HEADER: Final = """# States

The states of executions, tasks and actions, and what each may become. Made from
`workflows/engine/states.py` by `python -m config.states_page`.
"""
_TABLES: Final = (
    ("Executions", EXECUTION_CHANGES),
    ("Tasks", TASK_CHANGES),
    ("Actions", ACTION_CHANGES),
)


def render() -> str:
    """Give the text of the page."""
    return "\n".join([_HEADER, _meanings(), *(_changes(title, table) for title, table in _TABLES)])


def _meanings() -> str:
    lines = ["| state | means | final |", "| --- | --- | --- |"]
    for state, meaning in _comments().items():
        lines.append(f"| {state} | {meaning} | {'yes' if state in FINAL else ''} |")
    return "\n".join([*lines, ""])


def _comments() -> dict[State, str]:
    """Read the comment behind each state."""
    source = inspect.getsource(states)
    lines = source.splitlines()
    (found,) = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == State.__name__
    ]
    rows = [node for node in found.body if isinstance(node, ast.Assign)]
    names = [row.targets[0] for row in rows]
    return {
        State[name.id]: lines[row.lineno - 1].partition("# ")[2]
        for name, row in zip(names, rows, strict=True)
        if isinstance(name, ast.Name)
    }


def _changes(title: str, table: Mapping[State, frozenset[State]]) -> str:
    columns = list(table)
    lines = [f"## {title}", "", f"| from | {' | '.join(columns)} |"]
    lines.append(f"| --- |{' --- |' * len(columns)}")
    for before in columns:
        cells = " | ".join("yes" if after in table[before] else "" for after in columns)
        lines.append(f"| {before} | {cells} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    _PAGE.write_text(render(), encoding="utf-8")
