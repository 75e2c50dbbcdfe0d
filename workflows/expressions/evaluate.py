"""Evaluation: every expression inside a value, at any depth, in either language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Undefined

from workflows.errors import ExpressionFailed
from workflows.expressions import shortcuts
from workflows.expressions.find import YAQL, has_jinja, has_yaql, whole_yaql
from workflows.expressions.functions import answering
from workflows.expressions.jinja import evaluate_jinja
from workflows.expressions.limits import LIMITS
from workflows.expressions.reader import Reader
from workflows.expressions.results import as_text, plain
from workflows.expressions.yaql import describe_failure, evaluate_yaql
from workflows.jsontypes import JSONValue


def evaluate(
    value: JSONValue, context: JSONValue | Mapping[str, JSONValue], reader: Reader
) -> JSONValue:
    """Evaluate all expressions in a value; keys of mappings are not evaluated.

    A text that is exactly one expression becomes its value, in any other each expression is
    replaced by its text. Raises ExpressionFailed, which names the expression and the reason.
    """
    if isinstance(value, str):
        return _evaluate_text(value, context, reader)
    if isinstance(value, dict):
        return {key: evaluate(inner, context, reader) for key, inner in value.items()}
    if isinstance(value, list):
        return [evaluate(inner, context, reader) for inner in value]
    return value


def evaluate_without_shortcuts(value: str, context: Any, reader: Reader) -> JSONValue:
    """Evaluate a text by the libraries alone."""
    with answering(reader):
        try:
            if has_yaql(value):
                return _evaluate_yaql(value, context)
            return _evaluate_jinja(value, context)
        except Exception as error:  # a border: the libraries raise whatever Python does
            raise ExpressionFailed(_message(value, error)) from error


def is_expression(value: JSONValue) -> bool:
    """Whether a value holds any expression, at any depth."""
    if isinstance(value, str):
        return has_yaql(value) or has_jinja(value)
    if isinstance(value, dict):
        return any(is_expression(inner) for inner in value.values())
    return isinstance(value, list) and any(is_expression(inner) for inner in value)


def _evaluate_text(value: str, context: Any, reader: Reader) -> JSONValue:
    if "<%" not in value and "{" not in value:
        return value
    found, result = shortcuts.evaluate(value, context, reader)
    if found:
        return result
    if not has_yaql(value) and not has_jinja(value):
        return value
    return evaluate_without_shortcuts(value, context, reader)


def _evaluate_yaql(value: str, context: Any) -> JSONValue:
    inner = whole_yaql(value)
    if inner is not None:
        return plain(evaluate_yaql(inner, context))
    return YAQL.sub(lambda found: as_text(evaluate_yaql(found.group(1), context)), value)


def _evaluate_jinja(value: str, context: Any) -> JSONValue:
    result, keeps_type = evaluate_jinja(value, context)
    if not keeps_type:
        return str(result)
    if isinstance(result, Undefined):
        str(result)  # raises the error that says what is undefined
    return plain(result)


def _message(text: str, error: Exception) -> str:
    """Name the expression and the reason, within a bounded length."""
    half = LIMITS.message // 2
    expression = text if len(text) <= half else text[: half - 3] + "..."
    reason = describe_failure(error)
    reason = reason if len(reason) <= half else reason[: half - 3] + "..."
    language = "YAQL" if has_yaql(text) else "Jinja"
    return f"Can not evaluate {language} expression [expression={expression}, error={reason}]"
