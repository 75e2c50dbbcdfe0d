"""The questions that expression functions ask about executions, tasks and the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workflows.errors import ExpressionFailed
from workflows.jsontypes import JSONObject, JSONValue


class Reader(Protocol):
    """Answers with plain data of the caller's project; None is "there is none"."""

    def env(self) -> JSONObject:
        """Give the environment of the root execution, {} without one."""

    def execution(self) -> JSONObject | None:
        """Describe the execution in which the expression stands."""

    def executions(
        self,
        *,
        id: str | None,
        root_execution_id: str | None,
        state: str | None,
        from_time: str | None,
        to_time: str | None,
    ) -> list[JSONObject]:
        """List executions; `from_time` is inclusive, `to_time` is not."""

    def task(self, name: str | None) -> JSONObject | None:
        """Describe the newest task of this name, or the current one for None."""

    def tasks(
        self, *, workflow_execution_id: str | None, recursive: bool, state: str | None, flat: bool
    ) -> list[JSONObject]:
        """List tasks, with `recursive` those of sub-workflows too."""

    def global_variable(self, name: str) -> JSONValue:
        """Read a global variable, null if it was never set."""

    def new_uuid(self) -> str:
        """Make a random UUID."""


class NoReader:
    """Answers as outside any execution; uuid() works if the caller brings a source of UUIDs."""

    _new_uuid: Callable[[], str] | None = None

    def __init__(self, new_uuid: Callable[[], str] | None = None) -> None:
        self._new_uuid = new_uuid

    def env(self) -> JSONObject:
        return {}

    def execution(self) -> JSONObject | None:
        return None

    def executions(
        self,
        *,
        id: str | None,
        root_execution_id: str | None,
        state: str | None,
        from_time: str | None,
        to_time: str | None,
    ) -> list[JSONObject]:
        return []

    def task(self, name: str | None) -> JSONObject | None:
        return None

    def tasks(
        self, *, workflow_execution_id: str | None, recursive: bool, state: str | None, flat: bool
    ) -> list[JSONObject]:
        return []

    def global_variable(self, name: str) -> JSONValue:
        return None

    def new_uuid(self) -> str:
        if self._new_uuid is None:
            raise ExpressionFailed("uuid() cannot be used in this place")
        return self._new_uuid()
