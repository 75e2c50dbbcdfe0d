"""Reads the one-line call syntax: a name with parameters, `std.echo output="x" n=1.5`.

Used for actions, workflows, engine commands and the one-line form of `retry`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflows.jsontypes import JSONValue


@dataclass(frozen=True, slots=True)
class Call:
    """A name, its parameters, and the pieces of the text that belong to no parameter."""

    name: str
    parameters: Mapping[str, JSONValue]
    ignored: tuple[str, ...] = ()


_EXPRESSION: Final = r"<%.*?%>|\{\{.*?\}\}|\{%.*?%\}"
_NAME: Final = re.compile(rf'(?:{_EXPRESSION}|[\w.])(?:{_EXPRESSION}|[^\s=("])*')
_KEY: Final = re.compile(r"([-\w]+)=")
_QUOTED: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
# A comma ends a word only where another parameter or a space follows.
_WORD: Final = re.compile(rf"(?:{_EXPRESSION}|[^\s,]|,(?![-\w]+=)(?=\S))+")
_SEPARATORS: Final = re.compile(r"[\s,]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_JSON_PIECE: Final = re.compile(rf"\"(?:[^\"\\]|\\.)*\"|{_EXPRESSION}|[\[{{]|[\]}}]")
_WORDS: Final[Mapping[str, JSONValue]] = {"true": True, "false": False, "null": None}


def parse_call(text: str) -> Call | None:
    """Split a call into name and parameters; None if the text does not begin with a name.

    A text without spaces is a name as it stands, whatever its characters, except that it may
    carry its parameters in parentheses, as `fail(msg='x')`.
    """
    match = _NAME.match(text)
    if match is None:
        return None if " " in text else Call(text, {})
    rest = text[match.end() :].strip()
    if rest.startswith("(") and rest.endswith(")"):
        call = Call(match.group(), *parse_parameters(rest[1:-1]))
        if call.parameters or " " in text:
            return call
    if " " not in text:
        return Call(text, {})
    return Call(match.group(), *parse_parameters(text[match.end() :]))


def parse_parameters(text: str) -> tuple[dict[str, JSONValue], tuple[str, ...]]:
    """Read `key=value` pairs. The second part of the answer is text that is no such pair."""
    parameters: dict[str, JSONValue] = {}
    ignored: list[str] = []
    place = _skip_separators(text, 0)
    while place < len(text):
        key = _KEY.match(text, place)
        read = _read_value(text, key.end()) if key else None
        if key is None or read is None:
            word = _WORD.match(text, place)
            end = word.end() if word else place + 1
            ignored.append(text[place:end])
        else:
            parameters[key.group(1)], end = read
        place = _skip_separators(text, end)
    return parameters, tuple(ignored)


def _skip_separators(text: str, place: int) -> int:
    match = _SEPARATORS.match(text, place)
    return match.end() if match else place


def _read_value(text: str, place: int) -> tuple[JSONValue, int] | None:
    """Return the value that begins here and where it ends; None if nothing begins here."""
    quoted = _QUOTED.match(text, place)
    if quoted is not None:
        return (quoted.group(1) or quoted.group(2) or ""), quoted.end()
    end = _find_closing(text, place)
    if end is not None:
        return _read_structure(text[place:end]), end
    word = _WORD.match(text, place)
    if word is None:
        return None
    return _read_word(word.group()), word.end()


def _read_word(word: str) -> JSONValue:
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        try:
            return _load_json(word)
        except ValueError:
            return word
    return word


def _find_closing(text: str, start: int) -> int | None:
    """Return the end of the JSON list or mapping that begins here; None if there is none."""
    if text[start : start + 1] not in ("[", "{") or text[start : start + 2] in ("{{", "{%"):
        return None
    depth = 0
    for piece in _JSON_PIECE.finditer(text, start):
        if piece.group() in ("[", "{"):
            depth += 1
        elif piece.group() in ("]", "}"):
            depth -= 1
            if depth == 0:
                return piece.end()
    return None


def _read_structure(text: str) -> JSONValue:
    """Read JSON in which expressions may stand unquoted; what is no JSON stays text."""

    def quote(piece: re.Match[str]) -> str:
        return (
            json.dumps(piece.group())
            if piece.group()[0] in "<{" and len(piece.group()) > 1
            else piece.group()
        )

    try:
        return _load_json(_JSON_PIECE.sub(quote, text))
    except (ValueError, RecursionError):
        return text


def _load_json(text: str) -> JSONValue:
    value: JSONValue = json.loads(
        text, parse_float=_read_finite_float, parse_constant=_read_finite_float
    )
    return value


def _read_finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
