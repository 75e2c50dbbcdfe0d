"""The functions YAQL expressions may call: the library's own, made safe, and those of workflows."""

from __future__ import annotations

import inspect

# The library relies on this module without importing it, so it has to stand before the library.
from collections.abc import Callable, Iterable, Mapping, Sized
from functools import partial
from typing import Any

import yaql
from yaql.language import contexts, specs, utils, yaqltypes
from yaql.language.conventions import CamelCaseConvention

from workflows.expressions.limits import (
    Budget,
    check_power,
    check_repetition,
    check_replacement,
    check_shift,
    check_text,
)
from workflows.expressions.patterns import (
    is_found,
    is_pattern_found,
    is_pattern_not_found,
    with_timed_patterns,
)
from workflows.expressions.plugins import all_functions
from workflows.expressions.session import Session
from workflows.expressions.yaql_direct import find_step

_NO_FUNCTIONS: tuple[set[Any], bool] = (set(), False)

# These give what was there before.
_HAND_ON = frozenset({"#get_context_data", "#operator_.", "#operator_?.", "#operator_->"})
_GROW_LISTS = frozenset({"#operator_*", "#operator_+"})


class Scope(contexts.Context):
    """Names and functions at one place of an expression; knows the session it belongs to."""

    # Tests compare the short steps with the library alone.
    takes_short_steps = True

    def __init__(
        self,
        parent_context: Any = None,
        data: Any = utils.NO_VALUE,
        convention: Any = None,
        session: Session | None = None,
    ) -> None:
        super().__init__(parent_context, data, convention)
        self.session: Session | None = session or getattr(parent_context, "session", None)

    def __call__(
        self, name: str, engine: Any, receiver: Any = utils.NO_VALUE, *args: Any, **kwargs: Any
    ) -> Any:
        function = super().__call__(name, engine, receiver, *args, **kwargs)
        if self.session is None:
            return function
        budget = self.session.budget
        budget.call()
        if name not in _HAND_ON:
            function = partial(_weighed, budget, name, function)
        if receiver is utils.NO_VALUE and self.takes_short_steps:
            return find_step(name, self, engine, function)
        return function

    def get_functions(self, name: str, predicate: Any = None, use_convention: bool = False) -> Any:
        # Nearly all scopes have no functions of their own, and this is asked for each of them.
        if not self._functions:
            return _NO_FUNCTIONS
        return super().get_functions(name, predicate, use_convention)


def _weighed(
    budget: Budget, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Call a function and count what it has made."""
    result = function(*args, **kwargs)
    if isinstance(result, str):
        budget.write(result)
    elif isinstance(result, tuple) and name in _GROW_LISTS:
        budget.spend(len(result))
    return result


class _CountedIterable(yaqltypes.Iterable):
    """A list or lazy sequence that an expression goes through; its elements are counted."""

    __slots__ = ()

    def convert(self, value: Any, receiver: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        return _count(super().convert(value, receiver, context, *args, **kwargs), context)


class _CountedIterator(yaqltypes.PythonType):
    """The same for the functions of the library that ask for an iterator without any limit."""

    __slots__ = ()

    def convert(self, value: Any, receiver: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        return _count(super().convert(value, receiver, context, *args, **kwargs), context)


def build_library() -> Scope:
    """Make the scope that all expressions share; takes some 50 ms."""
    root = Scope(convention=CamelCaseConvention())
    library: Scope = yaql.create_context(context=root, convention=CamelCaseConvention())
    scope: Any = library
    while scope is not None:
        for overloads in scope._functions.values():
            for function in overloads:
                _make_safe(function)
        scope = scope.parent
    for name, function in all_functions().items():
        library.register_function(_for_yaql(name, function))
    return library


def _count(value: Any, scope: Scope) -> Any:
    budget = _budget(scope)
    if value is None or budget is None:
        return value
    if isinstance(value, Sized):
        budget.spend(len(value))
        return value
    return budget.counted(value)


def _budget(scope: Scope) -> Budget | None:
    return scope.session.budget if scope.session else None


def _make_safe(function: Any) -> None:
    """Let a function of the library count what it goes through and refuse too large a result."""
    for parameter in function.parameters.values():
        kind = parameter.value_type
        if type(kind) is yaqltypes.Iterable:
            counted = _CountedIterable(nullable=kind.nullable)
            counted.validators, counted.checker = kind.validators, kind.checker
            parameter.value_type = counted
        elif type(kind) is yaqltypes.PythonType and kind.python_type is utils.IteratorType:
            parameter.value_type = _CountedIterator(kind.python_type, kind.nullable)
    module = function.payload.__module__.rpartition(".")[2]
    name = f"{module}.{function.payload.__name__}"
    function.payload = _REPLACED.get(name, function.payload)
    check = _CHECKS.get(name)
    if check is not None:
        function.payload = _checked(function.payload, check)
    if name in _SEARCH:
        function.payload = with_timed_patterns(function.payload)


def _checked(payload: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    names = list(inspect.signature(payload).parameters)
    wanted = [names.index(name) for name in inspect.signature(check).parameters]

    def checked(*args: Any, **kwargs: Any) -> Any:
        check(*(args[index] for index in wanted))
        return payload(*args, **kwargs)

    checked.__signature__ = inspect.signature(payload)  # type: ignore[attr-defined]
    return checked


def _check_times(left: Any, right: Any) -> None:
    check_repetition(left, right)


def _check_pow(a: Any, b: Any) -> None:
    check_power(a, b)


def _check_shift(value: Any, bits_number: Any) -> None:
    check_shift(value, bits_number)


def _check_replace(string: str, old: str, new: str) -> None:
    check_replacement(string, string.count(old), new)


def _check_regex_replace(regexp: Any, string: str, repl: str) -> None:
    occurrences = sum(1 for _ in regexp.finditer(string)) if len(repl) > 1 else 0
    check_replacement(string, occurrences, repl)


def _join(sequence: Iterable[Any], separator: str, str_delegate: Callable[[Any], str]) -> str:
    texts: list[str] = []
    length = 0
    for element in sequence:
        texts.append(str_delegate(element))
        length += len(texts[-1]) + len(separator)
        check_text(length)
    return separator.join(texts)


def _join_with(separator: str, sequence: Iterable[Any], str_delegate: Any) -> str:
    return _join(sequence, separator, str_delegate)


# By module and function of the library; the arguments are those of the same names.
_CHECKS: Mapping[str, Callable[..., None]] = {
    "math.multiplication": _check_times,
    "strings.string_by_int": _check_times,
    "strings.int_by_string": _check_times,
    "collections.list_by_int": _check_times,
    "collections.int_by_list": _check_times,
    "math.pow_": _check_pow,
    "math.shift_bits_left": _check_shift,
    "strings.replace": _check_replace,
    "regex.replace": _check_regex_replace,
    "regex.replace_string": _check_regex_replace,
}

_REPLACED: Mapping[str, Callable[..., Any]] = {
    "strings.join": _join,
    "strings.join_": _join_with,
    "regex.matches_": is_found,
    "regex.matches_operator_string": is_pattern_found,
    "regex.not_matches_operator_string": is_pattern_not_found,
}

# These get a compiled pattern.
_SEARCH = frozenset(
    f"regex.{name}"
    for name in (
        "matches",
        "matches_operator_regex",
        "not_matches_operator_regex",
        "search",
        "search_all",
        "split",
        "split_string",
        "replace",
        "replace_string",
        "replace_by",
        "replace_by_string",
    )
)


def _for_yaql(name: str, function: Callable[..., Any]) -> Any:
    """Describe a workflow function to the library, which hands it the scope."""

    def kind_of_parameter(parameter: str) -> Any:
        return yaqltypes.Context() if parameter == "session" else None

    definition = specs.get_function_definition(
        function,
        name=name,
        convention=CamelCaseConvention(),
        parameter_type_func=kind_of_parameter,
    )

    def payload(scope: Scope, *args: Any, **kwargs: Any) -> Any:
        assert scope.session is not None
        return function(scope.session, *args, **kwargs)

    definition.payload = payload
    return definition
