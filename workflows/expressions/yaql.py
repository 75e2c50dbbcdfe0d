"""YAQL: the library with Mistral's settings, our functions, and guards where it has no limits."""

from __future__ import annotations

# The library needs this module but does not import it.
import collections.abc
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import yaql
from yaql.language import specs, utils, yaqltypes
from yaql.language.exceptions import YaqlException

from workflows.errors import ExpressionFailed, ExpressionInvalid
from workflows.expressions import functions
from workflows.expressions.context import Context
from workflows.expressions.frozen import freeze, frozen_variables
from workflows.expressions.limits import (
    LIMITS,
    check_nesting,
    check_power,
    check_repetition,
    check_shift,
)

_PARSED = 4096

_engine = yaql.YaqlFactory(keyword_operator="=>", allow_delegates=False).create(
    options={
        "yaql.limitIterators": LIMITS.elements,
        "yaql.memoryQuota": LIMITS.memory,
        # Our data is frozen before and made plain after, without copies.
        "yaql.convertInputData": False,
        "yaql.convertOutputData": False,
    }
)
# The parser of the library keeps its state in itself, so one thread at a time may use it.
_parser_lock = threading.Lock()


def evaluate_yaql(text: str, data: object) -> object:
    """Evaluate one expression without its marks; the result is the library's, maybe lazy."""
    statement = parse_yaql(text)
    context = _root_context().create_child_context()
    context["$"] = frozen_variables(data) if isinstance(data, Context) else freeze(data)
    return statement(utils.NO_VALUE, context, _engine)


@lru_cache(maxsize=_PARSED)
def parse_yaql(text: str) -> Any:
    """Parse an expression. Raises ExpressionInvalid."""
    stripped = text.strip()
    if not stripped:
        raise ExpressionInvalid("the expression is empty")
    fault = check_nesting(stripped)
    if fault:
        raise ExpressionInvalid(fault)
    try:
        with _parser_lock:
            return _engine(stripped)
    except RecursionError as error:
        raise ExpressionInvalid("it is nested too deeply") from error
    except (YaqlException, ValueError) as error:
        raise ExpressionInvalid(str(error)) from error


@lru_cache(maxsize=1)
def _root_context() -> Any:
    context = yaql.create_context().create_child_context()
    for name, function in _FUNCTIONS.items():
        context.register_function(function, name=name)
    for guard in _GUARDS:
        context.register_function(guard)
    return context


def _env() -> Any:
    return freeze(functions.get_env())


def _execution() -> Any:
    return freeze(functions.get_execution())


def _executions(
    id: Any = None,
    root_execution_id: Any = None,
    state: Any = None,
    from_time: Any = None,
    to_time: Any = None,
) -> Any:
    return freeze(functions.list_executions(id, root_execution_id, state, from_time, to_time))


def _task(name: Any = None) -> Any:
    return freeze(functions.get_task(name))


def _tasks(
    workflow_execution_id: Any = None,
    recursive: Any = False,
    state: Any = None,
    flat: Any = False,
) -> Any:
    return freeze(functions.list_tasks(workflow_execution_id, recursive, state, flat))


def _global(name: Any) -> Any:
    return freeze(functions.get_global(name))


def _parse_json(text: Any) -> Any:
    return freeze(functions.parse_json(text))


def _parse_yaml(text: Any) -> Any:
    return freeze(functions.parse_yaml(text))


_FUNCTIONS = {
    "env": _env,
    "execution": _execution,
    "executions": _executions,
    "task": _task,
    "tasks": _tasks,
    "global": _global,
    "json_parse": _parse_json,
    "json_dump": functions.dump_json,
    "yaml_parse": _parse_yaml,
    "yaml_dump": functions.dump_yaml,
    "uuid": functions.make_uuid,
}


def _counted(elements: Iterable[object]) -> Iterator[object]:
    return functions.budget().counted(elements)


@specs.parameter("stop", int)
@specs.name("range")
def _range(stop: int) -> Iterator[object]:
    return _counted(range(stop))


@specs.parameter("start", int)
@specs.parameter("stop", int)
@specs.parameter("step", int)
@specs.name("range")
def _range_from(start: int, stop: int, step: int = 1) -> Iterator[object]:
    return _counted(range(start, stop, step))


@specs.parameter("start", int)
@specs.parameter("step", int)
@specs.name("sequence")
def _sequence(start: int = 0, step: int = 1) -> Iterator[object]:
    return _counted(range(start, start + step * (LIMITS.elements + 2), step or 1))


@specs.parameter("left", int)
@specs.parameter("right", int)
@specs.name("#operator_*")
def _times(left: int, right: int) -> int:
    check_repetition(left, right)
    return left * right


@specs.parameter("left", yaqltypes.String())
@specs.parameter("right", int)
@specs.name("#operator_*")
def _text_times(left: str, right: int) -> str:
    check_repetition(left, right)
    return left * right


@specs.parameter("left", int)
@specs.parameter("right", yaqltypes.String())
@specs.name("#operator_*")
def _times_text(left: int, right: str) -> str:
    return _text_times(right, left)


@specs.parameter("left", yaqltypes.Sequence())
@specs.parameter("right", int)
@specs.name("#operator_*")
def _list_times(left: Any, right: int) -> Any:
    check_repetition(tuple(left), right)
    return left * right


@specs.parameter("left", int)
@specs.parameter("right", yaqltypes.Sequence())
@specs.name("#operator_*")
def _times_list(left: int, right: Any) -> Any:
    return _list_times(right, left)


@specs.parameter("a", yaqltypes.Number())
@specs.parameter("b", yaqltypes.Number())
@specs.parameter("c", yaqltypes.Number(nullable=True))
@specs.name("pow")
def _pow(a: Any, b: Any, c: Any = None) -> Any:
    if c is None:
        check_power(a, b)
    return pow(a, b, c)


@specs.parameter("value", int)
@specs.parameter("bits_number", int)
@specs.name("shiftBitsLeft")
def _shift_left(value: int, bits_number: int) -> int:
    check_shift(value, bits_number)
    return value << bits_number


# These stand before the library's functions of the same names and take the same arguments.
_GUARDS = (
    _range,
    _range_from,
    _sequence,
    _times,
    _text_times,
    _times_text,
    _list_times,
    _times_list,
    _pow,
    _shift_left,
)

assert collections.abc.Mapping is Mapping


def describe_failure(error: Exception) -> str:
    """Say in one line what went wrong, without a traceback."""
    if isinstance(error, ExpressionFailed | ExpressionInvalid):
        return error.message
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}" if error.args else "there is no such key"
    return str(error) or type(error).__name__
