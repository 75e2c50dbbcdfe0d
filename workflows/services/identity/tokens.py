"""Tokens of the API in the hands of people: list, make, revoke."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from workflows.errors import NotFound, NotPermitted, RequestInvalid
from workflows.models import ApiToken, Project, Role
from workflows.services.identity.identity import Caller, forget_callers, issue_token
from workflows.services.identity.ownership import check_length

logger = logging.getLogger(__name__)

LONGEST_DAYS: Final = 3650


def list_tokens(caller: Caller, *, everybody: bool = False) -> list[ApiToken]:
    """List the tokens that are good, newest first: one's own, or all for an administrator."""
    rows = _visible(caller, everybody=everybody).select_related("user", "project")
    is_good = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return list(rows.filter(is_good, revoked_at=None).order_by("-created_at", "pk"))


def make_token(*, caller: Caller, name: str, role: Role, days: int | None) -> str:
    """Make a token for the caller's project and return its text, which is not kept.

    It cannot do more than the caller. `days` is how long it is good for; None is without end.
    """
    caller.require(role)
    check_length("name", name)
    if days is not None and not 0 < days <= LONGEST_DAYS:
        raise RequestInvalid(f"The number of days must be from 1 to {LONGEST_DAYS}.")
    user = None if caller.user_id is None else User.objects.filter(pk=caller.user_id).first()
    if user is None:
        raise NotPermitted("Only somebody who has logged in can have a token.")
    project = Project.objects.get(pk=caller.project_id)
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    text = issue_token(user, project, role, name, expires_at=expires_at)
    logger.info("token made", extra={"user": caller.name, "project_id": str(project.pk)})
    return text


def revoke_token(*, caller: Caller, token_id: UUID) -> ApiToken:
    """End a token: one's own, or any for an administrator. Raises NotFound."""
    token = _visible(caller, everybody=caller.is_admin).filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"Token not found [id={token_id}]")
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        forget_callers()
        logger.info("token revoked", extra={"user": caller.name, "token_id": str(token_id)})
    return token


def _visible(caller: Caller, *, everybody: bool) -> QuerySet[ApiToken]:
    if everybody:
        caller.require(Role.ADMIN)
        return ApiToken.objects.all()
    if caller.user_id is None:
        return ApiToken.objects.none()
    return ApiToken.objects.filter(user_id=caller.user_id)
