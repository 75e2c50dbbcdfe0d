"""Where expressions stand in a text, and in which language they are written."""

from __future__ import annotations

import re
from typing import Final

# Both marks have to be on one line; else the text is only text.
YAQL: Final = re.compile(r"<%((?:(?!%>).)*)%>")
JINJA: Final = re.compile(r"\{\{.*\}\}|\{%.*%\}")


def has_yaql(text: str) -> bool:
    """Whether the text holds a YAQL expression."""
    return "<%" in text and YAQL.search(text) is not None


def has_jinja(text: str) -> bool:
    """Whether the text holds a Jinja expression or statement."""
    return "{" in text and JINJA.search(text) is not None


def whole_yaql(text: str) -> str | None:
    """Give the expression if the text is exactly one; None otherwise."""
    found = YAQL.fullmatch(text)
    return found.group(1) if found else None


def whole_jinja(text: str) -> str | None:
    """Give what stands between the braces if the text may be exactly one expression."""
    if text.startswith("{{") and text.endswith("}}") and len(text) >= 4:
        return text[2:-2]
    return None
