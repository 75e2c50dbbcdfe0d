"""The action that waits for somebody else's answer."""

from __future__ import annotations

from workflows.actions.base import Action, ActionContext


class AsyncNoopAction(Action):
    """Starts nothing and waits until its result is delivered through the API.

    Use it for an approval by a person or for work that another system reports as done.
    """

    name = "std.async_noop"
    is_sync = False

    def run(self, context: ActionContext) -> None:
        return None
