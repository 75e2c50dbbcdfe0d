"""Regular expressions of YAQL within a time limit.

The library's own are searched by Python's `re`, which cannot be stopped: `(a+)+$` on some thirty
letters keeps it busy for hours. The package `regex` reads the same patterns and takes a limit.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar

import regex

from workflows.errors import ExpressionFailed
from workflows.expressions.limits import LIMITS

# What Python's `re` has as well.
_FLAGS: Final = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII | re.UNICODE

_Found = TypeVar("_Found")


class TimedPattern:
    """What YAQL's functions use of a compiled pattern; each call has the whole time limit."""

    def __init__(self, pattern: re.Pattern[str] | str) -> None:
        compiled = re.compile(pattern)
        self._pattern = _compile(compiled.pattern, int(compiled.flags & _FLAGS))

    def search(self, string: str) -> Any:
        return _in_time(lambda: self._pattern.search(string, timeout=LIMITS.seconds))

    def finditer(self, string: str) -> Iterator[Any]:
        found = self._pattern.finditer(string, timeout=LIMITS.seconds)
        while (match := _in_time(lambda: next(found, None))) is not None:
            yield match

    def split(self, string: str, max_split: int = 0) -> Any:
        return _in_time(lambda: self._pattern.split(string, max_split, timeout=LIMITS.seconds))

    def sub(self, repl: Any, string: str, count: int = 0) -> Any:
        return _in_time(lambda: self._pattern.sub(repl, string, count, timeout=LIMITS.seconds))


def with_timed_patterns(payload: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of the library get its pattern as a timed one."""
    names = list(inspect.signature(payload).parameters)
    place = names.index("regexp")

    @wraps(payload)
    def timed(*args: Any, **kwargs: Any) -> Any:
        return payload(*args[:place], TimedPattern(args[place]), *args[place + 1 :], **kwargs)

    return timed


def is_found(string: str, regexp: str) -> bool:
    return TimedPattern(regexp).search(string) is not None


def is_pattern_found(string: str, pattern: str) -> bool:
    return is_found(string, pattern)


def is_pattern_not_found(string: str, pattern: str) -> bool:
    return not is_found(string, pattern)


@lru_cache(maxsize=256)
def _compile(pattern: str, flags: int) -> Any:
    try:
        return regex.compile(pattern, flags | int(regex.VERSION0))
    except regex.error as error:
        raise ExpressionFailed(f"a regular expression cannot be read: {error}") from error


def _in_time(find: Callable[[], _Found]) -> _Found:
    try:
        return find()
    except TimeoutError as error:
        raise ExpressionFailed(
            f"a regular expression takes more than {LIMITS.seconds:g} seconds"
        ) from error
