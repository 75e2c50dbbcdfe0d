"""The few classes that actions written for Mistral derive from, for where its library is not."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class Action:
    """The base of an action: made with its input, run with a context."""

    def run(self, context: Any) -> Any:
        raise NotImplementedError

    def test(self, context: Any) -> Any:
        return None

    def is_sync(self) -> bool:
        return True


class Result:
    """A result that may be an error."""

    def __init__(self, data: Any = None, error: Any = None, cancel: bool = False) -> None:
        self.data = data
        self.error = error
        self.cancel = cancel

    def is_error(self) -> bool:
        return self.error is not None and not self.is_cancel()

    def is_cancel(self) -> bool:
        return self.cancel

    def is_success(self) -> bool:
        return not self.is_error() and not self.is_cancel()


def as_module(name: str) -> ModuleType:
    """Make the module of this name that code may import."""
    module = ModuleType(name)
    module.__dict__.update({"Action": Action, "Result": Result})
    if name == "mistral_lib":
        module.__dict__.update({"__path__": [], "actions": as_module("mistral_lib.actions")})
    return module
