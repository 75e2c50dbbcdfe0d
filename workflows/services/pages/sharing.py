"""With whom a workflow is shared and what is offered to a project, with names for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from workflows.errors import NotFound
from workflows.models import MemberStatus, Project, WorkflowDefinition, WorkflowMember
from workflows.services.definitions.members import visible_members
from workflows.services.identity.identity import SYSTEM_PROJECT_ID, Caller
from workflows.services.identity.ownership import parse_id

# Rows of a page; a workflow for more projects than this is rather made public.
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Share:
    """A project that a workflow was offered to; a project that is not known here has its id."""

    member: WorkflowMember
    project: str


def list_shares(caller: Caller, workflow: WorkflowDefinition) -> list[Share]:
    """List the members of a workflow that the caller may know of, the oldest first."""
    rows = list(visible_members(caller, workflow.pk).order_by("created_at", "pk")[:_MOST])
    names = project_names(row.member_id for row in rows)
    return [Share(row, names.get(row.member_id, str(row.member_id))) for row in rows]


def list_offers(caller: Caller) -> list[WorkflowMember]:
    """List what other projects have offered to the caller's one, the unanswered and new first."""
    rows = WorkflowMember.objects.filter(member_id=caller.project_id)
    found = rows.select_related("workflow__project").order_by("-created_at", "pk")[:_MOST]
    return sorted(found, key=lambda row: row.status != MemberStatus.PENDING)


def count_unanswered(caller: Caller) -> int:
    rows = WorkflowMember.objects.filter(member_id=caller.project_id, status=MemberStatus.PENDING)
    return rows.count()


def find_project_id(text: str) -> UUID:
    """Return the project of a name, or the id that the text is: one not known here may come later.

    Raises NotFound for a name that no project has.
    """
    projects = Project.objects.exclude(pk=SYSTEM_PROJECT_ID).filter(name=text)
    found = projects.values_list("pk", flat=True).first() or parse_id(text)
    if found is None:
        raise NotFound(f"There is no project named '{text}'.")
    return found


def project_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    return dict(Project.objects.filter(pk__in=set(ids)).values_list("pk", "name"))
