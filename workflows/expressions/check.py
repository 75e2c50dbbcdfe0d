"""The syntax of expressions, checked when a definition is uploaded."""

from __future__ import annotations

from workflows.errors import ExpressionInvalid
from workflows.expressions.find import YAQL, has_jinja, has_yaql
from workflows.expressions.jinja import parse_template, parse_whole
from workflows.expressions.yaql import parse_yaql
from workflows.jsontypes import JSONValue


def find_expression_problems(value: JSONValue) -> list[str]:
    """List what is wrong with the expressions in a value, at any depth; nothing is evaluated."""
    if isinstance(value, str):
        return _check_text(value)
    if isinstance(value, dict):
        return [fault for inner in value.values() for fault in find_expression_problems(inner)]
    if isinstance(value, list):
        return [fault for inner in value for fault in find_expression_problems(inner)]
    return []


def _check_text(text: str) -> list[str]:
    yaql, jinja = has_yaql(text), has_jinja(text)
    if yaql and jinja:
        return [f"YAQL and Jinja must not be mixed in one text: {_short(text)}"]
    try:
        if yaql:
            for found in YAQL.finditer(text):
                parse_yaql(found.group(1))
        elif jinja and parse_whole(text) is None:
            parse_template(text)
    except ExpressionInvalid as error:
        language = "YAQL" if yaql else "Jinja"
        return [f"{language} expression is not valid: {_short(text)}: {error.message}"]
    return []


def _short(text: str, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
