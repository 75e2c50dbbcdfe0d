"""For whom a person acts who has logged in to the web interface: the project and the role."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet

from workflows.errors import NotPermitted
from workflows.models import Membership, Project, Role
from workflows.services.identity.identity import SYSTEM_PROJECT_ID, Caller, open_caller
from workflows.services.identity.projects import all_projects

NO_PROJECT = "You are not a member of any project yet. Ask an administrator to add you to one."


def caller_of_person(user: User, project_id: UUID | None = None) -> Caller:
    """Return the caller for a person in a project, by default the first one they belong to.

    So it is for a project that they may not act for. A superuser is an administrator in every
    project. Raises NotPermitted for somebody who is in no project.
    """
    memberships = {one.project_id: Role(one.role) for one in _memberships(user)}
    first = next(iter(memberships), None)
    if user.is_superuser:
        if project_id is None or not all_projects().filter(pk=project_id).exists():
            project_id = first or _first_project()
        return _caller(user, project_id, Role.ADMIN)
    chosen = project_id if project_id in memberships else first
    if chosen is None:
        raise NotPermitted(NO_PROJECT)
    return _caller(user, chosen, memberships[chosen])


def projects_of_person(user: User) -> QuerySet[Project]:
    """The projects that a person may act for, by name."""
    projects = all_projects()
    return projects if user.is_superuser else projects.filter(memberships__user=user)


def _caller(user: User, project_id: UUID, role: Role) -> Caller:
    return Caller(project_id, role, user_id=user.pk, name=user.get_username())


def _memberships(user: User) -> list[Membership]:
    found = Membership.objects.filter(user=user).exclude(project=SYSTEM_PROJECT_ID)
    return list(found.order_by("project__name"))


def _first_project() -> UUID:
    """The project of a superuser without any: that of a server without logins, or the oldest."""
    if settings.LEVANTE_NO_AUTH:
        return open_caller().project_id
    project = all_projects().order_by("created_at", "pk").first()
    if project is None:
        raise NotPermitted("There is no project yet. Make one first.")
    return project.pk
