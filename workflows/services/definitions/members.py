"""Sharing: which other projects may read and run a private workflow."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.models import MemberStatus, Scope, WorkflowMember
from workflows.services.definitions.definitions import get_workflow
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_owner, is_owner

ANSWERS: Final = tuple(MemberStatus.values)


def is_sharing_on() -> bool:
    """Tell whether there are projects to share with: without logins everybody is the same one."""
    return not settings.LEVANTE_NO_AUTH


def require_sharing() -> None:
    """Refuse all of this on a server where everybody is the same project."""
    if not is_sharing_on():
        raise RequestInvalid(
            "Resource sharing feature can only be supported with authentication enabled."
        )


def visible_members(caller: Caller, workflow_id: UUID) -> QuerySet[WorkflowMember]:
    """The members of a workflow that its owner sees: all; that a member sees: itself."""
    if caller.is_admin:
        return WorkflowMember.objects.filter(workflow_id=workflow_id)
    concerned = Q(workflow__project_id=caller.project_id) | Q(member_id=caller.project_id)
    return WorkflowMember.objects.filter(concerned, workflow_id=workflow_id)


def get_member(caller: Caller, workflow_id: UUID, member_id: UUID) -> WorkflowMember:
    """Return one member relation that the caller's project takes part in; raises NotFound."""
    found = visible_members(caller, workflow_id).filter(member_id=member_id)
    member = found.select_related("workflow").first()
    if member is None:
        raise _unknown(workflow_id, member_id)
    return member


def add_member(*, caller: Caller, workflow_id: UUID, member_id: UUID) -> WorkflowMember:
    """Offer a private workflow to another project, which has to accept."""
    workflow = get_workflow(caller, str(workflow_id), "")
    check_owner(caller, workflow, "WorkflowDefinition")
    if workflow.scope != Scope.PRIVATE:
        raise RequestInvalid("Only private resource could be shared.")
    member = WorkflowMember(workflow=workflow, member_id=member_id, created_at=timezone.now())
    try:
        with transaction.atomic():
            member.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            "Duplicate entry for ResourceMember ['resource_id', 'resource_type', 'member_id']:"
            f" {workflow_id}, workflow, {member_id}"
        ) from error
    return member


def answer_member(
    *, caller: Caller, workflow_id: UUID, member_id: UUID, status: str
) -> WorkflowMember:
    """Accept or reject a workflow that was offered to the caller's project."""
    if status not in ANSWERS:
        raise RequestInvalid(f"Status must be one of the following: {list(ANSWERS)}")
    if member_id != caller.project_id:
        raise _unknown(workflow_id, member_id)
    member = get_member(caller, workflow_id, member_id)
    member.status, member.updated_at = status, timezone.now()
    member.save(update_fields=["status", "updated_at"])
    return member


def remove_member(*, caller: Caller, workflow_id: UUID, member_id: UUID) -> None:
    """End the access of a project; only the owner can, and an administrator."""
    member = get_member(caller, workflow_id, member_id)
    if not is_owner(caller, member.workflow):
        raise _unknown(workflow_id, member_id)
    member.delete()


def _unknown(workflow_id: UUID, member_id: UUID) -> NotFound:
    return NotFound(f"Resource member not found [resource_id={workflow_id}, member_id={member_id}]")
