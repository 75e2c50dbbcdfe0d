"""Users and projects on demand, for whoever hands out tokens on the command line."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from workflows.errors import RequestInvalid
from workflows.models import Membership, Role
from workflows.services.identity.identity import issue_token
from workflows.services.identity.projects import provide_project


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with what it speaks for; its text is not kept anywhere else."""

    user: str
    project_id: uuid.UUID
    role: Role
    token: str


def provide_token(
    *, user_name: str, project: str, role: Role, days: float | None = None, name: str = ""
) -> NewToken:
    """Make a token, and before it the user, the project and the membership if they are missing.

    `project` is a name or an id. A new user has no password, so nobody can log in as it until
    somebody sets one. `days` is how long the token is good for; None is without end.
    """
    expires_at = _end(days)
    with transaction.atomic(durable=True):
        user = _provide_user(user_name)
        place = provide_project(project)
        Membership.objects.get_or_create(user=user, project=place, defaults={"role": role})
        token = issue_token(user, place, role, name, expires_at=expires_at)
    return NewToken(user.get_username(), place.pk, role, token)


def _end(days: float | None) -> datetime | None:
    if days is None:
        return None
    try:
        if days > 0:
            return timezone.now() + timedelta(days=days)
    except OverflowError:
        pass
    raise RequestInvalid("The number of days must be greater than 0, and not beyond all calendars")


def _provide_user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is not None:
        if not user.is_active:
            raise RequestInvalid(f"The user {name!r} is not active")
        return user
    user = User(username=name)
    user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise RequestInvalid(f"{name!r} cannot be the name of a user") from error
    user.save()
    return user
