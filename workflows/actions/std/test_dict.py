"""The action that makes a map of any size, for trying out how workflows carry data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.jsontypes import JSONObject, JSONValue

# Characters of the result as JSON, estimated before it is made.
_INLINE_LIMIT: Final = 256 * 1024  # more is left to a worker, so that no lock is held for it
_LIMIT: Final = 64 * 1024 * 1024  # far more than can be stored, and little enough for a worker


class DictAction(Action):
    """Returns a map of `size` entries, named `key_prefix` and a number from 0, all with `val`."""

    name = "std.test_dict"
    inline = True

    def is_inline(self, input: Mapping[str, JSONValue]) -> bool:
        return _estimate_characters(**input) <= _INLINE_LIMIT

    def run(
        self,
        context: ActionContext,
        size: JSONValue = 0,
        key_prefix: JSONValue = "",
        val: JSONValue = "",
    ) -> JSONObject:
        if not isinstance(size, int):
            raise ActionFailed("size must be a whole number")
        if _estimate_characters(size, key_prefix, val) > _LIMIT:
            raise ActionFailed("the map would be too large")
        return {f"{key_prefix}{number}": val for number in range(size)}


def _estimate_characters(
    size: JSONValue = 0, key_prefix: JSONValue = "", val: JSONValue = ""
) -> int:
    """Return about how long the result is as JSON; 0 for a size that is no number."""
    if not isinstance(size, int):
        return 0
    return size * (len(f"{key_prefix}{size}") + len(json.dumps(val)))
