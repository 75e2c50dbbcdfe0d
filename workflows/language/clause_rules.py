"""The rules for on-clauses and for what they publish."""

from __future__ import annotations

import re
from typing import Final

from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.checker import Checker, is_expression
from workflows.language.clauses import COMMANDS, Entry, is_advanced
from workflows.language.yaml import Path

SCOPES: Final = ("branch", "global", "atomic")
# One word, or a word with one parameter behind a space or in parentheses.
_TARGET: Final = re.compile(r"\S+|\w+ \w+=.*\n?|\w+\(\w+=.*\)\n?")
# Methods of mappings: `_.items` in Jinja and `$.items` in YAQL give the method.
_SHADOWED: Final = frozenset(
    ("items", "keys", "values", "get", "pop", "update", "copy", "clear", "setdefault")
)


def check_clause(checker: Checker, path: Path, value: JSONValue) -> None:
    """Check one on-clause in any of its forms."""
    if isinstance(value, dict) and is_advanced(value):
        if "publish" in value:
            _check_scopes(checker, (*path, "publish"), value["publish"])
        if "next" in value:
            _check_next(checker, (*path, "next"), value["next"])
        return
    _check_next(checker, path, value)


def check_publish(checker: Checker, path: Path, value: JSONValue) -> None:
    """Check a mapping of variables that are set by a task or by `vars`."""
    if not checker.mapping(path, value):
        return
    assert isinstance(value, dict)
    for name in value:
        if name.startswith("__"):
            checker.error(
                (*path, name), "names that begin with two underscores belong to the engine"
            )
        elif name in _SHADOWED:
            checker.warn(
                (*path, name),
                f"'_.{name}' and '$.{name}' mean the mapping's method, not this variable",
                f"read it as _['{name}'] or $.get('{name}')",
            )
    checker.expressions(path, value)


def _check_scopes(checker: Checker, path: Path, value: JSONValue) -> None:
    if not isinstance(value, dict):
        checker.error(path, "must be a mapping with branch, global or atomic")
        return
    if not value:
        checker.error(path, "must hold branch, global or atomic")
        return
    checker.known_keys(path, value, SCOPES)
    for scope in SCOPES:
        if scope in value:
            check_publish(checker, (*path, scope), value[scope])
    if "atomic" in value:
        checker.warn((*path, "atomic"), "what is published as atomic is stored nowhere")


def _check_next(checker: Checker, path: Path, value: JSONValue) -> None:
    if isinstance(value, list):
        if not checker.list_of_different(path, value):
            return
        for index, item in enumerate(value):
            _check_entry(checker, (*path, index), item)
    else:
        _check_entry(checker, path, value)


def _check_entry(checker: Checker, path: Path, value: JSONValue) -> None:
    if isinstance(value, dict):
        _check_guarded(checker, path, value)
        return
    if not checker.text(path, value):
        return
    assert isinstance(value, str)
    if not _TARGET.fullmatch(value):
        checker.error(
            path,
            f"'{value}' is neither a task name nor a command with a message",
            "write one name, or a command like fail msg='...'",
        )
        return
    _check_target(checker, path, value)


def _check_guarded(checker: Checker, path: Path, value: JSONObject) -> None:
    if len(value) != 1:
        checker.error(path, "must have one target with one guard", "write a list of such entries")
        return
    for target, guard in value.items():
        place = (*path, target)
        if not checker.text_key(path, target):
            return
        if is_expression(guard) or _TARGET.fullmatch(target):
            checker.expression(place, guard)
        else:
            checker.expressions(place, guard)
            checker.warn(place, f"the guard is no expression, and '{target}' is no plain name")
        _check_target(checker, place, target)


def _check_target(checker: Checker, path: Path, text: str) -> None:
    """Note what a target says that has no meaning. Whether it exists is seen in the graph."""
    call = Entry((), text).call
    for piece in call.ignored:
        checker.warn(path, f"'{piece}' has no meaning here")
    checker.suspicions(path, dict(call.parameters))
    meaning = ("msg",) if call.name in COMMANDS else ()
    for name in call.parameters:
        if name not in meaning:
            checker.warn(path, f"the parameter '{name}' has no meaning here")
