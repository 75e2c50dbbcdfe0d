"""Which actions the operator allows: lists of names, and those that are off until switched on."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from django.conf import settings

from workflows.errors import ActionNotAllowed


def is_allowed(name: str) -> bool:
    """Tell whether the lists of the operator let this action be used.

    As in Mistral a list of allowed names, if there is one, is all that counts.
    """
    if settings.LEVANTE_ALLOWED_ACTIONS:
        return matches(name, settings.LEVANTE_ALLOWED_ACTIONS)
    return not matches(name, settings.LEVANTE_DENIED_ACTIONS)


def require_allowed(name: str) -> None:
    """Refuse an action that the lists of the operator do not let be used."""
    if not is_allowed(name):
        raise ActionNotAllowed(
            f"The action {name} is not allowed here "
            "(LEVANTE_ALLOWED_ACTIONS, LEVANTE_DENIED_ACTIONS)."
        )


def is_switched_on(name: str, project_id: str | None) -> bool:
    """Tell whether a guarded action may be run: by all projects, or by this one."""
    return is_listed(name, settings.LEVANTE_ENABLED_ACTIONS, project_id)


def is_listed(name: str, entries: Iterable[str], project_id: str | None) -> bool:
    """Tell whether one of the entries, `pattern` or `pattern@project`, is for name and project."""
    parts = [entry.partition("@") for entry in entries]
    return any(
        fnmatchcase(name, pattern) and (not at or project == project_id)
        for pattern, at, project in parts
    )


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the patterns, such as `std.*`, fits the name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
