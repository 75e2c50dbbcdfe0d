"""Celery tasks of other code as actions: `celery.NAME` runs the task NAME where its workers are.

The message to the task is the work itself, not a doorbell, so it is sent by the action and not by
the canvas, once for each attempt. The task's worker answers with a message to the engine, and what
that message says can be looked up in Celery's results as well; see `services.running.celery_runs`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from celery import Celery, Signature, current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.actions.permission import is_listed, matches
from workflows.jsontypes import JSONValue

PREFIX: Final = "celery."
# Begins the target of an action that our usual workers hand on to the queue named behind it.
HANDED_ON: Final = "celery:"

SUCCEEDED: Final = "workflows.celery_succeeded"
FAILED: Final = "workflows.celery_failed"
_ANSWER_QUEUE: Final = "engine"

# Whatever the operator lists: a workflow must not run jobs of the service or parts of Celery.
_NEVER: Final = ("workflows.*", "celery.*", "django_celery_beat.*")
_PATTERN_SIGNS: Final = frozenset("*?[")


class CeleryTaskAction(Action):
    """Runs a Celery task. One instance for each task; its parameters are those of the task."""

    is_sync = False

    def __init__(self, task_name: str, description: str) -> None:
        self.task_name = task_name
        self.description = description

    def route(self, target: str) -> str:
        return f"{HANDED_ON}{target}" if target else ""

    def send(self, context: ActionContext, input: dict[str, JSONValue]) -> None:
        """Send the task with the attempt's token as its id; the answer names both."""
        if not is_listed(self.task_name, settings.LEVANTE_CELERY_TASKS, context.project_id):
            raise ActionFailed("This project may not run the Celery task (LEVANTE_CELERY_TASKS).")
        app: Celery = current_app._get_current_object()
        answer = {"action_id": context.action_execution_id, "token": context.attempt_token}
        queue = context.target.removeprefix(HANDED_ON) or _own_queue(app, self.task_name)
        try:
            app.send_task(
                self.task_name,
                kwargs=input,
                task_id=context.attempt_token,
                queue=queue,
                serializer="json",
                ignore_result=False,
                add_to_parent=False,
                link=_answer(SUCCEEDED, answer),
                link_error=_answer(FAILED, answer).set(immutable=True),
            )
        except OperationalError as error:
            raise ActionFailed("The broker could not be reached; the task was not sent.") from error


def find_celery_action(name: str) -> CeleryTaskAction | None:
    """Return the action for an allowed Celery task, or None."""
    if not name.startswith(PREFIX) or not settings.LEVANTE_CELERY_TASKS:
        return None
    task_name = name.removeprefix(PREFIX)
    if not _is_listed(task_name):
        return None
    task = _tasks().get(task_name)
    if task is None and not _is_named(task_name):
        return None
    return _make_action(task_name, task)


def list_celery_actions() -> dict[str, CeleryTaskAction]:
    """Give the actions of all allowed tasks that are registered here or listed by name."""
    if not settings.LEVANTE_CELERY_TASKS:
        return {}
    names = {*_tasks(), *_patterns()}
    found = {f"{PREFIX}{name}": find_celery_action(f"{PREFIX}{name}") for name in names}
    return {name: action for name, action in found.items() if action is not None}


def _tasks() -> dict[str, Any]:
    """Give the Celery tasks whose code is here. Only a worker loads them by itself."""
    _load_tasks()
    found: dict[str, Any] = current_app.tasks
    return found


@cache
def _load_tasks() -> None:
    current_app.loader.import_default_modules()


def _patterns() -> list[str]:
    """Give what the operator lists, for whichever project."""
    return [entry.partition("@")[0] for entry in settings.LEVANTE_CELERY_TASKS]


def _is_listed(task_name: str) -> bool:
    return matches(task_name, _patterns()) and not matches(task_name, _NEVER)


def _is_named(task_name: str) -> bool:
    """Whether the operator names the task itself: its code need not be installed here then."""
    is_pattern = bool(_PATTERN_SIGNS & set(task_name))
    return not is_pattern and task_name in _patterns()


@cache
def _make_action(task_name: str, task: Any) -> CeleryTaskAction:
    """Make a class with the parameters of the task, or with any if its code is not here."""

    def run(self: CeleryTaskAction, context: ActionContext, **input: JSONValue) -> None:
        self.send(context, input)

    own = [inspect.Parameter(one, inspect.Parameter.POSITIONAL_ONLY) for one in ("self", "context")]
    taken = _parameters(task.run) if task is not None else None
    if taken is not None:
        run.__signature__ = inspect.Signature([*own, *taken])  # type: ignore[attr-defined]
    kind = type("CeleryTask", (CeleryTaskAction,), {"name": PREFIX + task_name, "run": run})
    described = inspect.getdoc(task.run) if task is not None else None
    made: CeleryTaskAction = kind(task_name, described or f"Runs the Celery task {task_name}.")
    return made


def _parameters(run: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Give the parameters that can be named; None if the task takes any."""
    found = []
    for parameter in inspect.signature(run).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return None
        if parameter.kind in (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        ):
            found.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return found


def _own_queue(app: Celery, task_name: str) -> str:
    """Find the queue that the task or the routes of Celery name, or else the general one."""
    task = _tasks().get(task_name)
    own = getattr(task, "queue", None)
    routed = app.amqp.router.lookup_route(task_name, (), {}, {}, task) or {}
    queue = own or routed.get("queue")
    return str(getattr(queue, "name", queue) or settings.LEVANTE_CELERY_QUEUE)


def _answer(name: str, facts: dict[str, Any]) -> Signature:
    options = {"queue": _ANSWER_QUEUE, "serializer": "json", "ignore_result": True}
    return Signature(name, kwargs=facts, options=options)
