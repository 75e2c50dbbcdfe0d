"""Functions and whole languages of installed packages, and the choice of languages.

A package names a function under the entry point group `levante.expression_functions`: a plain
function of data, which has the name of the entry point in all languages. Under
`levante.expression_languages` it names a class that keeps the protocol `Language`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, runtime_checkable

from workflows.expressions.functions import FUNCTIONS
from workflows.expressions.results import plain
from workflows.expressions.session import Session
from workflows.jsontypes import JSONValue

logger = logging.getLogger(__name__)

FUNCTION_GROUP: Final = "levante.expression_functions"
LANGUAGE_GROUP: Final = "levante.expression_languages"
BUILT_IN_LANGUAGES: Final = frozenset({"yaql", "jinja"})

_allowed: frozenset[str] = BUILT_IN_LANGUAGES


@runtime_checkable
class Language(Protocol):
    """An expression language of an installed package."""

    def has_expression(self, text: str) -> bool:
        """Whether a text holds an expression of this language."""

    def find_problem(self, text: str) -> str | None:
        """Say why the expressions of a text cannot be read; None is fine."""

    def evaluate(self, text: str, data: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
        """Evaluate a text that has expressions over variables, which it may keep and change."""


def allow_languages(names: Collection[str]) -> None:
    """Choose the languages of this process, once, before anything is evaluated.

    A text in another language is plain text. Raises ValueError for a name that nobody has.
    """
    global _allowed
    unknown = sorted(set(names) - BUILT_IN_LANGUAGES - set(_installed_languages()))
    if unknown:
        raise ValueError(f"no such expression language: {', '.join(unknown)}")
    _allowed = frozenset(names)


def is_allowed(name: str) -> bool:
    return name in _allowed


def find_language(text: str) -> tuple[str, Language] | None:
    """Give name and language of the installed package that a text is written in."""
    if _allowed <= BUILT_IN_LANGUAGES:
        return None
    for name, language in _installed_languages().items():
        if name in _allowed and language.has_expression(text):
            return name, language
    return None


def has_more_languages() -> bool:
    """Whether texts without the marks of YAQL and Jinja may hold expressions."""
    return not _allowed <= BUILT_IN_LANGUAGES


def run_language(language: Language, text: str, data: object, session: Session) -> object:
    """Evaluate a text; the language gets its own copy of the variables."""
    functions = {name: partial(function, session) for name, function in all_functions().items()}
    variables = dict(data) if isinstance(data, Mapping) else data
    return language.evaluate(text, deepcopy(variables), functions)


@cache
def all_functions() -> Mapping[str, Callable[..., Any]]:
    """Give the functions of workflows and of packages, each with the session before the rest."""
    return load_functions(entry_points(group=FUNCTION_GROUP))


def load_functions(plugins: Iterable[EntryPoint]) -> dict[str, Callable[..., Any]]:
    """Build the table of functions; a plug-in that cannot be used is logged and left out."""
    functions = dict(FUNCTIONS)
    for plugin in plugins:
        function = _load_function(plugin)
        if function is None or plugin.name in functions:
            logger.error("expression function not usable", extra={"entry_point": plugin.name})
            continue
        functions[plugin.name] = function
    return functions


def load_languages(plugins: Iterable[EntryPoint]) -> dict[str, Language]:
    """Build the table of languages; a plug-in that cannot be used is logged and left out."""
    languages: dict[str, Language] = {}
    for plugin in plugins:
        made = _load(plugin)
        language = made() if isinstance(made, type) else None
        if not isinstance(language, Language) or plugin.name in BUILT_IN_LANGUAGES | set(languages):
            logger.error("expression language not usable", extra={"entry_point": plugin.name})
            continue
        languages[plugin.name] = language
    return languages


@cache
def _installed_languages() -> Mapping[str, Language]:
    return load_languages(entry_points(group=LANGUAGE_GROUP))


def _load_function(plugin: EntryPoint) -> Callable[..., Any] | None:
    function = _load(plugin)
    if not callable(function) or not plugin.name.isidentifier():
        return None
    try:
        return _without_session(function)
    except ValueError:
        return None


def _load(plugin: EntryPoint) -> Any:
    try:
        return plugin.load()
    except (ImportError, AttributeError):
        return None


def _without_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a package's function its own arguments alone, as data of its own.

    Raises ValueError for a function that does not tell its arguments.
    """
    declared = inspect.signature(function).parameters.values()
    first = inspect.Parameter("session", inspect.Parameter.POSITIONAL_ONLY)

    def called(session: Session, /, *args: Any, **kwargs: Any) -> Any:
        return function(*map(_own, args), **{name: _own(value) for name, value in kwargs.items()})

    called.__signature__ = inspect.Signature([first, *declared])  # type: ignore[attr-defined]
    return called


def _own(value: object) -> JSONValue:
    return deepcopy(plain(value))
