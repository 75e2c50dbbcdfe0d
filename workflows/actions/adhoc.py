"""Ad-hoc actions: from the name in a task down to the Python action and its input, and back up.

Pure functions; whoever calls them passes in how ad-hoc definitions are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workflows.actions.base import Action, check_input, check_names
from workflows.actions.registry import find_action
from workflows.errors import ActionError, ActionInputInvalid, ActionUnknown, ExpressionError
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import Reader
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.specs import AdhocActionSpec, Missing

FindAdhoc = Callable[[str, str], AdhocActionSpec | None]
"""Finds an ad-hoc action by name and namespace, with the default namespace as fallback."""


FindCode = Callable[[str, str], Action | None]
"""Finds an action of stored code by name and namespace, with the default one as fallback."""


class AdhocBaseInvalid(ActionError):
    """What the ad-hoc action is made from cannot be run; the task fails, and on-error applies."""


class AdhocBaseMissing(AdhocBaseInvalid):
    """The action that the ad-hoc action is made from does not exist."""


class AdhocBaseCyclic(AdhocBaseInvalid):
    """The ad-hoc action is made from itself, through others."""


class AdhocBaseInputInvalid(AdhocBaseInvalid):
    """The input for the base cannot be evaluated, or the base does not take it."""


@dataclass(frozen=True, slots=True)
class ResolvedAction:
    """A Python action and the ad-hoc actions around it, outermost first (none for a plain one).

    `name` is what the action execution is called: the stored name of the outermost action.
    """

    name: str
    base: Action
    chain: tuple[AdhocActionSpec, ...] = ()

    @property
    def is_sync(self) -> bool:
        return self.base.is_sync

    @property
    def is_safe_rerun(self) -> bool:
        return self.base.is_safe_rerun

    def route(self, target: str) -> str:
        """Give the queue of the workers for the target that a task names."""
        return self.base.route(target)

    def is_inline(self, input: Mapping[str, JSONValue]) -> bool:
        """Tell whether a run cannot block; `input` is that of the base, from `prepare_input`."""
        return self.base.is_inline(input)


def no_code(name: str, namespace: str) -> Action | None:
    """Find nothing: for where there is no stored code."""
    return None


def resolve_action(
    name: str, namespace: str, find_adhoc: FindAdhoc, find_code: FindCode = no_code
) -> ResolvedAction:
    """Find the action of this name and everything it is made from.

    Python actions come first, so nothing stored can replace them and most tasks need no look-up.
    Actions of stored code come next.
    Raises `ActionUnknown` when the name itself is unknown, and a kind of `AdhocBaseInvalid` when
    something below it is: the engine treats the first as fatal, the second as a failed task.
    """
    base = find_action(name) or find_code(name, namespace)
    if base is not None:
        return ResolvedAction(name, base)
    outermost = find_adhoc(name, namespace)
    if outermost is None:
        raise ActionUnknown(f"Failed to find action [action_name={name}]")
    chain = [outermost]
    visited = {name}
    while (base := find_action(chain[-1].base) or find_code(chain[-1].base, namespace)) is None:
        base_name = chain[-1].base
        if base_name in visited:
            raise AdhocBaseCyclic(
                f"Found a cycle in an ad-hoc action chain [action_name={name}, base={base_name}]"
            )
        visited.add(base_name)
        chain.append(_find_base(name, base_name, namespace, find_adhoc))
    return ResolvedAction(name, base, tuple(chain))


def _find_base(name: str, base_name: str, namespace: str, find_adhoc: FindAdhoc) -> AdhocActionSpec:
    spec = find_adhoc(base_name, namespace)
    if spec is None:
        raise AdhocBaseMissing(f"Failed to find base action [action_name={name}, base={base_name}]")
    return spec


def check_action_input(resolved: ResolvedAction, input: Mapping[str, JSONValue]) -> None:
    """Refuse an input with missing or unexpected names with `ActionInputInvalid`."""
    if resolved.chain:
        check_names(resolved.name, AdhocActionSpec, resolved.chain[0].input, input)
    else:
        check_input(resolved.name, resolved.base, input)


def prepare_input(
    resolved: ResolvedAction,
    input: Mapping[str, JSONValue],
    context: Mapping[str, JSONValue],
    reader: Reader,
) -> JSONObject:
    """Return the input of the Python action.

    Each ad-hoc action on the way down fills its defaults in as they are written and evaluates
    its base-input; expressions see its own input first, then the context of the task. Raises
    `AdhocBaseInputInvalid` when that goes wrong at any level.
    """
    prepared = dict(input)
    try:
        for spec in resolved.chain:
            visible = Context(_with_defaults(spec, prepared), context)
            prepared = _evaluate_base_input(spec, visible, reader)
        if resolved.chain:
            check_input(resolved.base.name, resolved.base, prepared)
    except (ActionInputInvalid, ExpressionError) as error:
        raise AdhocBaseInputInvalid(
            f"Failed to prepare the base of an ad-hoc action [action_name={resolved.name}]: "
            f"{error.message}"
        ) from error
    return prepared


def _evaluate_base_input(spec: AdhocActionSpec, context: Context, reader: Reader) -> JSONObject:
    written = spec.base_input if isinstance(spec.base_input, str) else dict(spec.base_input)
    base_input = evaluate(written, context, reader)
    if not isinstance(base_input, dict):
        raise ActionInputInvalid(f"base-input must give a map [action_name={spec.name}]")
    return base_input


def _with_defaults(spec: AdhocActionSpec, input: Mapping[str, JSONValue]) -> JSONObject:
    completed = dict(input)
    for parameter in spec.input:
        if parameter.name not in completed and not isinstance(parameter.default, Missing):
            completed[parameter.name] = parameter.default
    return completed


def finish_output(resolved: ResolvedAction, result: JSONValue, reader: Reader) -> JSONValue:
    """Turn the result of the Python action into that of the outermost one; only after success.

    Each `output` on the way up sees the result of the level below as `$`, and nothing else. An
    `ExpressionFailed` here is a mistake in the definition: it fails the action and the whole run.
    """
    for spec in reversed(resolved.chain):
        if spec.output is not None and not isinstance(spec.output, Missing):  # null: not given
            result = evaluate(spec.output, result, reader)
    return result
