"""Projects and who may do what in them; for administrators."""

from __future__ import annotations

import logging
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Prefetch, QuerySet
from django.utils import timezone

from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.models import ApiToken, Membership, Project, Role
from workflows.services.identity.identity import Caller, forget_callers
from workflows.services.identity.projects import all_projects, check_project_name

logger = logging.getLogger(__name__)


def list_projects(caller: Caller) -> list[Project]:
    """List all projects by name; each has `members`, the number of its members."""
    caller.require(Role.ADMIN)
    return list(all_projects().annotate(members=Count("memberships")))


def get_project(caller: Caller, project_id: UUID) -> Project:
    """Return a project with its members, by name; raises NotFound."""
    caller.require(Role.ADMIN)
    members = Membership.objects.select_related("user").order_by("user__username")
    found = (
        all_projects()
        .filter(pk=project_id)
        .prefetch_related(Prefetch("memberships", members))
        .first()
    )
    if found is None:
        raise NotFound(f"Project not found [id={project_id}]")
    return found


def create_project(*, caller: Caller, name: str) -> Project:
    """Make a project; Conflict if the name is taken."""
    caller.require(Role.ADMIN)
    check_project_name(name)
    try:
        with transaction.atomic():
            project = Project.objects.create(name=name)
    except IntegrityError as error:
        raise Conflict(f"There is a project named {name} already.") from error
    _log("project made", caller, project)
    return project


def rename_project(*, caller: Caller, project_id: UUID, name: str) -> Project:
    """Give a project another name; Conflict if that is taken."""
    project = get_project(caller, project_id)
    check_project_name(name)
    project.name = name
    try:
        with transaction.atomic():
            project.save(update_fields=["name"])
    except IntegrityError as error:
        raise Conflict(f"There is a project named {name} already.") from error
    _log("project renamed", caller, project)
    return project


def set_role(*, caller: Caller, project_id: UUID, user_name: str, role: str) -> Membership:
    """Make somebody a member of a project, or change the role of a member.

    Tokens that the person has for the project can do no more than the new role from then on.
    """
    project = get_project(caller, project_id)
    if role not in Role.values:
        raise RequestInvalid(f"The role must be one of {', '.join(Role.values)}.")
    user = User.objects.filter(username=user_name).first()
    if user is None:
        raise NotFound(f"There is no user named {user_name}.")
    above = list(Role)[list(Role).index(Role(role)) + 1 :]
    with transaction.atomic(durable=True):
        member, _ = Membership.objects.update_or_create(
            user=user, project=project, defaults={"role": Role(role)}
        )
        _good_tokens(user, project).filter(role__in=above).update(role=role)
    forget_callers()
    _log("role set", caller, project, member=user_name, role=role)
    return member


def remove_member(*, caller: Caller, project_id: UUID, user_name: str) -> None:
    """End a membership, and with it the tokens that the person has for the project."""
    project = get_project(caller, project_id)
    member = Membership.objects.filter(project=project, user__username=user_name).first()
    if member is None:
        raise NotFound(f"{user_name} is no member of {project.name}.")
    with transaction.atomic(durable=True):
        _good_tokens(member.user, project).update(revoked_at=timezone.now())
        member.delete()
    forget_callers()
    _log("member removed", caller, project, member=user_name)


def list_user_names() -> list[str]:
    """List those who can be made members, by name; a long list is cut."""
    users = User.objects.filter(is_active=True).order_by("username")
    return list(users.values_list("username", flat=True)[:1000])


def _good_tokens(user: User, project: Project) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user, project=project, revoked_at=None)


def _log(message: str, caller: Caller, project: Project, **facts: str) -> None:
    logger.info(message, extra={"user": caller.name, "project_id": str(project.pk), **facts})
