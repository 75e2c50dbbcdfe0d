"""The action that gives back what it got."""

from __future__ import annotations

import time
from collections.abc import Mapping

from workflows.actions.base import Action, ActionContext
from workflows.actions.std.sleep import parse_seconds
from workflows.jsontypes import JSONValue


class EchoAction(Action):
    """Returns its input `output` unchanged, after `delay` seconds if that is given."""

    name = "std.echo"
    inline = True

    def is_inline(self, input: Mapping[str, JSONValue]) -> bool:
        return not input.get("delay")

    def run(self, context: ActionContext, output: JSONValue, delay: JSONValue = 0) -> JSONValue:
        if delay:
            time.sleep(_as_delay(delay))
        return output


def _as_delay(value: JSONValue) -> float:
    """Return the value as seconds; a text that is no number and a negative number are no delay."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, (int, float)) and not 0 <= value < float("inf"):
        return 0
    return parse_seconds(value, "delay")
