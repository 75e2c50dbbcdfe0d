"""The action that takes time, and the check of a number of seconds."""

from __future__ import annotations

import time

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.jsontypes import JSONValue


def parse_seconds(value: JSONValue, name: str) -> float:
    """Return the value as seconds; fail the action when it is no number that can be slept."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ActionFailed(f"{name} must be a number of seconds, 0 or more")


class SleepAction(Action):
    """Sleeps for the given number of seconds and succeeds with null.

    It keeps a worker busy. To delay a task without that, use the policy wait-before.
    """

    name = "std.sleep"

    def run(self, context: ActionContext, seconds: JSONValue = 1) -> None:
        time.sleep(parse_seconds(seconds, "seconds"))
