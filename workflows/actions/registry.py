"""The actions made in Python: the built-in ones and those of installed packages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import getdoc
from typing import Final

from workflows.actions.base import Action, parameters
from workflows.actions.std.async_noop import AsyncNoopAction
from workflows.actions.std.echo import EchoAction
from workflows.actions.std.fail import FailAction
from workflows.actions.std.http import HTTPAction, MistralHTTPAction
from workflows.actions.std.noop import NoopAction
from workflows.actions.std.sleep import SleepAction
from workflows.actions.std.test_dict import DictAction
from workflows.language.specs import InputParameter

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP: Final = "levante.actions"

BUILT_IN: Final[tuple[type[Action], ...]] = (
    AsyncNoopAction,
    DictAction,
    EchoAction,
    FailAction,
    HTTPAction,
    MistralHTTPAction,
    NoopAction,
    SleepAction,
)


@dataclass(frozen=True, slots=True)
class SystemAction:
    """What a list of actions shows of one that is made in Python."""

    name: str
    description: str
    input: str


def find_action(name: str) -> Action | None:
    """Return the Python action of this name, or None."""
    return _registered().get(name)


def list_actions() -> tuple[SystemAction, ...]:
    """Describe all Python actions, sorted by name."""
    return tuple(
        SystemAction(name, getdoc(action) or "", summarize_input(parameters(action)))
        for name, action in sorted(_registered().items())
    )


def summarize_input(declared: Iterable[InputParameter]) -> str:
    """Write parameters as one line, such as `name, age=5, title="Dr"`; defaults are JSON."""
    return ", ".join(
        parameter.name
        if parameter.is_required
        else f"{parameter.name}={json.dumps(parameter.default)}"
        for parameter in declared
    )


@cache
def _registered() -> dict[str, Action]:
    return load_actions(entry_points(group=ENTRY_POINT_GROUP))


def load_actions(plugins: Iterable[EntryPoint]) -> dict[str, Action]:
    """Build the table of actions; a plug-in that cannot be used is logged and left out.

    The name of an entry point is the name of the action. No plug-in can take the name of an
    action that is there already.
    """
    actions: dict[str, Action] = {made.name: made() for made in BUILT_IN}
    for plugin in plugins:
        made = _load_class(plugin)
        if made is None or plugin.name in actions:
            logger.error("action plug-in not usable", extra={"entry_point": plugin.name})
            continue
        actions[plugin.name] = made()
    return actions


def _load_class(plugin: EntryPoint) -> type[Action] | None:
    try:
        made = plugin.load()
    except (ImportError, AttributeError):
        return None
    is_action = isinstance(made, type) and issubclass(made, Action)
    return made if is_action and getattr(made, "name", None) == plugin.name else None
