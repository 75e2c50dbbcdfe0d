"""Checks before the methods and filters of Jinja that could build an enormous text or list.

Each looks at the arguments alone, and is called with those that the author gave.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workflows.expressions.limits import (
    LIMITS,
    check_elements,
    check_power,
    check_replacement,
    check_text,
)

# The width and the precision of a place in a printf-like template.
_PLACE = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?")
_NUMBER = re.compile(r"\d+")


def check_widths(template: str, values: object) -> None:
    """Refuse a printf-like template with a huge width, written in it or given as a value."""
    given = values if isinstance(values, tuple) else (values,)
    total = len(template)
    for place in _PLACE.findall(template):
        total += sum(int(width[:10]) for width in place if width.isdigit())
        if "*" in place:
            total += sum(abs(value) for value in given if isinstance(value, int))
    check_text(total)


def check_format_spec(spec: str) -> None:
    """Refuse a huge width in a place of a template for str.format()."""
    for number in _NUMBER.findall(spec):
        check_text(int(number[:10]))


def check_method(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse methods of texts that would give a huge text."""
    if not isinstance(function, types.BuiltinMethodType):
        return
    value = function.__self__
    if not isinstance(value, str | bytes | int):
        return
    check = _METHODS.get(function.__name__)
    if check is not None:
        check(str(value), *args, **kwargs)


def _check_width(text: str, *given: object, **named: object) -> None:
    for width in (*given, *named.values()):
        if isinstance(width, int):
            check_text(width)


def _check_replace(text: str, old: str, new: str, *rest: object) -> None:
    check_replacement(text, text.count(old), new)


def _check_join(text: str, parts: Iterable[str]) -> None:
    if not hasattr(parts, "__len__"):
        check_text(len(text) * LIMITS.elements if len(text) > 1 else 0)
        return
    known = list(parts)
    check_text(sum(len(part) for part in known if isinstance(part, str)) + len(text) * len(known))


def _check_tabs(text: str, tabsize: int = 8) -> None:
    check_replacement(text, text.count("\t"), " " * min(max(tabsize, 0), LIMITS.text + 1))


def _check_translate(text: str, table: Mapping[int, Any]) -> None:
    longest = max((len(value) for value in table.values() if isinstance(value, str)), default=1)
    check_text(len(text) * longest)


_METHODS: Mapping[str, Callable[..., None]] = {
    "center": _check_width,
    "ljust": _check_width,
    "rjust": _check_width,
    "zfill": _check_width,
    "replace": _check_replace,
    "join": _check_join,
    "expandtabs": _check_tabs,
    "translate": _check_translate,
    "to_bytes": _check_width,
}


def _center(value: Any, width: int = 80) -> None:
    check_text(width)


def _indent(value: Any, width: int | str = 4, *rest: object, **named: object) -> None:
    length = width if isinstance(width, int) else len(width)
    check_text(len(str(value)) + (str(value).count("\n") + 1) * length)


def _format(value: Any, *args: object, **kwargs: object) -> None:
    check_widths(str(value), args or tuple(kwargs.values()))


def _slices(value: Any, *given: object, **named: object) -> None:
    for count in (*given, *named.values()):
        if isinstance(count, int):
            check_elements(count)


def _round(value: Any, precision: int = 0, method: str = "common") -> None:
    check_power(10, abs(precision))


def _replace(value: Any, old: str, new: str, count: object = None) -> None:
    check_replacement(str(value), str(value).count(str(old)), str(new))


def _tojson(value: Any, indent: int | None = None) -> None:
    check_text((indent or 0) * 1000)


def _join_filter(value: Any, d: str = "", attribute: object = None) -> None:
    length = len(str(d))
    if length > 1:
        count = len(value) if hasattr(value, "__len__") else LIMITS.elements
        check_text(length * count)


def _wordwrap(
    value: Any,
    width: int = 79,
    break_long_words: bool = True,
    wrapstring: str = "",
    **named: object,
) -> None:
    check_replacement(str(value), len(str(value)), wrapstring or "")


FILTER_CHECKS: Mapping[str, Callable[..., None]] = {
    "center": _center,
    "indent": _indent,
    "format": _format,
    "slice": _slices,
    "batch": _slices,
    "replace": _replace,
    "round": _round,
    "tojson": _tojson,
    "join": _join_filter,
    "wordwrap": _wordwrap,
}
