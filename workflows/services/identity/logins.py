"""Tokens of log-ins: short-lived, for one project of the user, exchangeable for another one.

Who the user is has been checked by the caller of these functions, be it by a password.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from workflows.errors import NotPermitted
from workflows.models import ApiToken, Membership, Project, Role
from workflows.services.identity.identity import (
    SYSTEM_PROJECT_ID,
    Caller,
    find_token,
    forget_callers,
    issue_token,
)
from workflows.services.identity.ownership import parse_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A token with all that is told about it."""

    token: str
    user_id: int
    user_name: str
    project_id: uuid.UUID
    project_name: str
    role: Role
    issued_at: datetime
    expires_at: datetime | None
    is_login: bool


class NoAccess(NotPermitted):
    """The user has no access to this project."""


def log_in(user: User, project: str = "") -> Session:
    """Make a token for a project of the user, given by id or name; without one for the first.

    Raises NoAccess if the user is no member of it, just as if it did not exist.
    """
    expires_at = timezone.now() + timedelta(seconds=settings.LEVANTE_LOGIN_TOKEN_SECONDS)
    with transaction.atomic(durable=True):
        _forget_expired(user)
        session = _open(user, project, expires_at)
    logger.info("logged in", extra={"user": session.user_name, "project": str(session.project_id)})
    return session


def exchange(session: Session, project: str = "") -> Session:
    """Give a token for another project of the same user; it ends when the first one ends.

    A token that was made for one project alone is good for that one only.
    """
    if not project or project in (str(session.project_id), session.project_name):
        return session
    wanted = parse_id(project)
    if wanted == session.project_id:
        return session
    if not session.is_login or session.expires_at is None:
        raise NoAccess
    user = User.objects.get(pk=session.user_id)
    with transaction.atomic(durable=True):
        return _open(user, project, session.expires_at)


def find_session(token: str) -> Session | None:
    """Return what is known of a token; None if it is unknown, expired or revoked."""
    row = find_token(token)
    return None if row is None else _session(token, row)


def end_session(token: str) -> None:
    """Revoke a token. Other processes take note within LEVANTE_TOKEN_CACHE_SECONDS."""
    row = find_token(token)
    if row is not None:
        ApiToken.objects.filter(pk=row.pk).update(revoked_at=timezone.now())
        forget_callers()


def projects_of(user_id: int) -> QuerySet[Project]:
    """The projects that a user can log in to, by name."""
    projects = Project.objects.exclude(pk=SYSTEM_PROJECT_ID).order_by("name")
    if User.objects.filter(pk=user_id, is_superuser=True).exists():
        return projects
    return projects.filter(memberships__user_id=user_id)


def visible_projects(caller: Caller) -> QuerySet[Project]:
    """The projects that the caller may know of: its own, and all of them for an administrator."""
    projects = Project.objects.exclude(pk=SYSTEM_PROJECT_ID).order_by("name")
    return projects if caller.is_admin else projects.filter(pk=caller.project_id)


def role_in(user: User, project: Project) -> Role | None:
    """Return what the user may do in a project; None is nothing."""
    if user.is_superuser:
        return Role.ADMIN
    membership = Membership.objects.filter(user=user, project=project).first()
    return None if membership is None else Role(membership.role)


def choose_project(user: User, project: str) -> tuple[Project, Role]:
    """Return the project of this id or name, or the first one, and the user's role there."""
    found = projects_of(user.pk)
    if project:
        wanted = parse_id(project)
        by_name = found.filter(name=project).first()
        chosen = by_name or (found.filter(pk=wanted).first() if wanted else None)
    else:
        oldest = Membership.objects.filter(user=user).order_by("pk").first()
        chosen = found.first() if oldest is None else found.filter(pk=oldest.project_id).first()
    role = None if chosen is None else role_in(user, chosen)
    if chosen is None or role is None:
        raise NoAccess
    return chosen, role


def _open(user: User, project: str, expires_at: datetime) -> Session:
    chosen, role = choose_project(user, project)
    token = issue_token(user, chosen, role, "log-in", expires_at=expires_at, is_login=True)
    row = find_token(token)
    assert row is not None
    return _session(token, row)


def _session(token: str, row: ApiToken) -> Session:
    return Session(
        token=token,
        user_id=row.user_id,
        user_name=row.user.get_username(),
        project_id=row.project_id,
        project_name=row.project.name,
        role=Role(row.role),
        issued_at=row.created_at,
        expires_at=row.expires_at,
        is_login=row.is_login,
    )


def _forget_expired(user: User) -> None:
    """Delete what earlier log-ins of the user left behind."""
    ApiToken.objects.filter(user=user, is_login=True, expires_at__lte=timezone.now()).delete()
