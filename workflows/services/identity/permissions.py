"""The rules that an operator may change: who may do what with which kind of object.

A rule is named as Mistral names it, such as `workflows:create` or `executions:delete`. Each has a
role of its own by default; LEVANTE_PERMISSIONS gives it another one.
"""

from __future__ import annotations

from django.conf import settings

from workflows.models import Role
from workflows.services.identity.identity import Caller


def required_role(rule: str, default: Role) -> Role:
    """Return the least role that a rule asks for."""
    changed: str | None = settings.LEVANTE_PERMISSIONS.get(rule)
    return default if changed is None else Role(changed)


def require_permission(caller: Caller, rule: str, default: Role) -> None:
    """Raise NotPermitted unless the caller's role is enough for the rule."""
    caller.require(required_role(rule, default))
