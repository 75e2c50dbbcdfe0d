"""The most common expressions, answered without the libraries.

A shortcut gives exactly what the library would, or NOT_FOUND: wherever the data is not plainly
what the expression expects, the library decides, also about the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from workflows.errors import WorkflowsError
from workflows.expressions.context import Context
from workflows.expressions.reader import Reader

# A value of this kind is no user data.
NOT_FOUND: Final[Any] = object()

_Shortcut: TypeAlias = Callable[[Any, Reader], Any]

_NAME = r"[^\W\d_]\w*"
_PATH = rf"((?:\.{_NAME})+)"
_VARIABLE_IN_YAQL = re.compile(rf"<%\s*\${_PATH}\s*%>")
_VARIABLE_IN_JINJA = re.compile(rf"\{{\{{\s*_{_PATH}\s*\}}\}}")
_TASK_IN_YAQL = re.compile(rf"<%\s*task\(\s*({_NAME}|'[\w-]+')?\s*\){_PATH}\s*%>")
_TASK_IN_JINJA = re.compile(rf"\{{\{{\s*task\(\s*('[\w-]+')?\s*\){_PATH}\s*\}}\}}")

# Not names in YAQL, but operators and constants.
_WORDS_OF_YAQL = frozenset({"and", "or", "not", "in", "mod", "true", "false", "null"})
# Jinja finds these before the variable or key of the same name.
_ATTRIBUTES = frozenset(dir(dict)) | frozenset(dir(Context))


def find_shortcut(text: str) -> _Shortcut | None:
    """Give a way around the library, if the text is one of the known forms."""
    if "\n" in text:
        return None
    in_yaql = text.startswith("<%")
    reserved = _WORDS_OF_YAQL if in_yaql else _ATTRIBUTES
    variable = (_VARIABLE_IN_YAQL if in_yaql else _VARIABLE_IN_JINJA).fullmatch(text)
    if variable:
        path = variable.group(1).split(".")[1:]
        return _variable(path) if reserved.isdisjoint(path) else None
    task = (_TASK_IN_YAQL if in_yaql else _TASK_IN_JINJA).fullmatch(text)
    if task:
        name, path = task.group(1), task.group(2).split(".")[1:]
        if reserved.isdisjoint(path) and name not in _WORDS_OF_YAQL:
            return _task(name.strip("'") if name else None, path)
    return None


def _variable(path: Sequence[str]) -> _Shortcut:
    first, rest = path[0], path[1:]

    def read(data: Any, reader: Reader) -> Any:
        if not isinstance(data, Context | dict) or first not in data:
            return NOT_FOUND
        return _follow(data[first], rest)

    return read


def _task(name: str | None, path: Sequence[str]) -> _Shortcut:
    def read(data: Any, reader: Reader) -> Any:
        try:
            return _follow(reader.task(name), path)
        except WorkflowsError:
            # Asked again, the library puts the refusal into words.
            return NOT_FOUND

    return read


def _follow(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if type(value) is not dict or key not in value:
            return NOT_FOUND
        value = value[key]
    return value
