"""The commonest expressions, evaluated without the libraries.

A shortcut gives exactly what the library gives, or nothing: wherever the data is not plainly what
the expression expects, the library decides, also about the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from workflows.expressions.context import Context
from workflows.expressions.reader import Reader
from workflows.jsontypes import JSONValue

# Gives (True, value), or (False, None) to leave it to the library.
Found: TypeAlias = tuple[bool, JSONValue]
_NOT_FOUND: Final[Found] = (False, None)

_NAME: Final = r"[A-Za-z][A-Za-z0-9_]*"
_PATH: Final = rf"((?:\.{_NAME})*)"
_YAQL: Final = re.compile(rf"<%\s*\$((?:\.{_NAME})+)\s*%>")
_YAQL_TASK: Final = re.compile(rf"<%\s*task\(({_NAME})?\){_PATH}\s*%>")
_JINJA: Final = re.compile(rf"\{{\{{\s*_((?:\.{_NAME})+)\s*\}}\}}")
_JINJA_TASK: Final = re.compile(rf"\{{\{{\s*task\((?:'({_NAME})')?\){_PATH}\s*\}}\}}")

# In YAQL these are operators or constants, not names.
_RESERVED: Final = frozenset({"and", "or", "not", "in", "mod", "is", "true", "false", "null"})
# In Jinja an attribute of the mapping comes before a key of the same name.
_ATTRIBUTES: Final = frozenset(dir(dict)) | frozenset(dir(Context))

_Shortcut: TypeAlias = Callable[[Any, Reader], Found]


def evaluate(text: str, context: Any, reader: Reader) -> Found:
    """Evaluate a text if it is one of the known forms."""
    shortcut = _find(text)
    return _NOT_FOUND if shortcut is None else shortcut(context, reader)


@lru_cache(maxsize=4096)
def _find(text: str) -> _Shortcut | None:
    for pattern, is_jinja, is_task in (
        (_YAQL, False, False),
        (_JINJA, True, False),
        (_YAQL_TASK, False, True),
        (_JINJA_TASK, True, True),
    ):
        found = pattern.fullmatch(text)
        if found is not None:
            name = found.group(1) if is_task else None
            path = found.group(found.lastindex or 1) if not is_task else found.group(2)
            keys = tuple(path.split(".")[1:])
            unsafe = _ATTRIBUTES if is_jinja else _RESERVED
            if unsafe.isdisjoint(keys) and (name is None or name not in _RESERVED):
                return _task_path(name, keys) if is_task else _variable_path(keys)
    return None


def _variable_path(keys: tuple[str, ...]) -> _Shortcut:
    first, *rest = keys

    def follow(context: Any, reader: Reader) -> Found:
        if not isinstance(context, Context | dict) or first not in context:
            return _NOT_FOUND
        return _walk(context[first], rest)

    return follow


def _task_path(name: str | None, keys: tuple[str, ...]) -> _Shortcut:
    def follow(context: Any, reader: Reader) -> Found:
        return _walk(reader.task(name), keys)

    return follow


def _walk(value: JSONValue, keys: tuple[str, ...] | list[str]) -> Found:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return _NOT_FOUND
        value = value[key]
    return True, value
