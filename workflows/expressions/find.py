"""Where expressions stand in a text, and in which language they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.expressions.plugins import is_allowed

# Both marks have to be on one line; otherwise the text is only text.
_YAQL = re.compile(r"<%.*?%>")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")


@dataclass(frozen=True, slots=True)
class Place:
    """A YAQL expression in a text: its code and where its marks begin and end."""

    code: str
    start: int
    end: int


def has_yaql(text: str) -> bool:
    """Whether a text holds a YAQL expression."""
    return "<%" in text and is_allowed("yaql") and _YAQL.search(text) is not None


def has_jinja(text: str) -> bool:
    """Whether a text holds a Jinja expression or block."""
    return "{" in text and is_allowed("jinja") and _JINJA.search(text) is not None


def find_yaql(text: str) -> Iterator[Place]:
    """Find the YAQL expressions of a text from left to right."""
    for found in _YAQL.finditer(text) if is_allowed("yaql") else ():
        # Mistral takes any of these signs at both ends for a part of the marks.
        yield Place(found.group().strip("<%>"), found.start(), found.end())
