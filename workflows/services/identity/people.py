"""For whom a person acts who has logged in to the web interface: the project and the role."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User

from workflows.errors import NotPermitted
from workflows.models import Membership, Project, Role
from workflows.services.identity.identity import SYSTEM_PROJECT_ID, Caller, open_caller

NO_PROJECT = "You are not a member of any project yet. Ask an administrator to add you to one."


def caller_of_person(user: User, project_id: UUID | None = None) -> Caller:
    """Return the caller for a person in a project, by default the first one they belong to.

    A superuser is an administrator in every project. Raises NotPermitted for somebody who is in
    no project.
    """
    name = user.get_username()
    project_id = None if project_id == SYSTEM_PROJECT_ID else project_id
    memberships = {one.project_id: Role(one.role) for one in _memberships(user)}
    chosen = project_id if project_id in memberships else next(iter(memberships), None)
    if user.is_superuser:
        home = project_id or chosen or _first_project()
        return Caller(home, Role.ADMIN, user_id=user.pk, name=name)
    if chosen is None:
        raise NotPermitted(NO_PROJECT)
    return Caller(chosen, memberships[chosen], user_id=user.pk, name=name)


def projects_of_person(user: User) -> list[Project]:
    """List the projects that a person may act for, by name."""
    if user.is_superuser:
        return list(Project.objects.exclude(pk=SYSTEM_PROJECT_ID).order_by("name"))
    return [one.project for one in _memberships(user)]


def _memberships(user: User) -> list[Membership]:
    found = Membership.objects.filter(user=user).select_related("project")
    return list(found.order_by("project__name"))


def _first_project() -> UUID:
    """The project of a superuser without any: that of a server without logins, or the oldest."""
    if settings.LEVANTE_NO_AUTH:
        return open_caller().project_id
    projects = Project.objects.exclude(pk=SYSTEM_PROJECT_ID)
    project = projects.order_by("created_at", "pk").first()
    if project is None:
        raise NotPermitted("There is no project yet. Make one first.")
    return project.pk
