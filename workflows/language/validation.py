"""The rules of the language over parsed data, for documents of workflows, actions and workbooks.

The check functions note what they find in a `Checker`; the parser decides what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.building import VERSION
from workflows.language.checker import Checker, has_expression, suggest
from workflows.language.clause_rules import check_publish
from workflows.language.task_rules import Rule, check_call, check_task, check_task_defaults
from workflows.language.yaml import Path

MAX_NAME: Final = 255
_UUID: Final = re.compile(r"\{?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?", re.IGNORECASE)
_MEMBER_NAME: Final = re.compile(r"[\w-]+")
WORKBOOK_KEYS: Final = ("version", "name", "description", "tags", "actions", "workflows")


def check_list(checker: Checker, what: str) -> JSONObject:
    """Check a document of several definitions and return those that can be looked into."""
    data = checker.document.data
    if not isinstance(data, dict):
        checker.error((), f"the document must be a mapping with 'version' and one {what} or more")
        return {}
    _check_version(checker, data)
    entries = {name: entry for name, entry in data.items() if name != "version"}
    if not entries:
        checker.error((), f"the document holds no {what}")
    return {name: entry for name, entry in entries.items() if checker.mapping((name,), entry)}


def _check_version(checker: Checker, data: JSONObject) -> None:
    if "version" not in data:
        checker.error((), "'version' is a required property", "add the line version: '2.0'")
        return
    version = data["version"]
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        is_possible = version >= 0
    else:
        is_possible = isinstance(version, str) and version != ""
    if not is_possible:
        checker.error(("version",), f"must be '{VERSION}'")
    elif not _is_version_2(version):
        checker.warn(("version",), f"the version {version} is read as {VERSION}")


def _is_version_2(version: JSONValue) -> bool:
    return not isinstance(version, bool) and version in (VERSION, 2)


def check_workflow(checker: Checker, path: Path, raw: JSONObject) -> None:
    """Check one workflow, except for how its tasks hang together."""
    _check_name(checker, path)
    kind = "reverse" if raw.get("type") == "reverse" else "direct"
    for key, value in raw.items():
        place = (*path, key)
        if key in _WORKFLOW_RULES:
            _WORKFLOW_RULES[key](checker, place, value)
        elif key == "task-defaults":
            check_task_defaults(checker, place, value, kind)
        elif key != "tasks":
            hint = suggest(key, (*_WORKFLOW_RULES, "task-defaults", "tasks"))
            checker.warn(place, f"'{key}' has no effect here", hint)
    if "tasks" in raw:
        _check_tasks(checker, (*path, "tasks"), raw["tasks"], kind)
    else:
        checker.error(path, "'tasks' is a required property")


def _check_type(checker: Checker, path: Path, value: JSONValue) -> None:
    if value not in ("direct", "reverse"):
        checker.error(path, "must be direct or reverse")


def _check_description(checker: Checker, path: Path, value: JSONValue) -> None:
    if not isinstance(value, str):
        checker.warn(path, "is no text and is not shown")


def _check_mapping(checker: Checker, path: Path, value: JSONValue) -> None:
    if checker.mapping(path, value):
        checker.expressions(path, value)


def _check_failure_output(checker: Checker, path: Path, value: JSONValue) -> None:
    if checker.mapping(path, value):
        checker.suspicions(path, value)


def _check_tasks(checker: Checker, path: Path, tasks: JSONValue, kind: str) -> None:
    if not isinstance(tasks, dict):
        checker.error(path, "must be a mapping of task names to tasks")
        return
    if not tasks:
        checker.error(path, "must not be empty")
    for name, task in tasks.items():
        check_task(checker, (*path, name), task, kind)


def check_input(checker: Checker, path: Path, value: JSONValue) -> None:
    """Check a list of declared inputs, each a name or one name with its default."""
    if not checker.list_of_different(path, value):
        return
    assert isinstance(value, list)
    seen: set[str] = set()
    for index, entry in enumerate(value):
        place = (*path, index)
        if isinstance(entry, dict):
            if len(entry) != 1:
                checker.error(place, "must have one name with one default")
                continue
            if not checker.mapping(place, entry):
                continue
            name = next(iter(entry))
            _warn_of_unevaluated(checker, (*place, name), entry[name])
        elif checker.text(place, entry):
            name = str(entry)
        else:
            continue
        if name in seen:
            checker.warn(place, f"'{name}' is declared twice; only the last one counts")
        seen.add(name)


def _warn_of_unevaluated(checker: Checker, path: Path, value: JSONValue) -> None:
    if has_expression(value):
        checker.warn(path, "defaults are not evaluated: the expression stays text")


def check_action(checker: Checker, path: Path, raw: JSONObject) -> None:
    """Check one ad-hoc action."""
    _check_name(checker, path)
    if not path[-1]:
        checker.error(path, "the name of an action must not be empty")
    checker.known_keys(path, raw, (*_ACTION_RULES, "name", "version"))
    for key, rule in _ACTION_RULES.items():
        if key in raw:
            rule(checker, (*path, key), raw[key])
    if "base" not in raw:
        checker.error(path, "'base' is a required property")


def _check_action_output(checker: Checker, path: Path, value: JSONValue) -> None:
    if path in checker.document.dates:
        checker.error(path, "must not be a date", "quote the value to make it text")
    elif isinstance(value, str):
        checker.expressions(path, value)
    else:
        checker.suspicions(path, value)


_WORKFLOW_RULES: Final[Mapping[str, Rule]] = {
    "type": _check_type,
    "description": _check_description,
    "tags": Checker.texts,
    "input": check_input,
    "output": _check_mapping,
    "output-on-error": _check_failure_output,
    "vars": check_publish,
}

_ACTION_RULES: Final[Mapping[str, Rule]] = {
    "base": check_call,
    "base-input": _check_mapping,
    "input": check_input,
    "output": _check_action_output,
    "description": Checker.text,
    "tags": Checker.texts,
}


WORKFLOW_KEYS: Final = (*_WORKFLOW_RULES, "task-defaults", "tasks")
ACTION_KEYS: Final = tuple(_ACTION_RULES)


def _check_name(checker: Checker, path: Path) -> None:
    """Check the name of a workflow, an action or a member of a workbook."""
    name = str(path[-1])
    if not checker.text_key(path[:-1], name):
        return
    if " " in name:
        checker.error(path, f"the name '{name}' must not contain spaces")
    if len(name) > MAX_NAME:
        checker.error(path, f"the name must not exceed {MAX_NAME} characters")
    if not name:
        checker.warn(path, "the name is empty")
    if _UUID.fullmatch(name):
        checker.error(path, "the name must not look like a UUID")


def check_workbook(checker: Checker) -> tuple[JSONObject, JSONObject]:
    """Check a workbook; return those of its workflows and actions that can be looked into."""
    data = checker.document.data
    if not isinstance(data, dict):
        checker.error((), "the document must be a mapping with 'version' and 'name'")
        return {}, {}
    checker.known_keys((), data, WORKBOOK_KEYS)
    for key in ("version", "name"):
        if key not in data:
            checker.error((), f"'{key}' is a required property")
    if "version" in data and not _is_version_2(data["version"]):
        checker.error(("version",), f"must be '{VERSION}'")
    if "name" in data and checker.text(("name",), data["name"]):
        name = str(data["name"])
        if " " in name:
            checker.error(("name",), f"the name '{name}' must not contain spaces")
        if len(name) > MAX_NAME:
            checker.error(("name",), f"the name must not exceed {MAX_NAME} characters")
    if "description" in data:
        checker.text(("description",), data["description"])
    if "tags" in data:
        checker.texts(("tags",), data["tags"])
    return _check_members(checker, data, "workflows"), _check_members(checker, data, "actions")


def _check_members(checker: Checker, data: JSONObject, section: str) -> JSONObject:
    if section not in data:
        return {}
    members = data[section]
    if not isinstance(members, dict) or not members:
        checker.error((section,), "must be a mapping that is not empty")
        return {}
    if "version" in members and not _is_version_2(members["version"]):
        checker.error((section, "version"), f"must be '{VERSION}'")
    found: JSONObject = {}
    for name, member in members.items():
        path = (section, name)
        if name == "version" or not checker.text_key((section,), name):
            continue
        if not _MEMBER_NAME.fullmatch(name):
            checker.error(path, "the name of a member has letters, digits, _ and - only")
        elif isinstance(member, dict):
            found[name] = member
        else:
            checker.error(path, "must be a mapping")
    return found


def warn_of_duplicates(checker: Checker) -> None:
    """Warn of every key that stands twice in one mapping."""
    for path in checker.document.duplicates:
        checker.warn(path, f"'{path[-1]}' stands twice; only the last one counts")
