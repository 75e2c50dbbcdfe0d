"""What the tests of expressions share: a reader with known answers, and a short way to evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader

Evaluate = Callable[..., Any]


class FakeReader(NoReader):
    """One execution with a finished and a running task."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.uuids = 0

    def env(self) -> dict[str, Any]:
        return {"region": "south", "rates": [1, 2]}

    def execution(self) -> dict[str, Any]:
        return {"id": "e1", "name": "trip", "input": {"nights": 2}, "root_execution_id": None}

    def executions(self, **filters: Any) -> list[dict[str, Any]]:
        self.asked.append(("executions", filters))
        return [{"id": "e1", "name": "trip", "state": "RUNNING"}]

    def task(self, name: str | None) -> dict[str, Any] | None:
        tasks: dict[str | None, dict[str, Any]] = {
            None: {"name": "pay", "state": "RUNNING", "result": []},
            "book": {"name": "book", "state": "SUCCESS", "result": {"price": 80, "beds": [1, 2]}},
        }
        return tasks.get(name)

    def tasks(self, **filters: Any) -> list[dict[str, Any]]:
        self.asked.append(("tasks", filters))
        return [{"name": "book", "state": "SUCCESS"}, {"name": "pay", "state": "RUNNING"}]

    def global_variable(self, name: str) -> Any:
        return {"unit": "kg"}.get(name)

    def new_uuid(self) -> str:
        self.uuids += 1
        return f"uuid-{self.uuids}"


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def run(reader: FakeReader) -> Evaluate:
    """Evaluate a value over variables given by name; the environment is hidden as `__env`."""

    def run(value: Any, **variables: Any) -> Any:
        return evaluate(value, Context(variables, hidden={"__env": reader.env()}), reader)

    return run
