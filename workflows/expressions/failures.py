"""Says in one line why an expression failed, without the data it worked on."""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import TemplateError
from yaql.language import exceptions as yaql

from workflows.errors import ExpressionFailed, WorkflowsError
from workflows.expressions.limits import LIMITS

_RECEIVER = re.compile(r"^(.*?method \".*?\") for receiver ", re.DOTALL)
_CONTEXT = re.compile(r"'workflows[\w.]*\.Context object'")
# Where messages of Python begin to quote the data.
_QUOTED = re.compile(r": |['\"]")


def expression_failed(text: str, language: str, error: Exception) -> ExpressionFailed:
    """Make the error that names the expression and the reason; both are cut to a bounded length."""
    half = LIMITS.message // 2
    reason = shortened(describe(error, text), half)
    return ExpressionFailed(f"{language} expression failed [{shortened(text, half)}]: {reason}")


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def describe(error: Exception, text: str) -> str:
    """Say what went wrong; values are left out unless the author wrote them."""
    for kind, description in _DESCRIPTIONS:
        if isinstance(error, kind):
            return description(error, text)
    return type(error).__name__


def _key(error: Exception, text: str) -> str:
    key = error.args[0] if error.args else None
    is_written = isinstance(key, str) and key in text
    return f"there is no {key!r}" if is_written else "there is no such key"


def _method(error: Exception, text: str) -> str:
    found = _RECEIVER.match(str(error))
    return f"{found.group(1)} for this value" if found else str(error).partition(" for ")[0]


def _jinja(error: Exception, text: str) -> str:
    return _CONTEXT.sub("the context", str(error))


def _unquoted(error: Exception, text: str) -> str:
    return _QUOTED.split(str(error), maxsplit=1)[0].strip() or "a value is not suitable"


def _own(error: Exception, text: str) -> str:
    return str(error)


_DESCRIPTIONS: tuple[tuple[type[Exception], Callable[[Exception, str], str]], ...] = (
    (WorkflowsError, _own),
    (KeyError, _key),
    (IndexError, lambda error, text: "an index is out of range"),
    (RecursionError, lambda error, text: "it is nested too deeply"),
    (MemoryError, lambda error, text: "it needs too much memory"),
    (yaql.MethodResolutionError, _method),
    (yaql.YaqlException, _own),
    (TemplateError, _jinja),
    # The message is what the author gave to assert().
    (AssertionError, _own),
    # Messages of this kind name types.
    (TypeError, _own),
    (ArithmeticError, _own),
    (ValueError, _unquoted),
)
