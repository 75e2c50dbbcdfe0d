"""The rules for single tasks and for task-defaults; how tasks hang together is in `flow_rules`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.calls import Call, parse_call, parse_parameters
from workflows.language.checker import Checker, is_expression, is_whole_number
from workflows.language.clause_rules import check_clause, check_publish
from workflows.language.clauses import COMMANDS, ON_CLAUSES
from workflows.language.with_items import read_items, split_with_items
from workflows.language.yaml import Path

Rule: TypeAlias = Callable[[Checker, Path, JSONValue], object]

# Longer names do not fit into the database of Mistral, which puts the names of joins into keys.
MAX_TASK_NAME: Final = 255
MAX_JOIN_NAME: Final = 208
# Mistral writes these keys itself; whatever a definition says there is lost.
_IDENTITY: Final = ("name", "type", "version")
_WITHOUT_EFFECT: Final = (*_IDENTITY, "description", "tags")
_WORD: Final = re.compile(r"\w+")


def check_task(checker: Checker, path: Path, value: JSONValue, kind: str) -> None:
    """Check one task of a workflow of this type."""
    name = str(path[-1])
    if not isinstance(value, dict):
        checker.error(path, "must be a mapping", "write at least one key, such as action")
        return
    if not _check_name(checker, path, name, value):
        return
    rules = REVERSE_RULES if kind == "reverse" else DIRECT_RULES
    other = DIRECT_RULES if kind == "reverse" else REVERSE_RULES
    for key, item in value.items():
        place = (*path, key)
        if not checker.text_key(path, key):
            continue
        if key in rules:
            rules[key](checker, place, item)
        elif key in other:
            checker.error(place, f"'{key}' is not possible in a {kind} workflow")
        elif key in _IDENTITY:
            checker.warn(place, f"'{key}' has no effect here")
        else:
            checker.known_keys(path, {key: item}, rules)
    _check_kind_of_work(checker, path, value)


def check_task_defaults(checker: Checker, path: Path, value: JSONValue, kind: str) -> None:
    """Check task-defaults, which may hold transitions, requirements and policies."""
    if not checker.mapping(path, value):
        return
    assert isinstance(value, dict)
    checker.known_keys(path, value, (*DEFAULT_RULES, *_WITHOUT_EFFECT))
    useless = ON_CLAUSES if kind == "reverse" else ("requires",)
    for key, item in value.items():
        if key in DEFAULT_RULES:
            DEFAULT_RULES[key](checker, (*path, key), item)
        elif key in _WITHOUT_EFFECT:
            checker.warn((*path, key), f"'{key}' has no effect in task-defaults")
        if key in useless:
            checker.warn((*path, key), f"'{key}' has no effect in a {kind} workflow")


def check_call(checker: Checker, path: Path, value: JSONValue) -> Call | None:
    """Check a name that may have inline parameters; None if it is no call at all."""
    if not checker.text(path, value):
        return None
    assert isinstance(value, str)
    call = parse_call(value)
    if call is None:
        checker.error(path, "must begin with a name or an expression")
        return None
    for piece in call.ignored:
        checker.warn(path, f"'{piece}' belongs to no parameter and has no effect")
    checker.suspicions(path, call.name)
    checker.expressions(path, list(call.parameters.values()))
    return call


def _check_name(checker: Checker, path: Path, name: str, value: JSONObject) -> bool:
    """Check the name and that there is something under it. False: nothing more can be said."""
    if not checker.text_key(path[:-1], name):
        return False
    if not name:
        checker.error(path, "the name of a task must not be empty")
    if len(name) > MAX_TASK_NAME:
        checker.error(path, f"the name of a task must not exceed {MAX_TASK_NAME} characters")
    elif len(name) > MAX_JOIN_NAME and value.get("join"):
        checker.error(path, f"the name of a join must not exceed {MAX_JOIN_NAME} characters")
    if name in COMMANDS:
        checker.warn(path, f"the task hides the engine command '{name}'", "choose another name")
    if not value:
        # Mistral looks into tasks with ordinary names only.
        report = checker.error if _WORD.fullmatch(name) else checker.warn
        report(path, "must not be empty")
    return True


def _check_kind_of_work(checker: Checker, path: Path, value: JSONObject) -> None:
    if "action" in value and "workflow" in value:
        checker.error(path, "has both action and workflow", "keep one of them")
        return
    key = "action" if "action" in value else "workflow"
    text = value.get(key)
    call = parse_call(text) if isinstance(text, str) else None
    if call is None or "input" not in value or not call.parameters:
        return
    written = value["input"]
    if isinstance(written, str):
        checker.error(
            (*path, "input"),
            f"must be a mapping, since '{key}' has inline parameters",
            "move the inline parameters into the expression",
        )
    elif isinstance(written, dict):
        for name in call.parameters.keys() & written.keys():
            checker.warn((*path, "input", name), "the inline parameter of this name wins")


def _check_input(checker: Checker, path: Path, value: JSONValue) -> None:
    if isinstance(value, str):
        if checker.text(path, value) and not is_expression(value):
            checker.warn(path, "is text that gives no mapping, so the task will fail")
        checker.expressions(path, value)
    elif checker.mapping(path, value):
        checker.expressions(path, value)


def _check_with_items(checker: Checker, path: Path, value: JSONValue) -> None:
    if not checker.text_or_texts(path, value):
        return
    variables: set[str] = set()
    for index, text in enumerate(value if isinstance(value, list) else [value]):
        place = (*path, index) if isinstance(value, list) else path
        split = split_with_items(str(text))
        if split is None:
            checker.error(place, "must have the form 'variable in <% expression %>' or 'x in [..]'")
            continue
        checker.expressions(place, split.items)
        try:
            read_items(split.items)
        except ValueError as error:
            checker.error(place, f"the list is not valid JSON: {error}")
        if split.ignored:
            checker.warn(place, f"'{split.ignored}' behind the items has no effect")
        if split.variable in variables:
            checker.warn(place, f"'{split.variable}' stands twice; only the last one counts")
        variables.add(split.variable)


def _check_join(checker: Checker, path: Path, value: JSONValue) -> None:
    if value not in ("all", "one") and not is_whole_number(value):
        checker.error(path, "must be all, one or a whole number")
    elif is_whole_number(value) and not value:
        checker.warn(path, "a join of 0 waits for nothing: the task runs for each arrival")


def _check_retry(checker: Checker, path: Path, value: JSONValue) -> None:
    """Check retry as a mapping, or as one line of the same parameters."""
    if isinstance(value, str):
        if not checker.text(path, value):
            return
        if parse_call(value) is None:
            checker.error(path, "must have the form 'count=3 delay=1'")
            return
        value, ignored = parse_parameters(value)
        for piece in ignored:
            checker.warn(path, f"'{piece}' belongs to no parameter and has no effect")
    if not isinstance(value, dict):
        checker.error(path, "must be a mapping, or one line like 'count=3 delay=1'")
        return
    checker.known_keys(path, value, _RETRY_RULES)
    for key in ("count", "delay"):
        if key not in value:
            checker.error(path, f"'{key}' is missing")
    for key, rule in _RETRY_RULES.items():
        if key in value:
            rule(checker, (*path, key), value[key])


_RETRY_RULES: Final[Mapping[str, Rule]] = {
    "count": Checker.number,
    "delay": Checker.number,
    "break-on": Checker.expression,
    "continue-on": Checker.expression,
}

_POLICY_RULES: Final[Mapping[str, Rule]] = {
    "retry": _check_retry,
    "wait-before": Checker.number,
    "wait-after": Checker.number,
    "timeout": Checker.number,
    "pause-before": Checker.boolean,
    "concurrency": Checker.number,
    "fail-on": Checker.boolean,
    "safe-rerun": Checker.boolean,
}

_TASK_RULES: Final[Mapping[str, Rule]] = {
    **_POLICY_RULES,
    "description": Checker.text,
    "tags": Checker.texts,
    "action": check_call,
    "workflow": check_call,
    "input": _check_input,
    "with-items": _check_with_items,
    "publish": check_publish,
    "publish-on-error": check_publish,
    "publish-on-skip": check_publish,
    "target": Checker.text,
    "keep-result": Checker.boolean,
}

_CLAUSE_RULES: Final[Mapping[str, Rule]] = dict.fromkeys(ON_CLAUSES, check_clause)

DIRECT_RULES: Final[Mapping[str, Rule]] = {**_TASK_RULES, **_CLAUSE_RULES, "join": _check_join}
REVERSE_RULES: Final[Mapping[str, Rule]] = {**_TASK_RULES, "requires": Checker.text_or_texts}
DEFAULT_RULES: Final[Mapping[str, Rule]] = {
    **_POLICY_RULES,
    **_CLAUSE_RULES,
    "requires": Checker.text_or_texts,
}
RETRY_KEYS: Final = tuple(_RETRY_RULES)
