"""Evaluates YAQL expressions, those between `<%` and `%>`."""

from __future__ import annotations

from functools import cache, lru_cache
from threading import Lock
from typing import Any

from yaql.language import factory, utils
from yaql.language.exceptions import WrappedException, YaqlException

from workflows.errors import ExpressionInvalid
from workflows.expressions.context import Context, hidden_names
from workflows.expressions.frozen import freeze, frozen_variables
from workflows.expressions.limits import LIMITS, check_nesting
from workflows.expressions.session import Session
from workflows.expressions.yaql_library import Scope, build_library

_LOCK = Lock()


@lru_cache(maxsize=4096)
def parse_yaql(code: str) -> Any:
    """Parse what stands between the marks; raises ExpressionInvalid."""
    problem = check_nesting(code)
    if problem:
        raise ExpressionInvalid(problem)
    try:
        # The parser of the library mixes up texts that two threads give it at once.
        with _LOCK:
            return _engine()(code.strip()).expression
    except YaqlException as error:
        raise ExpressionInvalid(str(error)) from error
    except (KeyError, ValueError, TypeError) as error:
        raise ExpressionInvalid(f"it cannot be read: {error}") from error


def run_yaql(code: str, data: object, session: Session) -> object:
    """Evaluate what stands between the marks; the result is the library's, maybe lazy."""
    expression = parse_yaql(code)
    scope = Scope(_library(), session=session)
    if isinstance(data, Context):
        scope["$"] = frozen_variables(data)
        for name, value in hidden_names(data).items():
            scope[name] = value
    else:
        scope["$"] = freeze(data)
    try:
        return expression(utils.NO_VALUE, scope, _engine())
    except WrappedException as error:
        raise error.wrapped from error


@cache
def _engine() -> Any:
    # What Mistral has by default, and limits.
    return factory.YaqlFactory(keyword_operator="=>", allow_delegates=False).create(
        {"yaql.limitIterators": LIMITS.elements, "yaql.memoryQuota": LIMITS.memory}
    )


@cache
def _library() -> Scope:
    with _LOCK:
        return build_library()
