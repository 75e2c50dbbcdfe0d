"""People who log in to the pages."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from workflows.models import Membership, Project, Role


def make_person(name: str, project: Project | None = None, role: Role | None = None) -> User:
    """Somebody who may log in; without a role an administrator of everything."""
    if role is None:
        user = User.objects.create_superuser(name, password="secret")
        role = Role.ADMIN
    else:
        user = User.objects.create_user(name, password="secret", is_staff=True)
    if project is not None:
        Membership.objects.create(user=user, project=project, role=role)
    return user


def log_in(
    name: str, project: Project | None = None, role: Role | None = None, **options: bool
) -> Client:
    """Make somebody and log them in; `options` are those of the client."""
    client = Client(**options)
    client.force_login(make_person(name, project, role))
    return client
