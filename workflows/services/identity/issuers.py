"""Tokens that others have issued, OpenID Connect or a Keystone: for whom they speak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings

from workflows.errors import NotPermitted, RequestInvalid
from workflows.models import Role
from workflows.services.identity.identity import (
    OPEN_PROJECT_ID,
    RANK,
    SYSTEM_PROJECT_ID,
    Caller,
)
from workflows.services.identity.keystone import find_keystone_token, provide_keystone_project
from workflows.services.identity.openid import find_openid_token
from workflows.services.identity.projects import provide_project

_RESERVED = (SYSTEM_PROJECT_ID, OPEN_PROJECT_ID)


def ask_issuers(token: str) -> tuple[Caller, datetime | None] | None:
    """Return for whom a token speaks and when it is over; None if no issuer knows it.

    Raises NotPermitted if the issuer gives its bearer no role that is known here.
    """
    if settings.LEVANTE_OIDC_ISSUER and (claims := find_openid_token(token)):
        role = _highest_role(claims.roles, settings.LEVANTE_OIDC_ROLES)
        project_id = _named_project(claims.project)
        return Caller(project_id, role, name=claims.user_name), claims.expires_at
    if settings.LEVANTE_KEYSTONE_URL and (found := find_keystone_token(token)):
        role = _highest_role(found.roles, settings.LEVANTE_KEYSTONE_ROLES)
        project_id = provide_keystone_project(found, reserved=_RESERVED)
        return Caller(project_id, role, name=found.user_name), found.expires_at
    return None


def _named_project(name: str) -> UUID:
    try:
        return provide_project(name, refused=_RESERVED).pk
    except RequestInvalid as error:
        raise NotPermitted("The token names no project.") from error


def _highest_role(names: Iterable[str], known: Mapping[str, str]) -> Role:
    """Return the highest of our roles that these names stand for."""
    found = [Role(known[name]) for name in names if name in known]
    if not found:
        raise NotPermitted("None of your roles in this project is known here.")
    return max(found, key=lambda role: RANK[role])
