"""The syntax of expressions, checked when a definition is uploaded; nothing is evaluated."""

from __future__ import annotations

from workflows.errors import ExpressionInvalid
from workflows.expressions.failures import shortened
from workflows.expressions.find import find_yaql, has_jinja, has_yaql
from workflows.expressions.jinja import find_jinja_problem
from workflows.expressions.limits import LIMITS
from workflows.expressions.plugins import find_language
from workflows.expressions.yaql import parse_yaql
from workflows.jsontypes import JSONValue


def find_expression_problems(value: JSONValue) -> list[str]:
    """List what is wrong with the expressions in a value, at any depth; empty is fine.

    Unknown functions, filters and variables are found when the expression is evaluated.
    """
    if isinstance(value, str):
        return _problems_of_text(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [problem for inner in value for problem in find_expression_problems(inner)]
    return []


def _problems_of_text(text: str) -> list[str]:
    in_yaql, in_jinja = has_yaql(text), has_jinja(text)
    if in_yaql and in_jinja:
        return [_problem(text, "YAQL and Jinja cannot be mixed in one text")]
    if in_jinja:
        problem = find_jinja_problem(text)
        return [_problem(text, f"it is no valid Jinja: {problem}")] if problem else []
    found = find_language(text)
    if found and not in_yaql:
        problem = found[1].find_problem(text)
        return [_problem(text, f"it is no valid {found[0]}: {problem}")] if problem else []
    return [
        _problem(text[place.start : place.end], f"it is no valid YAQL: {problem}")
        for place in find_yaql(text)
        if (problem := _yaql_problem(place.code))
    ]


def _yaql_problem(code: str) -> str | None:
    if not code.strip():
        return "it is empty"
    try:
        parse_yaql(code)
    except ExpressionInvalid as error:
        return error.message
    return None


def _problem(text: str, reason: str) -> str:
    half = LIMITS.message // 2
    return f"Expression [{shortened(text, half)}]: {shortened(reason, half)}"
