"""What a task's result is, from the accepted results of its actions or sub-workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from workflows.engine.states import State

if TYPE_CHECKING:
    from workflows.engine.snapshot import Result, TaskSnapshot
    from workflows.jsontypes import JSONValue

MAX_ERRORS_SHOWN: Final = 10


def task_result(task: TaskSnapshot, results: Sequence[Result], *, has_items: bool) -> JSONValue:
    """Give the value that `task().result` and the API show.

    With items it is a list by item, else the only result. While nothing is there it is `[]`, as
    Mistral has it, also for a task that failed before it could run anything.
    """
    if has_items:
        ordered = sorted(results, key=lambda result: result.item_index)
        return [result.value for result in ordered if result.state is not State.CANCELLED]
    return results[-1].value if results else []


def state_of_results(results: Sequence[Result]) -> State:
    """Give the state of a task all of whose items have ended."""
    states = {result.state for result in results}
    if State.CANCELLED in states:
        return State.CANCELLED
    return State.ERROR if State.ERROR in states else State.SUCCESS


def describe_failure(results: Sequence[Result], *, has_items: bool) -> str | None:
    """Give the text that explains a failed task: the errors of its actions or sub-workflows."""
    errors = [result for result in results if result.state is State.ERROR]
    if not errors:
        return None
    if not has_items:
        return _as_text(errors[-1].value)
    shown = errors[:MAX_ERRORS_SHOWN]
    lines = [f"[item {result.item_index}]: {_as_text(result.value)}" for result in shown]
    rest = len(errors) - len(shown)
    lines += [f"and {rest} more"] if rest else []
    return "One or more items failed.\n" + "\n".join(lines)


def _as_text(value: JSONValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("result"), str):
        return str(value["result"])
    return "The action ended in error."
