"""The name of the rule behind each path and method, made of the path itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLResolver, get_resolver

# Kinds whose objects can be made visible to every project.
SCOPED: Final = (
    "workflows", "workbooks", "actions", "environments", "cron_triggers", "event_triggers",
)  # fmt: skip
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
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")


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


def all_rules() -> frozenset[str]:
    """Return the names of all rules that the API has."""
    routes = _routes(get_resolver().url_patterns, "")
    found = {rule for route, method in routes if (rule := rule_of(route, method))}
    return frozenset(found | {f"{kind}:publicize" for kind in SCOPED})


def check_permissions() -> None:
    """Stop the start of a server whose settings name a rule that does not exist."""
    unknown = sorted(set(settings.LEVANTE_PERMISSIONS) - all_rules())
    if unknown:
        raise ImproperlyConfigured(f"LEVANTE_PERMISSIONS: no such rule: {', '.join(unknown)}")


def _routes(patterns: Iterable[Any], before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
            continue
        view = getattr(pattern.callback, "view_class", None)
        for method in _METHODS:
            if getattr(view, "roles", None) and hasattr(view, method.lower()):
                yield route, method


def _words(route: str) -> list[str]:
    """Split a route into its words; a place for a name or id is an empty one."""
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "", route).replace("/?$", "").replace("^", "")
    return text.removeprefix("v2/").split("/")
