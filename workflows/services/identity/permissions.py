"""Whether a caller may do something, by the rules that an operator may change."""

from __future__ import annotations

from django.conf import settings

from workflows.models import Role
from workflows.services.identity.identity import Caller
from workflows.services.identity.rules import LEAST_ROLES


def least_role(rule: str) -> Role:
    """Return the least role that a rule asks for: what LEVANTE_PERMISSIONS says, or the default."""
    return Role(settings.LEVANTE_PERMISSIONS.get(rule) or LEAST_ROLES[rule])


def may(caller: Caller, rule: str) -> bool:
    """Tell whether the caller's role is enough for the rule."""
    return caller.includes(least_role(rule))


def require_permission(caller: Caller, rule: str) -> None:
    """Raise NotPermitted unless the caller's role is enough for the rule."""
    caller.require(least_role(rule))
