"""Uploads of workbooks: the text itself, and its members as definitions named BOOK.MEMBER."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.errors import Conflict, NotFound
from workflows.language.parser import WorkbookDocument, parse_workbook
from workflows.language.specs import AdhocActionSpec, WorkflowSpec
from workflows.models import ActionDefinition, Scope, WorkbookDefinition, WorkflowDefinition
from workflows.services.definitions.action_uploads import insert_action, lock_action, replace_action
from workflows.services.definitions.definitions import get_workbook
from workflows.services.definitions.permitted import require_allowed_definitions
from workflows.services.definitions.workflow_uploads import (
    WorkflowText,
    add_revision,
    check_name,
    insert_workflow,
    lock_workflow,
)
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_length, check_owner, check_scope

TITLE: Final = "WorkbookDefinition"


def create_workbook(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> WorkbookDefinition:
    """Store a new workbook, and create or update its members."""
    check_scope(caller, scope, "workbooks")
    check_length("namespace", namespace)
    document = _read(text)
    spec = document.workbook
    workbook = WorkbookDefinition(
        project_id=caller.project_id,
        name=spec.name,
        namespace=namespace,
        scope=scope,
        tags=list(spec.tags),
        text=text,
        created_at=timezone.now(),
    )
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                workbook.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(
                f"Duplicate entry for {TITLE} ['name', 'namespace', 'project_id']: "
                f"{spec.name}, {namespace}, {caller.project_id}"
            ) from error
        _store_members(workbook, document, caller, workbook.created_at)
    return workbook


def update_workbook(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> WorkbookDefinition:
    """Replace the text of a workbook, and create or update its members.

    Members that the new text no longer has stay. What is the same in everything keeps its time.
    """
    check_scope(caller, scope, "workbooks")
    document = _read(text)
    spec = document.workbook
    now = timezone.now()
    with transaction.atomic(durable=True):
        workbook = _lock(caller, spec.name, namespace)
        if (workbook.text, workbook.scope) != (text, scope):
            workbook.text = text
            workbook.tags = list(spec.tags)
            workbook.scope = scope
            workbook.updated_at = now
            workbook.save(update_fields=["text", "tags", "scope", "updated_at"])
        _store_members(workbook, document, caller, now)
    return workbook


def delete_workbook(*, caller: Caller, name: str, namespace: str = "") -> None:
    """Delete the workbook alone; its workflows and actions stay."""
    with transaction.atomic(durable=True):
        _lock(caller, name, namespace).delete()


def _read(text: str) -> WorkbookDocument:
    document = parse_workbook(text)
    book = document.workbook
    require_allowed_definitions(book.workflows.values(), book.actions.values())
    check_name(document.workbook.name)
    return document


def _lock(caller: Caller, name: str, namespace: str) -> WorkbookDefinition:
    found = get_workbook(caller, name, namespace)
    check_owner(caller, found, TITLE)
    locked = WorkbookDefinition.objects.select_for_update().filter(pk=found.pk).first()
    if locked is None:
        raise NotFound(f"Workbook not found [name={name}, namespace={namespace}]")
    return locked


def _store_members(
    workbook: WorkbookDefinition, document: WorkbookDocument, caller: Caller, now: datetime
) -> None:
    """Create or update the members in the workbook's own project, whoever updates it."""
    owner = replace(caller, project_id=workbook.project_id)
    spec = document.workbook
    for name, action in sorted(spec.actions.items()):
        text = document.action_texts[name]
        _store_action(workbook, f"{spec.name}.{name}", action, text, owner, now)
    for name, workflow in sorted(spec.workflows.items()):
        text = document.workflow_texts[name]
        _store_workflow(workbook, f"{spec.name}.{name}", workflow, text, owner, now)


def _store_action(
    workbook: WorkbookDefinition,
    name: str,
    spec: AdhocActionSpec,
    text: str,
    owner: Caller,
    now: datetime,
) -> None:
    action = lock_action(owner, name, workbook.namespace)
    if action is not None:
        replace_action(action, spec, name, text, scope=workbook.scope, now=now)
        return
    action = ActionDefinition(
        project_id=owner.project_id,
        namespace=workbook.namespace,
        scope=workbook.scope,
        created_at=now,
    )
    insert_action(action, spec, name, text)


def _store_workflow(
    workbook: WorkbookDefinition,
    name: str,
    spec: WorkflowSpec,
    text: str,
    owner: Caller,
    now: datetime,
) -> None:
    check_name(name)
    upload = WorkflowText(
        name=name,
        spec=spec,
        text=text,
        checksum=None,
        workbook_name=workbook.name,
    )
    workflow = lock_workflow(owner, name, workbook.namespace)
    if workflow is not None:
        add_revision(workflow, upload, owner, scope=workbook.scope, now=now)
        return
    workflow = WorkflowDefinition(
        project_id=owner.project_id,
        namespace=workbook.namespace,
        scope=workbook.scope,
        created_at=now,
    )
    insert_workflow(workflow, upload, owner)
