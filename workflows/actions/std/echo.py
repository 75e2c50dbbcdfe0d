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
            time.sleep(parse_seconds(delay, "delay"))
        return output
