"""Makes an action of a typed Python function, for code that brings actions of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final, TypeVar

from workflows.actions.annotations import AnnotationNotUsable, check_annotation, describe, fits
from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.jsontypes import JSONValue

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MARK: Final = "__levante_action__"

# Names of the service itself; the second kind is made from Celery tasks.
RESERVED_PREFIXES: Final = ("std.", "celery.")
_LONGEST_NAME: Final = 255


class ActionNotUsable(TypeError):
    """A function cannot be made an action; the text says why."""


def action(
    name: str,
    *,
    safe_rerun: bool = False,
    inline: bool = False,
    asynchronous: bool = False,
) -> Callable[[_Function], _Function]:
    """Make the function an action of this name; it can still be called as before.

    Its parameters and defaults are those of the action, its docstring is the description, and its
    annotations say which values it takes: a value of another type fails the action before the
    function is called. A parameter annotated with `ActionContext` is filled in by the worker. What
    the function returns is the result; an exception is an error, `ActionFailed` one with data.

    safe_rerun:   it does no harm to run it again when a worker was lost in the middle of it.
    inline:       it computes for a moment and never waits, so the engine runs it by itself.
    asynchronous: it only starts the work; the result is delivered later through the API.
    """

    def declare(function: _Function) -> _Function:
        setattr(function, _MARK, _make_class(name, function, safe_rerun, inline, asynchronous))
        return function

    return declare


def action_class(found: object) -> type[Action] | None:
    """Give the action that something is or was made; None if it is none."""
    if isinstance(found, type) and issubclass(found, Action):
        return found
    made = getattr(found, _MARK, None)
    return made if isinstance(made, type) and issubclass(made, Action) else None


def actions_of_module(module: ModuleType) -> list[type[Action]]:
    """List the actions that a module defines, in the order of their definition."""
    found = []
    for value in vars(module).values():
        made = action_class(value)
        if made is not None and made.__module__ == module.__name__ and hasattr(made, "name"):
            found.append(made)
    return found


def _make_class(
    name: str,
    function: Callable[..., Any],
    safe_rerun: bool,
    inline: bool,
    asynchronous: bool,
) -> type[Action]:
    _check_name(name)
    if inline and asynchronous:
        raise ActionNotUsable(f"{name}: an asynchronous action cannot be inline.")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise ActionNotUsable(f"{name}: the function must return its result, not a coroutine.")
    declared = _parameters(name, function)
    context_name = next((one.name for one in declared if one.annotation is ActionContext), None)
    taken = [one for one in declared if one.name != context_name]
    for parameter in taken:
        _check_parameter(name, parameter)

    def run(self: Action, context: ActionContext, **input: JSONValue) -> JSONValue:
        _check_values(taken, input)
        given: dict[str, Any] = dict(input)
        if context_name is not None:
            given[context_name] = context
        result: JSONValue = function(**given)
        return result

    own = [
        inspect.Parameter(one, inspect.Parameter.POSITIONAL_ONLY) for one in ("self", "context_")
    ]
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*own, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in taken)]
    )
    facts = {
        "name": name,
        "run": run,
        "inline": inline,
        "is_sync": not asynchronous,
        "is_safe_rerun": safe_rerun,
        "__doc__": inspect.getdoc(function) or "",
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
    }
    return type(function.__name__, (Action,), facts)


def _check_name(name: str) -> None:
    if not name or " " in name or len(name) > _LONGEST_NAME:
        raise ActionNotUsable(f"{name!r} is no name of an action.")
    if name.startswith(RESERVED_PREFIXES):
        raise ActionNotUsable(f"{name}: names with this beginning belong to the service.")


def _parameters(name: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError as error:
        raise ActionNotUsable(f"{name}: an annotation cannot be read: {error}") from error


def _check_parameter(name: str, parameter: inspect.Parameter) -> None:
    if parameter.kind not in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    ):
        raise ActionNotUsable(f"{name}: {parameter} cannot be given by its name.")
    if parameter.annotation is inspect.Parameter.empty:
        raise ActionNotUsable(f"{name}: the parameter {parameter.name} has no annotation.")
    try:
        check_annotation(parameter.annotation)
        is_fine = parameter.default is inspect.Parameter.empty or fits(
            parameter.default, parameter.annotation
        )
    except AnnotationNotUsable as error:
        raise ActionNotUsable(f"{name}: the parameter {parameter.name}: {error}.") from error
    if not is_fine:
        raise ActionNotUsable(f"{name}: the default of {parameter.name} has another type.")


def _check_values(declared: list[inspect.Parameter], input: Mapping[str, JSONValue]) -> None:
    """Fail the action when a value has not the type that its parameter is annotated with."""
    for parameter in declared:
        if parameter.name in input and not fits(input[parameter.name], parameter.annotation):
            raise ActionFailed(f"'{parameter.name}' must be {describe(parameter.annotation)}.")
