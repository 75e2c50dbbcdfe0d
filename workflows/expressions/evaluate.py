"""Evaluates every expression inside a value; what the engine and the actions call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from workflows.expressions.context import Context
from workflows.expressions.failures import expression_failed
from workflows.expressions.find import find_yaql, has_jinja, has_yaql
from workflows.expressions.jinja import render, run_expression, whole_expression
from workflows.expressions.limits import check_text
from workflows.expressions.plugins import find_language, has_more_languages, run_language
from workflows.expressions.reader import Reader
from workflows.expressions.results import as_text, plain
from workflows.expressions.session import Session
from workflows.expressions.shortcuts import NOT_FOUND, find_shortcut
from workflows.expressions.yaql import run_yaql
from workflows.jsontypes import JSONValue

# What `$` and `_` are: variables, or in the output of an ad-hoc action any value.
Data: TypeAlias = Mapping[str, JSONValue] | JSONValue
_Program: TypeAlias = Callable[[Data, Reader], JSONValue]

# Texts longer than this are few, and are kept in a cache of their own.
_SHORT = 2_000


def evaluate(value: JSONValue, context: Data, reader: Reader) -> JSONValue:
    """Evaluate every expression inside a value, at any depth; keys stay as they are.

    A text that is exactly one expression becomes the value, whatever its type; in any other text
    each expression is replaced by its text, once. The result may share parts with the context,
    so neither may be changed. Raises ExpressionFailed.
    """
    if isinstance(value, str):
        if "<%" not in value and "{" not in value and not has_more_languages():
            return value
        program = _short_program(value) if len(value) <= _SHORT else _long_program(value)
        return value if program is None else program(context, reader)
    if isinstance(value, dict):
        return {key: evaluate(inner, context, reader) for key, inner in value.items()}
    if isinstance(value, list):
        return [evaluate(inner, context, reader) for inner in value]
    return value


def is_expression(value: JSONValue) -> bool:
    """Whether a value holds any expression, at any depth."""
    if isinstance(value, str):
        return has_yaql(value) or has_jinja(value) or find_language(value) is not None
    if isinstance(value, dict):
        return any(is_expression(inner) for inner in value.values())
    return isinstance(value, list) and any(is_expression(inner) for inner in value)


def build_program(text: str) -> _Program | None:
    """Find out once how a text is evaluated, by the libraries alone; None is "not at all"."""
    if has_jinja(text):
        return _guarded(text, "Jinja", _jinja_program(text))
    if has_yaql(text):
        return _guarded(text, "YAQL", _yaql_program(text))
    found = find_language(text)
    if found:
        name, language = found
        return _guarded(
            text, name, lambda data, session: plain(run_language(language, text, data, session))
        )
    return None


def _fastest_program(text: str) -> _Program | None:
    by_library = build_program(text)
    shortcut = find_shortcut(text)
    if by_library is None or shortcut is None:
        return by_library

    def evaluate_shortly(data: Data, reader: Reader) -> JSONValue:
        value = shortcut(data, reader)
        return by_library(data, reader) if value is NOT_FOUND else value

    return evaluate_shortly


_short_program = lru_cache(maxsize=4096)(_fastest_program)
_long_program = lru_cache(maxsize=64)(_fastest_program)


def _yaql_program(text: str) -> Callable[[Data, Session], JSONValue]:
    places = tuple(find_yaql(text))
    whole = places[0]
    if whole.end - whole.start == len(text):
        return lambda data, session: plain(run_yaql(whole.code, data, session))

    def fill(data: Data, session: Session) -> str:
        parts: list[str] = []
        end = length = 0
        for place in places:
            parts.append(text[end : place.start])
            parts.append(as_text(run_yaql(place.code, data, session)))
            length += len(parts[-1])
            check_text(length)
            end = place.end
        return "".join((*parts, text[end:]))

    return fill


def _jinja_program(text: str) -> Callable[[Data, Session], JSONValue]:
    code = whole_expression(text)
    if code is not None:
        return lambda data, session: plain(run_expression(code, data, session))
    return lambda data, session: render(text, data, session)


def _guarded(text: str, language: str, run: Callable[[Data, Session], JSONValue]) -> _Program:
    """Turn whatever the libraries raise into our error; only errors of the reader pass."""

    def program(data: Data, reader: Reader) -> JSONValue:
        session = Session(reader)
        try:
            return run(_as_context(data), session)
        except Exception as error:
            if session.failure is not None:
                raise session.failure from None
            raise expression_failed(text, language, error) from error

    return program


def _as_context(data: Data) -> Data:
    return Context(data) if isinstance(data, dict) else data
