"""What an action is: the class to derive from, its declared parameters, and how one run ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from workflows.actions.permission import is_switched_on
from workflows.errors import ActionInputInvalid
from workflows.jsontypes import JSONValue
from workflows.language.specs import MISSING, InputParameter, Missing


@dataclass(frozen=True, slots=True)
class ActionContext:
    """Who asks for this run. A run that belongs to no workflow has no task and no workflow."""

    action_execution_id: str | None = None
    task_execution_id: str | None = None
    task_name: str | None = None
    workflow_name: str | None = None
    workflow_execution_id: str | None = None
    project_id: str | None = None
    callback_url: str | None = None
    target: str = ""  # as the task wrote it
    attempt_token: str | None = field(default=None, repr=False)  # secret; new for each attempt


class ActionFailed(Exception):
    """The action ended in ERROR; `result` is what is stored: the data, or the message without."""

    def __init__(
        self, message: str = "The action failed.", data: JSONValue | Missing = MISSING
    ) -> None:
        super().__init__(message, data)
        self.message = message
        self.result: JSONValue = message if isinstance(data, Missing) else data

    def __str__(self) -> str:
        return self.message


class ActionCancelled(Exception):
    """The action ended in CANCELLED, by its own word; `result` is what is stored."""

    def __init__(self, result: JSONValue = None) -> None:
        super().__init__(result)
        self.result = result


class Action:
    """A unit of work. Its parameters are those of `run` after the context.

    `inline` may be True only for actions that cannot block: the engine runs them while it holds
    an execution's lock. `is_sync` is False when the result is delivered later through the API;
    what `run` returns is then ignored. `is_safe_rerun` says that it does no harm to run it again
    when its worker was lost; a task may say otherwise. One that `is_guarded` is off until the
    operator names it in LEVANTE_ENABLED_ACTIONS. One that `needs_worker` is never run within a
    request. One instance serves every run, so it keeps no
    state. The docstring of the class is the description that users see.
    """

    name: ClassVar[str]
    inline: ClassVar[bool] = False
    is_sync: ClassVar[bool] = True
    is_safe_rerun: ClassVar[bool] = False
    is_guarded: ClassVar[bool] = False
    needs_worker: ClassVar[bool] = False

    def is_inline(self, input: Mapping[str, JSONValue]) -> bool:
        """Tell whether a run with this input cannot block."""
        return self.inline

    def route(self, target: str) -> str:
        """Give the queue of the workers that run it, for the target that a task names."""
        return target

    def run(self, context: ActionContext, *args: Any, **input: Any) -> JSONValue:
        """Do the work and return its result; raise `ActionFailed` for a result that is an error."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `result` is the error's text or data when it did not succeed.

    `is_cancelled`: neither success nor error, since the action itself gave up its work.
    """

    is_success: bool
    result: JSONValue
    is_cancelled: bool = False

    @property
    def state(self) -> str:
        """The state of an action that ended so."""
        if self.is_cancelled:
            return "CANCELLED"
        return "SUCCESS" if self.is_success else "ERROR"


def perform_action(
    action: Action, context: ActionContext, input: Mapping[str, JSONValue]
) -> Outcome:
    """Run the action with an input checked before; whatever it raises becomes an error result."""
    if action.is_guarded and not is_switched_on(action.name, context.project_id):
        return Outcome(is_success=False, result=_switched_off(action.name))
    try:
        return Outcome(is_success=True, result=action.run(context, **input))
    except ActionFailed as failure:
        return Outcome(is_success=False, result=failure.result)
    except ActionCancelled as cancelled:
        return Outcome(is_success=False, result=cancelled.result, is_cancelled=True)
    except Exception as error:  # a border: the action may be anybody's code
        text = exception_text(action.name, context, str(error) or type(error).__name__)
        return Outcome(is_success=False, result=text)


def _switched_off(name: str) -> str:
    return (
        f"The action {name} is switched off. The operator can switch it on for all projects by "
        f"LEVANTE_ENABLED_ACTIONS={name}, or for one by {name}@PROJECT_ID."
    )


def exception_text(action_name: str, context: ActionContext, message: str) -> str:
    """Say in Mistral's words that an action raised an exception; never with a traceback."""
    run = f"action_ex_id={context.action_execution_id}"
    return f"The action raised an exception [action={action_name}, {run}, msg='{message}']"


@dataclass(frozen=True, slots=True)
class _Signature:
    parameters: tuple[InputParameter, ...]
    is_open: bool  # `run` also takes names that it does not list


@cache
def _signature(run: Callable[..., JSONValue]) -> _Signature:
    declared = list(inspect.signature(run).parameters.values())[2:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return _Signature(
        parameters=tuple(
            InputParameter(
                parameter.name,
                MISSING if parameter.default is inspect.Parameter.empty else parameter.default,
            )
            for parameter in declared
            if parameter.kind in named
        ),
        is_open=any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in declared),
    )


def parameters(action: Action) -> tuple[InputParameter, ...]:
    """List what the action takes, in the order of its `run`."""
    return _signature(type(action).run).parameters


def check_input(name: str, action: Action, input: Mapping[str, JSONValue]) -> None:
    """Refuse an input with missing or unexpected names; `name` is how the caller called it."""
    signature = _signature(type(action).run)
    check_names(name, type(action), signature.parameters, input, is_open=signature.is_open)


def check_names(
    name: str,
    described_by: type,
    declared: Iterable[InputParameter],
    input: Mapping[str, JSONValue],
    *,
    is_open: bool = False,
) -> None:
    """Raise `ActionInputInvalid` when the names of the input are not the declared ones.

    The text has Mistral's form, which clients know: it names the class that declares the
    parameters, and each of the two lists only if it is not empty.
    """
    known = {parameter.name: parameter for parameter in declared}
    missing = [
        parameter.name
        for parameter in known.values()
        if parameter.is_required and parameter.name not in input
    ]
    unexpected = [] if is_open else [key for key in input if key not in known]
    if not missing and not unexpected:
        return
    facts = [f"name={name}", f"class={described_by.__module__}.{described_by.__qualname__}"]
    if missing:
        facts.append(f"missing={missing}")
    if unexpected:
        facts.append(f"unexpected={unexpected}")
    raise ActionInputInvalid(f"Invalid input [{', '.join(facts)}]")
