"""Evaluates Jinja: a string that is one expression, or one that is rendered as a template."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar

from jinja2 import Template, TemplateError, Undefined
from jinja2.environment import TemplateExpression

from workflows.errors import ExpressionInvalid
from workflows.expressions.context import Context, hidden_names
from workflows.expressions.jinja_sandbox import SESSION, Sandbox
from workflows.expressions.limits import LIMITS, check_nesting, check_text
from workflows.expressions.session import Session

_Compiled = TypeVar("_Compiled")

_SANDBOX = Sandbox()
_BEGIN, _END = "{{", "}}"


def find_jinja_problem(text: str) -> str | None:
    """Say why a string is no Jinja template; None is fine."""
    code = whole_expression(text)
    problem = _too_long(text) if code is None else check_nesting(code)
    if problem:
        return problem
    try:
        _SANDBOX.parse(text)
    except TemplateError as error:
        return str(error)
    except RecursionError:
        return "it is nested too deeply"
    return None


def whole_expression(text: str) -> str | None:
    """Give what stands between the braces if the string is one expression and nothing else."""
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return None
    try:
        kinds = [kind for _, kind, _ in _SANDBOX.lex(text)]
    except TemplateError:
        return None
    if "variable_end" not in kinds or kinds.index("variable_end") != len(kinds) - 1:
        return None
    code = text[2:-2]
    # A minus behind the expression can only mean the blanks around it, of which there are none.
    return code.strip().strip("-") if code.endswith("-") else code


@lru_cache(maxsize=2048)
def compile_expression(code: str) -> TemplateExpression:
    """Compile what stands between the braces; raises ExpressionInvalid."""
    return _compiled(
        check_nesting(code), partial(_SANDBOX.compile_expression, code, undefined_to_none=False)
    )


@lru_cache(maxsize=512)
def compile_template(text: str) -> Template:
    """Compile a whole string; raises ExpressionInvalid."""
    return _compiled(_too_long(text), partial(_SANDBOX.from_string, text))


def run_expression(code: str, data: object, session: Session) -> object:
    """Evaluate one expression and keep the type of its value."""
    result = compile_expression(code)(_names(data, session))
    if isinstance(result, Undefined):
        # An undefined value complains as soon as anything is done with it.
        str(result)
    return result


def render(text: str, data: object, session: Session) -> str:
    """Fill a template; the result is bounded while it grows."""
    parts: list[str] = []
    length = 0
    for part in compile_template(text).generate(_names(data, session)):
        length += len(part)
        check_text(length)
        parts.append(part)
    return "".join(parts)


def _names(data: object, session: Session) -> dict[str, Any]:
    hidden = hidden_names(data) if isinstance(data, Context) else {}
    return {**hidden, "_": data, SESSION: session}


def _too_long(text: str) -> str | None:
    if len(text) > LIMITS.template_length:
        return f"it is longer than {LIMITS.template_length} characters"
    return None


def _compiled(problem: str | None, compile_it: Callable[[], _Compiled]) -> _Compiled:
    if problem:
        raise ExpressionInvalid(problem)
    try:
        return compile_it()
    except TemplateError as error:
        raise ExpressionInvalid(str(error)) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise ExpressionInvalid("it is nested too deeply") from error
