"""Jinja2: an immutable sandbox with Mistral's settings, our functions, and guards on sizes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_NAMESPACE
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workflows.errors import ExpressionInvalid
from workflows.expressions import functions
from workflows.expressions.find import whole_jinja
from workflows.expressions.limits import (
    LIMITS,
    check_elements,
    check_nesting,
    check_power,
    check_repetition,
    check_text,
)
from workflows.expressions.results import printable

_PARSED = 4096

# Not needed by anybody, and ways to state or to endless text.
_UNWANTED = ("lipsum", "cycler", "joiner", "namespace")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Looks at operands before an operator makes something enormous of them."""

    intercepted_binops = frozenset({"**", "*", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            check_power(left, right)
        elif operator == "*":
            check_repetition(left, right)
        elif isinstance(left, str | bytes):
            check_text(_width_of(left))
        return super().call_binop(context, operator, left, right)


def evaluate_jinja(text: str, data: object) -> tuple[object, bool]:
    """Evaluate a text with Jinja in it. The second value tells whether the first keeps its type."""
    expression = parse_whole(text)
    if expression is not None:
        return expression(_=data), True
    template = parse_template(text)
    parts: list[str] = []
    length = 0
    for part in template.generate(_=data):
        length += len(part)
        check_text(length)
        parts.append(part)
    return "".join(parts), False


@lru_cache(maxsize=_PARSED)
def parse_whole(text: str) -> Callable[..., Any] | None:
    """Compile a text that is exactly one expression; None if it is not."""
    inner = whole_jinja(text)
    if inner is None or check_nesting(inner):
        return None
    try:
        return _sandbox().compile_expression(inner.strip(), undefined_to_none=False)
    except TemplateSyntaxError:
        return None


@lru_cache(maxsize=_PARSED)
def parse_template(text: str) -> Any:
    """Compile a text as a template. Raises ExpressionInvalid."""
    if len(text) > LIMITS.template_length:
        raise ExpressionInvalid(f"it is longer than {LIMITS.template_length} characters")
    fault = check_nesting(text) if len(text) <= LIMITS.expression_length else None
    if fault:
        raise ExpressionInvalid(fault)
    try:
        return _sandbox().from_string(text)
    except TemplateError as error:
        raise ExpressionInvalid(error.message or "it is not well formed") from error
    except RecursionError as error:
        raise ExpressionInvalid("it is nested too deeply") from error


@lru_cache(maxsize=1)
def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value, keeps_tuples=True),
    )
    for name in _UNWANTED:
        sandbox.globals.pop(name, None)
    sandbox.globals["range"] = _range
    for name, function in _FUNCTIONS.items():
        sandbox.globals[name] = function
        sandbox.filters[name] = _as_filter(function)
    sandbox.filters["center"] = _center
    return sandbox


def _as_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a filter a function gets the context first, which it does not need."""

    def apply(_context: object, *arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return apply


def _range(*arguments: int) -> range:
    numbers = range(*arguments)
    check_elements(len(numbers))
    functions.budget().spend(len(numbers))
    return numbers


def _center(value: str, width: int = 80) -> str:
    check_text(width)
    centered: str = DEFAULT_FILTERS["center"](value, width)
    return centered


def _width_of(pattern: str | bytes) -> int:
    """The widest field that a %-format asks for."""
    text = pattern.decode(errors="replace") if isinstance(pattern, bytes) else pattern
    digits = "".join(character if character.isdigit() else " " for character in text)
    return max((int(number) for number in digits.split() if len(number) < 30), default=0)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "env": functions.get_env,
    "execution": functions.get_execution,
    "executions": functions.list_executions,
    "task": functions.get_task,
    "tasks": functions.list_tasks,
    "global": functions.get_global,
    "json_parse": functions.parse_json,
    "json_dump": functions.dump_json,
    "yaml_parse": functions.parse_yaml,
    "yaml_dump": functions.dump_yaml,
    "uuid": functions.make_uuid,
}

assert "range" in DEFAULT_NAMESPACE
