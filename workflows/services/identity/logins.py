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
from workflows.models import ApiToken, Project, Role
from workflows.services.identity.identity import (
    Caller,
    find_token,
    forget_callers,
    issue_login_token,
)
from workflows.services.identity.ownership import parse_id
from workflows.services.identity.people import caller_of_person, projects_of_person
from workflows.services.identity.projects import all_projects, find_project

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


def visible_projects(caller: Caller) -> QuerySet[Project]:
    """The projects that the caller may know of: its own, and all of them for an administrator."""
    projects = all_projects()
    return projects if caller.is_admin else projects.filter(pk=caller.project_id)


def _open(user: User, name_or_id: str, expires_at: datetime) -> Session:
    project = find_project(name_or_id, projects_of_person(user)) if name_or_id else None
    if name_or_id and project is None:
        raise NoAccess
    try:
        caller = caller_of_person(user, None if project is None else project.pk)
    except NotPermitted as error:
        raise NoAccess from error
    project = project or Project.objects.get(pk=caller.project_id)
    return _session(*issue_login_token(user, project, caller.role, expires_at))


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
