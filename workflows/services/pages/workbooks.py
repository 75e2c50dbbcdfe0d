"""Workbooks as pages show them, with the definitions that were made of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from workflows.errors import NotFound
from workflows.models import ActionDefinition, WorkbookDefinition, WorkflowDefinition
from workflows.services.identity.identity import Caller

# Rows of a page.
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class WorkbookMembers:
    """What was made of a workbook; members that its text no longer has are among them."""

    workflows: list[WorkflowDefinition]
    actions: list[ActionDefinition]


def list_workbooks(caller: Caller) -> list[WorkbookDefinition]:
    """List the workbooks that the caller sees, by name, without their texts."""
    visible = WorkbookDefinition.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    rows = visible.select_related("project").defer("text")
    return list(rows.order_by("name", "namespace", "pk")[:_MOST])


def get_workbook_of_id(caller: Caller, workbook_id: UUID) -> WorkbookDefinition:
    """Return a workbook that the caller sees; raises NotFound."""
    visible = WorkbookDefinition.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    found = visible.select_related("project").filter(pk=workbook_id).first()
    if found is None:
        raise NotFound(f"Workbook not found [id={workbook_id}]")
    return found


def list_members(workbook: WorkbookDefinition) -> WorkbookMembers:
    """List the workflows and actions named BOOK.MEMBER of the workbook's project, by name."""
    owned = {"project_id": workbook.project_id, "namespace": workbook.namespace}
    workflows = WorkflowDefinition.objects.filter(**owned, workbook_name=workbook.name)
    actions = ActionDefinition.objects.filter(**owned, name__startswith=f"{workbook.name}.")
    return WorkbookMembers(
        list(workflows.only("name").order_by("name")[:_MOST]),
        list(actions.only("name").order_by("name")[:_MOST]),
    )
