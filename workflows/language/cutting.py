"""Cuts the texts of single definitions out of documents that hold several."""

from __future__ import annotations

from itertools import pairwise

import yaml

from workflows.errors import ParseError
from workflows.jsontypes import JSONObject
from workflows.language.yaml import Document, load

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dump(data: JSONObject) -> str:
    """Write data as block YAML, in its own order and without anchors."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def cut_members(text: str, document: Document, section: str, members: JSONObject) -> dict[str, str]:
    """Return the lines of each entry of a section as written, moved to the left edge.

    An entry that cannot be cut out by lines, as in a document of flow YAML, is written anew.
    """
    lines = text.splitlines(keepends=True)
    marks = document.marks
    starts = sorted((*marks[section, name], name) for name in members)
    behind = [mark[0] for path, mark in marks.items() if len(path) == 1 and starts]
    last = min((line for line in behind if line > starts[-1][0]), default=len(lines))
    texts: dict[str, str] = {}
    for (line, column, name), (end, *_) in pairwise([*starts, (last, 0, "")]):
        written = _join(lines[line:end], column)
        entry: JSONObject = {name: members[name]}
        texts[name] = written if _says(written, entry) else dump(entry)
    return texts


def _says(text: str, data: JSONObject) -> bool:
    try:
        return load(text).data == data
    except ParseError:
        return False


def _join(lines: list[str], column: int) -> str:
    while len(lines) > 1 and _belongs_to_next(lines[-1], column):
        lines.pop()
    return "".join(_move_left(line, column) for line in lines).rstrip() + "\n"


def _belongs_to_next(line: str, column: int) -> bool:
    """Tell whether a line at the end of an entry is blank, or a comment on what follows."""
    content = line.strip()
    if content in ("", "---", "..."):
        return True
    return content.startswith("#") and len(line) - len(line.lstrip()) <= column


def _move_left(line: str, column: int) -> str:
    return line[column:] if not line[:column].strip(" ") else line.lstrip(" ")
