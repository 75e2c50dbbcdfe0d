"""The functions that both languages offer, on top of a reader that answers for this evaluation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from workflows.errors import ExpressionFailed
from workflows.expressions.limits import Budget
from workflows.expressions.reader import Reader
from workflows.expressions.results import plain
from workflows.jsontypes import JSONObject, JSONValue


class _Evaluation(threading.local):
    """What the running evaluation of this thread may ask and consume."""

    reader: Reader | None = None
    budget: Budget | None = None


_current = _Evaluation()


@contextmanager
def answering(reader: Reader) -> Iterator[None]:
    """Let the functions ask this reader, with a fresh budget."""
    before = (_current.reader, _current.budget)
    _current.reader, _current.budget = reader, Budget()
    try:
        yield
    finally:
        _current.reader, _current.budget = before


def reader() -> Reader:
    """The reader of the running evaluation."""
    if _current.reader is None:
        raise ExpressionFailed("the function cannot be used in this place")
    return _current.reader


def budget() -> Budget:
    """What the running evaluation may still consume."""
    if _current.budget is None:
        _current.budget = Budget()
    return _current.budget


def get_env() -> JSONObject:
    return reader().env()


def get_execution() -> JSONObject | None:
    return reader().execution()


def list_executions(
    id: Any = None,
    root_execution_id: Any = None,
    state: Any = None,
    from_time: Any = None,
    to_time: Any = None,
) -> list[JSONObject]:
    return reader().executions(
        id=_text(id),
        root_execution_id=_text(root_execution_id),
        state=_text(state),
        from_time=_text(from_time),
        to_time=_text(to_time),
    )


def get_task(name: Any = None) -> JSONObject | None:
    return reader().task(_text(name))


def list_tasks(
    workflow_execution_id: Any = None,
    recursive: Any = False,
    state: Any = None,
    flat: Any = False,
) -> list[JSONObject]:
    return reader().tasks(
        workflow_execution_id=_text(workflow_execution_id),
        recursive=bool(recursive),
        state=_text(state),
        flat=bool(flat),
    )


def get_global(name: Any) -> JSONValue:
    return reader().global_variable(str(name))


def make_uuid() -> str:
    return reader().new_uuid()


def parse_json(text: Any) -> JSONValue:
    """Read JSON text; anything else than text is an error."""
    value: JSONValue = json.loads(_must_be_text(text), parse_constant=_refuse_constant)
    return value


def dump_json(value: Any) -> str:
    """Write JSON as Mistral does: four blanks, ASCII, keys in their order."""
    return json.dumps(plain(value), indent=4)


def parse_yaml(text: Any) -> JSONValue:
    """Read YAML text; anchors and aliases are text."""
    return plain(yaml.load(_must_be_text(text), Loader=_PlainLoader))  # noqa: S506


def dump_yaml(value: Any) -> str:
    """Write YAML in block style with sorted keys and without aliases."""
    return yaml.dump(plain(value), Dumper=_PlainDumper, default_flow_style=False)


class _PlainLoader(yaml.SafeLoader):
    """Takes `&` and `*` as the beginning of plain text."""

    def fetch_alias(self) -> None:
        self.fetch_plain()

    def fetch_anchor(self) -> None:
        self.fetch_plain()


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that stands in two places twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _refuse_constant(name: str) -> None:
    raise ExpressionFailed(f"{name} is no JSON")


def _must_be_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionFailed("the argument must be a text")
    return value


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
