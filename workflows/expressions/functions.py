"""The functions that workflows have on top of the two languages.

Each takes the session of the evaluation first; the names of the others are those that authors
write in Jinja, and in camel case in YAQL.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from workflows.errors import ExpressionFailed
from workflows.expressions.limits import LIMITS, Budget, check_text
from workflows.expressions.results import TIME_FORMAT, kind_of
from workflows.expressions.session import Session
from workflows.jsontypes import JSONObject, JSONValue


def env(session: Session) -> JSONObject:
    return session.ask(lambda reader: reader.env())


def execution(session: Session) -> JSONObject | None:
    return session.ask(lambda reader: reader.execution())


def executions(
    session: Session,
    id: object = None,
    root_execution_id: object = None,
    state: object = None,
    from_time: object = None,
    to_time: object = None,
) -> list[JSONObject]:
    return session.ask(
        lambda reader: reader.executions(
            id=_text_or_none(id),
            root_execution_id=_text_or_none(root_execution_id),
            state=_text_or_none(state),
            from_time=_time_or_none(from_time),
            to_time=_time_or_none(to_time),
        )
    )


def task(session: Session, task_name: object = None) -> JSONObject | None:
    return session.ask(lambda reader: reader.task(_text_or_none(task_name)))


def tasks(
    session: Session,
    workflow_execution_id: object = None,
    recursive: bool = False,
    state: object = None,
    flat: bool = False,
) -> list[JSONObject]:
    return session.ask(
        lambda reader: reader.tasks(
            workflow_execution_id=_text_or_none(workflow_execution_id),
            recursive=bool(recursive),
            state=_text_or_none(state),
            flat=bool(flat),
        )
    )


def global_variable(session: Session, var_name: object) -> JSONValue:
    if not isinstance(var_name, str):
        return None
    return session.ask(lambda reader: reader.global_variable(str(var_name)))


def uuid(session: Session) -> str:
    return session.ask(lambda reader: reader.new_uuid())


def json_parse(session: Session, data: object) -> JSONValue:
    text = _parsed_text("json_parse", data)
    try:
        parsed: JSONValue = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ExpressionFailed(
            f"json_parse() was given a text that is not JSON ({place})"
        ) from error
    return parsed


def json_dump(session: Session, data: object) -> str:
    return _bounded(session, _JSON.iterencode(data))


def yaml_parse(session: Session, data: object) -> JSONValue:
    text = _parsed_text("yaml_parse", data)
    try:
        loader = _Loader(text)
        loader.budget = session.budget
        try:
            parsed: JSONValue = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ExpressionFailed(f"yaml_parse() was given a text that is not YAML{place}") from error
    return parsed


def yaml_dump(session: Session, data: object) -> str:
    out = _BoundedText(session)
    yaml.dump(data, out, Dumper=_Dumper, default_flow_style=False)
    return out.text()


# `global` is no possible name of a Python function.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "env": env,
    "execution": execution,
    "executions": executions,
    "task": task,
    "tasks": tasks,
    "global": global_variable,
    "json_parse": json_parse,
    "json_dump": json_dump,
    "yaml_parse": yaml_parse,
    "yaml_dump": yaml_dump,
    "uuid": uuid,
}

# These read the context in Mistral, so as Jinja filters they work on `_` only.
OF_THE_CONTEXT = frozenset({"env", "execution", "task", "global"})


def _text_or_none(value: object) -> str | None:
    """An empty text asks for nothing, as in Mistral."""
    return str(value) if value not in (None, "") else None


def _time_or_none(value: object) -> str | None:
    if isinstance(value, datetime.datetime):
        return value.strftime(TIME_FORMAT)
    return _text_or_none(value)


def _parsed_text(function: str, data: object) -> str:
    if not isinstance(data, str):
        raise ExpressionFailed(f"{function}() takes a text")
    check_text(len(data))
    return str(data)


def _json_default(value: object) -> object:
    """Say in JSON what the languages have beyond it."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime.datetime):
        return value.strftime(TIME_FORMAT)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return _listed(value)
    raise ExpressionFailed(f"json_dump() cannot write {kind_of(value)}")


_JSON = json.JSONEncoder(indent=4, default=_json_default, allow_nan=False)


def _listed(value: Iterable[object]) -> list[object]:
    elements: list[object] = []
    for element in value:
        if len(elements) >= LIMITS.elements:
            raise ExpressionFailed(f"a list has more than {LIMITS.elements} elements")
        elements.append(element)
    return elements


class _BoundedText:
    """A file in memory that refuses too much text, and text that takes too long."""

    def __init__(self, session: Session) -> None:
        self._budget = session.budget
        self._parts: list[str] = []
        self._length = 0

    def write(self, part: str) -> None:
        self._length += len(part)
        check_text(self._length)
        self._budget.look()
        self._parts.append(part)

    def text(self) -> str:
        return "".join(self._parts)


def _bounded(session: Session, parts: Iterator[str]) -> str:
    out = _BoundedText(session)
    for part in parts:
        out.write(part)
    return out.text()


class _Loader(yaml.SafeLoader):
    """Anchors and aliases are plain text, so no document can grow while it is read."""

    budget: Budget

    def fetch_more_tokens(self) -> None:
        self.budget.check_time()
        super().fetch_more_tokens()

    def fetch_alias(self) -> None:
        self.fetch_plain()

    def fetch_anchor(self) -> None:
        self.fetch_plain()

    def check_plain(self) -> bool:
        return bool(self.peek() == "@" or super().check_plain())


class _Dumper(yaml.SafeDumper):
    """Writes data that occurs twice out twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_other(dumper: _Dumper, value: object) -> yaml.Node:
    if isinstance(value, str):
        return dumper.represent_str(str(value))
    if isinstance(value, tuple):
        return dumper.represent_list(value)
    if isinstance(value, Mapping):
        return dumper.represent_dict(dict(value))
    raise ExpressionFailed(f"yaml_dump() cannot write {kind_of(value)}")


# None stands for all types that have no representer of their own.
_Dumper.add_representer(None, _represent_other)  # type: ignore[arg-type]
