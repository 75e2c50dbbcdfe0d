"""The action that always fails."""

from __future__ import annotations

from workflows.actions.base import Action, ActionContext, ActionFailed, exception_text
from workflows.jsontypes import JSONValue


class FailAction(Action):
    """Always fails: with `error_data` as its result, or with a text if there is none.

    Use it to end a branch in error or to try out the handling of errors.
    """

    name = "std.fail"
    inline = True

    def run(self, context: ActionContext, error_data: JSONValue = None) -> JSONValue:
        text = exception_text(self.name, context, "Fail action expected exception.")
        if error_data:
            raise ActionFailed(text, data=error_data)
        raise ActionFailed(text)  # Mistral: also for data that is empty, such as {} and 0
