"""The steps that nearly every YAQL expression takes, without the library's search for overloads.

Each gives what the function of the library gives for operands of the plainest kind, and hands
all others on to it, already evaluated.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from yaql.language import utils
from yaql.language.expressions import Constant, Expression, KeywordConstant

from workflows.expressions.frozen import FrozenData

_Library: TypeAlias = Callable[..., Any]
_Step: TypeAlias = Callable[..., Any]

_NUMBERS: frozenset[type] = frozenset({int, float})
_SCALARS: frozenset[type] = frozenset({str, int, float, bool, type(None)})
_MAPPINGS: frozenset[type] = frozenset({FrozenData, dict})
_ABSENT = object()


def find_step(name: str, scope: Any, engine: Any, library: _Library) -> _Step:
    """Give what is called for a function of this name: a direct step, or the library."""
    if name == "#get_context_data":
        return partial(_read_variable, scope)
    if name == "#operator_.":
        return partial(_read_key, scope, engine, library)
    if name in _OPERATORS:
        return partial(_operate, scope, engine, library, name)
    return library


def _read_variable(scope: Any, name: Any) -> Any:
    return scope.get_data(name.value)


def _read_key(scope: Any, engine: Any, library: _Library, *operands: Any) -> Any:
    """Read `mapping.key`; everything else behind a dot is for the library."""
    if len(operands) != 2 or type(operands[1]) is not KeywordConstant:
        return library(*operands)
    source, key = operands
    mapping = _evaluated(source, scope, engine)
    if type(mapping) in _MAPPINGS:
        value = mapping.get(key.value, _ABSENT)
        if value is not _ABSENT:
            return value
    return library(mapping, key)


def _operate(scope: Any, engine: Any, library: _Library, name: str, *operands: Any) -> Any:
    """Compute with two numbers, or compare two scalars; the rest is for the library."""
    if len(operands) != 2:
        return library(*operands)
    left = _evaluated(operands[0], scope, engine)
    right = _evaluated(operands[1], scope, engine)
    operate, kinds = _OPERATORS[name]
    if type(_value(left)) in kinds and type(_value(right)) in kinds:
        return operate(_value(left), _value(right))
    return library(left, right)


def _evaluated(operand: Any, scope: Any, engine: Any) -> Any:
    """Evaluate an operand; constants stay what they are, since the library tells them apart."""
    if isinstance(operand, Expression) and not isinstance(operand, Constant):
        return operand(utils.NO_VALUE, scope, engine)
    return operand


def _value(operand: Any) -> Any:
    return operand.value if isinstance(operand, Constant) else operand


_OPERATORS: Mapping[str, tuple[_Step, frozenset[type]]] = {
    "#operator_+": (operator.add, _NUMBERS),
    "#operator_-": (operator.sub, _NUMBERS),
    "#operator_<": (operator.lt, _NUMBERS),
    "#operator_<=": (operator.le, _NUMBERS),
    "#operator_>": (operator.gt, _NUMBERS),
    "#operator_>=": (operator.ge, _NUMBERS),
    "*equal": (operator.eq, _SCALARS),
    "*not_equal": (operator.ne, _SCALARS),
}
