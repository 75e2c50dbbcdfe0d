"""Turns what an expression gave into plain data, or into the text that stands in its place."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from typing import Any

from jinja2 import Undefined
from yaql.language.contexts import ContextBase
from yaql.standard_library.queries import OrderingIterable

from workflows.errors import ExpressionFailed
from workflows.expressions.frozen import FrozenData, FrozenList
from workflows.expressions.limits import LIMITS, check_bits, check_text, too_many_elements
from workflows.jsontypes import JSONValue

# A date and time as Mistral stores it: without a zone, always with microseconds.
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"

_UNCHANGED = frozenset({str, bool, type(None)})
_LISTS = (Iterator, Sequence, Set, ValuesView, OrderingIterable)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_KINDS: tuple[tuple[type, str], ...] = (
    (datetime.timedelta, "a timespan"),
    (re.Pattern, "a regular expression"),
    (ContextBase, "a context"),
)


def plain(value: object) -> JSONValue:
    """Make JSON data of a result; raises ExpressionFailed for what JSON cannot say.

    Parts of the context that an expression hands on are not copied.
    """
    return _Plain().convert(value, 0)


def as_text(value: object, *, keeps_tuples: bool = False) -> str:
    """Write a result as Python's str() does; library objects have no text."""
    converted = printable(value, keeps_tuples=keeps_tuples)
    text = str(converted)
    check_text(len(text))
    return text


def printable(value: object, *, keeps_tuples: bool = False) -> object:
    """Make a value of which str() is the text that stands for the result."""
    return _Printable(keeps_tuples=keeps_tuples).convert(value, 0)


def kind_of(value: object) -> str:
    """Name a value that is not data in the user's terms."""
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return "a function" if callable(value) else "an object of the expression language"


class _Conversion:
    """Walks through a value and counts what it meets."""

    def __init__(self) -> None:
        self.values = 0

    def enter(self, depth: int) -> None:
        self.values += 1
        if self.values > LIMITS.result_values:
            raise ExpressionFailed(f"its result has more than {LIMITS.result_values} values")
        if depth > LIMITS.result_depth:
            raise ExpressionFailed(f"its result is nested deeper than {LIMITS.result_depth}")

    def elements(self, value: Iterable[object], depth: int) -> Iterator[Any]:
        for number, element in enumerate(value):
            if number >= LIMITS.elements:
                raise too_many_elements()
            yield self.convert(element, depth + 1)

    def convert(self, value: object, depth: int) -> Any:
        raise NotImplementedError


class _Plain(_Conversion):
    def convert(self, value: object, depth: int) -> JSONValue:
        self.enter(depth)
        kind = type(value)
        if kind in _UNCHANGED:
            return value  # type: ignore[return-value]
        if isinstance(value, FrozenList):
            return value.source
        if isinstance(value, FrozenData) and type(value.source) is dict:
            return value.source
        if isinstance(value, Mapping):
            return {self._key(key): self.convert(item, depth + 1) for key, item in value.items()}
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, str):
            return str.__str__(value)
        return self._unusual(value, depth)

    def _unusual(self, value: object, depth: int) -> JSONValue:
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        if isinstance(value, _LISTS):
            return list(self.elements(value, depth))
        if isinstance(value, datetime.datetime):
            return value.strftime(TIME_FORMAT)
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, Undefined):
            raise ExpressionFailed("its value, or a part of it, is undefined")
        raise ExpressionFailed(f"its value is {kind_of(value)}, which cannot be stored")

    def _key(self, key: object) -> str:
        """Write a key as JSON does."""
        if type(key) is str:
            return key
        if isinstance(key, str):
            return str.__str__(key)
        if key is None:
            return "null"
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, int | float):
            return str(_number(key))
        raise ExpressionFailed("a key of its result is neither a text nor a number")


class _WrittenSet(list[object]):
    """A set whose text has the order of its elements, not one that changes by chance."""

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self))}}}" if self else "set()"


class _Printable(_Conversion):
    def __init__(self, *, keeps_tuples: bool) -> None:
        super().__init__()
        self.keeps_tuples = keeps_tuples

    def convert(self, value: object, depth: int) -> object:
        self.enter(depth)
        if isinstance(value, FrozenList):
            return value.source
        if isinstance(value, FrozenData) and type(value.source) is dict:
            return value.source
        if isinstance(value, Mapping):
            return {
                self.convert(key, depth + 1): self.convert(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, int):
            check_bits(value.bit_length())
            return value
        if value is None or isinstance(value, _PRINTED):
            return value
        return self._list(value, depth)

    def _list(self, value: object, depth: int) -> object:
        if isinstance(value, tuple) and self.keeps_tuples:
            return tuple(self.elements(value, depth))
        if self.keeps_tuples and isinstance(value, _VIEWS):
            return value
        if isinstance(value, Set):
            return _WrittenSet(self.elements(value, depth))
        if isinstance(value, _LISTS):
            return list(self.elements(value, depth))
        raise ExpressionFailed(f"its value is {kind_of(value)}, which has no text")


_PRINTED = (
    str, float, bytes, datetime.date, datetime.timedelta, re.Pattern, range, Undefined
)  # fmt: skip


def _number(value: float) -> int | float:
    if isinstance(value, int):
        check_bits(value.bit_length())
        return value
    if not math.isfinite(value):
        raise ExpressionFailed("its value is not a finite number")
    return value
