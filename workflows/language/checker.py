"""The checks of single values that all rules are made of, and the collection of their findings.

One `Checker` accompanies one document through its validation; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

from workflows.errors import Problem
from workflows.expressions.check import find_expression_problems
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.specs import Position
from workflows.language.yaml import Document, Path, write_path

_WHOLE_EXPRESSION: Final = re.compile(r"(?:\{\{.*?\}\}|<%.*?%>)\s*")
_ANY_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|<%.*?%>|\{%.*?%\}|\{#.*?#\}")
_OPENING: Final = re.compile(r"<%|\{\{|\{%")
# Mistral holds the values of such keys to be of a JSON type and leaves other keys unchecked.
_WORD: Final = re.compile(r"\w+")


class Checker:
    """Collects what is wrong with a document.

    `hidden` is the beginning of paths that is left out of the messages, since all share it.
    """

    def __init__(self, document: Document, hidden: Path = ()) -> None:
        self.document = document
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._hidden = hidden

    def error(self, path: Path, message: str, hint: str = "") -> None:
        place = self.document.position(path)
        name = self._name(path)
        self.errors.append(Problem(message, name, place.line, place.column, "error", hint))

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        place = self.document.position(path)
        name = self._name(path)
        self.warnings.append(Problem(message, name, place.line, place.column, "warning", hint))

    def position(self, path: Path) -> Position:
        return self.document.position(path)

    def _name(self, path: Path) -> str:
        size = len(self._hidden)
        if path[:size] == self._hidden and len(path) > size:
            path = path[size:]
        return write_path(path)

    # Types. Each returns whether the value has it, and notes an error if not.

    def text(self, path: Path, value: JSONValue) -> bool:
        if isinstance(value, str) and value and path not in self.document.dates:
            return True
        what = "must not be empty" if value == "" else "must be text"
        self.error(path, what, "quote the value" if value not in ("", None) else "")
        return False

    def mapping(self, path: Path, value: JSONValue) -> bool:
        """Check for a mapping that is not empty and has text for keys."""
        if not isinstance(value, dict):
            self.error(path, "must be a mapping")
            return False
        if not value:
            self.error(path, "must not be empty")
            return False
        bad = [key for key in value if not self._entry(path, key)]
        return not bad

    def _entry(self, path: Path, key: str) -> bool:
        entry = (*path, key)
        if not self.text_key(path, key):
            return False
        if entry in self.document.dates and _WORD.fullmatch(key):
            self.error(entry, "must not be a date", "quote the value to make it text")
            return False
        return True

    def text_key(self, path: Path, key: str) -> bool:
        """Check that a key was written as text: yes, on and numbers were not."""
        if (*path, key) in self.document.odd_keys:
            self.error((*path, key), f"the name '{key}' must be text", "quote the name")
            return False
        return True

    def known_keys(self, path: Path, value: JSONObject, known: Collection[str]) -> bool:
        unknown = [key for key in value if key not in known or not self.text_key(path, key)]
        for key in unknown:
            if key not in known:
                self.error((*path, key), f"unknown key '{key}'", suggest(key, known))
        return not unknown

    def list_of_different(self, path: Path, value: JSONValue) -> bool:
        """Check for a list that is not empty and says nothing twice."""
        if not isinstance(value, list):
            self.error(path, "must be a list")
            return False
        if not value:
            self.error(path, "must not be empty")
            return False
        seen: set[str] = set()
        for index, item in enumerate(value):
            mark = repr(item)
            if mark in seen:
                self.error((*path, index), "stands twice in the list")
                return False
            seen.add(mark)
        return True

    def texts(self, path: Path, value: JSONValue) -> bool:
        """Check for a list of different texts, none of them empty."""
        if not self.list_of_different(path, value):
            return False
        assert isinstance(value, list)
        bad = [item for index, item in enumerate(value) if not self.text((*path, index), item)]
        return not bad

    def text_or_texts(self, path: Path, value: JSONValue) -> bool:
        if isinstance(value, str):
            return self.text(path, value)
        if isinstance(value, list):
            return self.texts(path, value)
        self.error(path, "must be text or a list of texts")
        return False

    def expression(self, path: Path, value: JSONValue) -> bool:
        """Check for a text that is one expression as a whole."""
        if not is_expression(value):
            self.error(path, "must be an expression", "write <% ... %> or '{{ ... }}'")
            return False
        assert isinstance(value, str)
        if len(_ANY_EXPRESSION.findall(value)) > 1:
            self.warn(path, "holds two expressions, so its value is text and counts as true")
        self.expressions(path, value)
        return True

    def number(self, path: Path, value: JSONValue) -> bool:
        """Check for a whole number from 0 on, or an expression."""
        if is_whole_number(value):
            return True
        if isinstance(value, str) and is_expression(value):
            return self.expression(path, value)
        self.error(path, "must be a whole number from 0 on, without quotes, or an expression")
        return False

    def boolean(self, path: Path, value: JSONValue) -> bool:
        if isinstance(value, bool):
            return True
        if isinstance(value, str) and is_expression(value):
            return self.expression(path, value)
        self.error(path, "must be true, false or an expression")
        return False

    # Expressions.

    def expressions(self, path: Path, value: JSONValue) -> None:
        """Check the expressions in a text, or in the texts of a mapping or list.

        Mistral refuses a broken one at the first level only; deeper ones are warnings.
        """
        if isinstance(value, str):
            self._check_text(path, value, is_error=True)
            return
        for step, item in _entries(value):
            if isinstance(item, str):
                self._check_text((*path, step), item, is_error=True)
            else:
                self.suspicions((*path, step), item)

    def suspicions(self, path: Path, value: JSONValue) -> None:
        """Warn of every broken expression at any depth; it will fail when it is evaluated."""
        if isinstance(value, str):
            self._check_text(path, value, is_error=False)
        for step, item in _entries(value):
            self.suspicions((*path, step), item)

    def _check_text(self, path: Path, text: str, *, is_error: bool) -> None:
        if not _OPENING.search(text):
            return
        report = self.error if is_error else self.warn
        for problem in find_expression_problems(text):
            report(path, problem)
        opening = _OPENING.search(_ANY_EXPRESSION.sub("", text))
        if opening:
            self.warn(path, f"'{opening.group()}' is not closed on its line, so this is plain text")


def is_expression(value: JSONValue) -> bool:
    """Tell whether the value is a text that begins and ends as an expression does."""
    return isinstance(value, str) and _WHOLE_EXPRESSION.fullmatch(value) is not None


def has_expression(value: JSONValue) -> bool:
    """Tell whether an expression stands anywhere in the value."""
    if isinstance(value, str):
        return _ANY_EXPRESSION.search(value) is not None
    return any(has_expression(item) for _, item in _entries(value))


def is_whole_number(value: JSONValue) -> bool:
    """Tell whether the value is an integer from 0 on; 3.0 is one, true is not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value >= 0 and value == int(value)


def suggest(word: str, known: Collection[str]) -> str:
    """Return a hint that names the known word most like this one, or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _entries(value: JSONValue) -> Iterator[tuple[str | int, JSONValue]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
