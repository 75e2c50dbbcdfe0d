"""Reads the text form of with-items, `variable in <expression or JSON list>`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from workflows.jsontypes import JSONValue
from workflows.language.specs import WithItem

_ITEMS: Final = re.compile(r"\s*([-\w]+)\s*in\s*(\[.+\]|\{\{.*?\}\}|<%.*?%>)")


@dataclass(frozen=True, slots=True)
class ItemsText:
    """One entry taken apart. `ignored` is text behind it, which has no meaning."""

    variable: str
    items: str
    ignored: str


def split_with_items(text: str) -> ItemsText | None:
    """Take an entry apart; None if it has not the form."""
    match = _ITEMS.match(text)
    if match is None:
        return None
    return ItemsText(match.group(1), match.group(2), text[match.end() :].strip())


def read_items(text: str) -> JSONValue:
    """Return a literal list as data and an expression as it is. Raises ValueError for bad JSON."""
    if not text.startswith("["):
        return text
    try:
        items: JSONValue = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("the list is nested too deep") from error
    return items


def parse_with_items(raw: JSONValue) -> tuple[WithItem, ...]:
    """Read a valid with-items value. Of a variable that is named twice the last one counts."""
    entries: dict[str, WithItem] = {}
    for text in raw if isinstance(raw, list) else [raw]:
        split = split_with_items(text) if isinstance(text, str) else None
        assert split is not None
        entries[split.variable] = WithItem(split.variable, read_items(split.items))
    return tuple(entries.values())


def _refuse_constant(name: str) -> JSONValue:
    raise ValueError(f"{name} is no JSON")
