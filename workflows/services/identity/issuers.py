"""Tokens that others have issued, OpenID Connect or a Keystone: for whom they speak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings

from workflows.errors import NotPermitted
from workflows.models import Role
from workflows.services.identity.identity import (
    OPEN_PROJECT_ID,
    RANK,
    SYSTEM_PROJECT_ID,
    Caller,
)
from workflows.services.identity.keystone import find_keystone_token, provide_project
from workflows.services.identity.openid import find_openid_token, provide_named_project

_RESERVED = (SYSTEM_PROJECT_ID, OPEN_PROJECT_ID)


def ask_issuers(token: str) -> tuple[Caller, datetime | None] | None:
    """Return for whom a token speaks and when it is over; None if no issuer knows it.

    Raises NotPermitted if the issuer gives its bearer no role that is known here.
    """
    if settings.LEVANTE_OIDC_ISSUER and (claims := find_openid_token(token)):
        role = _highest_role(claims.roles, settings.LEVANTE_OIDC_ROLES)
        project_id = provide_named_project(claims.project, reserved=_RESERVED)
        return Caller(project_id, role, name=claims.user_name), claims.expires_at
    if settings.LEVANTE_KEYSTONE_URL and (found := find_keystone_token(token)):
        role = _highest_role(found.roles, settings.LEVANTE_KEYSTONE_ROLES)
        project_id = provide_project(found, reserved=_RESERVED)
        return Caller(project_id, role, name=found.user_name), found.expires_at
    return None


def _highest_role(names: Iterable[str], known: Mapping[str, str]) -> Role:
    """Return the highest of our roles that these names stand for."""
    found = [Role(known[name]) for name in names if name in known]
    if not found:
        raise NotPermitted("None of your roles in this project is known here.")
    return max(found, key=lambda role: RANK[role])
