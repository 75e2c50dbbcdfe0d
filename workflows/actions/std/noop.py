"""The action that does nothing."""

from __future__ import annotations

from workflows.actions.base import Action, ActionContext


class NoopAction(Action):
    """Does nothing and succeeds with null.

    It serves as a place to publish, to fork or to join. A task without action runs it.
    """

    name = "std.noop"
    inline = True

    def run(self, context: ActionContext) -> None:
        return None
