"""The actions made in Python: built-in ones, those of packages and modules, and Celery tasks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import getdoc
from types import ModuleType
from typing import Final

from django.conf import settings

from workflows.actions.base import Action, parameters
from workflows.actions.celery_task import CeleryTaskAction, find_celery_action, list_celery_actions
from workflows.actions.functions import RESERVED_PREFIXES, action_class, actions_of_module
from workflows.actions.permission import is_allowed, require_allowed
from workflows.actions.std.async_noop import AsyncNoopAction
from workflows.actions.std.echo import EchoAction
from workflows.actions.std.email import EmailAction
from workflows.actions.std.fail import FailAction
from workflows.actions.std.http import HTTPAction, MistralHTTPAction
from workflows.actions.std.javascript import JavaScriptAction, JSAction
from workflows.actions.std.noop import NoopAction
from workflows.actions.std.sleep import SleepAction
from workflows.actions.std.ssh import SSHAction, SSHProxiedAction
from workflows.actions.std.test_dict import DictAction
from workflows.language.specs import InputParameter

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP: Final = "levante.actions"

BUILT_IN: Final[tuple[type[Action], ...]] = (
    AsyncNoopAction,
    DictAction,
    EchoAction,
    EmailAction,
    FailAction,
    HTTPAction,
    JSAction,
    JavaScriptAction,
    MistralHTTPAction,
    NoopAction,
    SSHAction,
    SSHProxiedAction,
    SleepAction,
)


@dataclass(frozen=True, slots=True)
class SystemAction:
    """What a list of actions shows of one that is made in Python."""

    name: str
    description: str
    input: str


def find_action(name: str) -> Action | None:
    """Return the Python action of this name, or None.

    Raises ActionNotAllowed if there is one that the operator does not let be used.
    """
    found = find_any_action(name)
    if found is not None:
        require_allowed(name)
    return found


def find_any_action(name: str) -> Action | None:
    """Return the Python action of this name, allowed or not, or None."""
    return _registered().get(name) or find_celery_action(name)


def list_actions() -> tuple[SystemAction, ...]:
    """Describe all Python actions that may be used, sorted by name."""
    actions: dict[str, Action] = {**_registered(), **list_celery_actions()}
    return tuple(
        SystemAction(name, describe_action(action), summarize_input(parameters(action)))
        for name, action in sorted(actions.items())
        if is_allowed(name)
    )


def describe_action(action: Action) -> str:
    """Give the description of an action as users see it."""
    if isinstance(action, CeleryTaskAction):
        return action.description
    return getdoc(type(action)) or ""


def summarize_input(declared: Iterable[InputParameter]) -> str:
    """Write parameters as one line, such as `name, age=5, title="Dr"`; defaults are JSON."""
    return ", ".join(
        parameter.name
        if parameter.is_required
        else f"{parameter.name}={json.dumps(parameter.default, default=repr)}"
        for parameter in declared
    )


@cache
def _registered() -> dict[str, Action]:
    return load_actions(entry_points(group=ENTRY_POINT_GROUP), settings.LEVANTE_ACTION_MODULES)


def load_actions(plugins: Iterable[EntryPoint], modules: Iterable[str] = ()) -> dict[str, Action]:
    """Build the table of actions; a plug-in that cannot be used is logged and left out.

    An entry point names one action, which has its name, or a module with any number of them. No
    plug-in can take the name of an action that is there already.
    """
    actions: dict[str, Action] = {made.name: made() for made in BUILT_IN}
    for plugin in plugins:
        _add(actions, plugin.name, _load(plugin))
    for module in modules:
        _add(actions, module, _load_module(module))
    return actions


def _add(actions: dict[str, Action], source: str, found: list[type[Action]]) -> None:
    if not found:
        logger.error("action plug-in not usable", extra={"entry_point": source})
    for made in found:
        if made.name in actions or made.name.startswith(RESERVED_PREFIXES):
            logger.error("action plug-in not usable", extra={"entry_point": source})
            continue
        actions[made.name] = made()


def _load(plugin: EntryPoint) -> list[type[Action]]:
    try:
        found = plugin.load()
    except Exception:  # a border: a package that cannot be loaded must not keep others from it
        return []
    if isinstance(found, ModuleType):
        return actions_of_module(found)
    made = action_class(found)
    return [made] if made is not None and getattr(made, "name", None) == plugin.name else []


def _load_module(name: str) -> list[type[Action]]:
    try:
        return actions_of_module(import_module(name))
    except Exception:  # a border, as above
        logger.exception("a module with actions cannot be loaded", extra={"module_name": name})
        return []
