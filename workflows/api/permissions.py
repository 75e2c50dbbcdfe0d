"""The name of the rule behind each path and method, made of the path itself."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

# Words at the end of a path that are something to do rather than a list.
_VERBS: Final = frozenset({"validate", "report"})
# Of these there is one.
_SINGLE: Final = frozenset({"maintenance", "metrics"})
# Everybody may ask about their own token and projects.
_IDENTITY: Final = "identity"
# Lists that have the objects of another kind.
_SAME: Final = {"workflow_executions": "executions"}
_LIST: Final = {"GET": "list", "POST": "create", "PUT": "update", "DELETE": "delete"}
_ONE: Final = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}


@cache
def rule_of(route: str, method: str) -> str:
    """Return the rule of a route of the URLconf, such as `executions:delete`; perhaps none."""
    method = "GET" if method == "HEAD" else method
    words = _words(route)
    names = [word for word in words if word]
    if not names or names[0] == _IDENTITY:
        return ""
    kind = _SAME.get(names[-1], names[-1])
    if kind in _VERBS:
        return f"{names[-2]}:{kind}"
    verbs = _ONE if words[-1] == "" or kind in _SINGLE else _LIST
    return f"{kind}:{verbs.get(method, method.lower())}"


def _words(route: str) -> list[str]:
    """Split a route into its words; a place for a name or id is an empty one."""
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "", route).replace("/?$", "").replace("^", "")
    return text.removeprefix("v2/").split("/")
