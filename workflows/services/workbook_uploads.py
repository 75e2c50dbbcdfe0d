"""Uploads of workbooks: the text itself, and its members as definitions named BOOK.MEMBER."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import yaml
from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.errors import Conflict, NotFound
from workflows.jsontypes import JSONObject
from workflows.language.parser import parse_workbook
from workflows.language.specs import AdhocActionSpec, Position, WorkbookSpec, WorkflowSpec
from workflows.models import ActionDefinition, Scope, WorkbookDefinition, WorkflowDefinition
from workflows.services.action_uploads import insert_action, lock_action, replace_action
from workflows.services.definitions import get_workbook
from workflows.services.identity import Caller
from workflows.services.ownership import check_length, check_owner, check_scope
from workflows.services.workflow_uploads import (
    WorkflowText,
    add_revision,
    check_name,
    insert_workflow,
    lock_workflow,
)

TITLE: Final = "WorkbookDefinition"


def create_workbook(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> WorkbookDefinition:
    """Store a new workbook, and create or update its members."""
    check_scope(caller, scope)
    check_length("namespace", namespace)
    spec = _read(text)
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
        _store_members(workbook, spec, caller, workbook.created_at)
    return workbook


def update_workbook(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> WorkbookDefinition:
    """Replace the text of a workbook, and create or update its members.

    Members that the new text no longer has stay.
    """
    check_scope(caller, scope)
    spec = _read(text)
    now = timezone.now()
    with transaction.atomic(durable=True):
        workbook = _lock(caller, spec.name, namespace)
        workbook.text = text
        workbook.tags = list(spec.tags)
        workbook.scope = scope
        workbook.updated_at = now
        workbook.save(update_fields=["text", "tags", "scope", "updated_at"])
        _store_members(workbook, spec, caller, now)
    return workbook


def delete_workbook(*, caller: Caller, name: str, namespace: str = "") -> None:
    """Delete the workbook alone; its workflows and actions stay."""
    with transaction.atomic(durable=True):
        _lock(caller, name, namespace).delete()


def _read(text: str) -> WorkbookSpec:
    spec = parse_workbook(text)
    check_name(spec.name)
    return spec


def _lock(caller: Caller, name: str, namespace: str) -> WorkbookDefinition:
    found = get_workbook(caller, name, namespace)
    check_owner(caller, found, TITLE)
    locked = WorkbookDefinition.objects.select_for_update().filter(pk=found.pk).first()
    if locked is None:
        raise NotFound(f"Workbook not found [name={name}, namespace={namespace}]")
    return locked


def _store_members(
    workbook: WorkbookDefinition, spec: WorkbookSpec, caller: Caller, now: datetime
) -> None:
    """Create or update the members in the workbook's own project, whoever updates it."""
    owner = replace(caller, project_id=workbook.project_id)
    for name, action in sorted(spec.actions.items()):
        _store_action(workbook, f"{spec.name}.{name}", action, owner, now)
    for name, workflow in sorted(spec.workflows.items()):
        _store_workflow(workbook, f"{spec.name}.{name}", workflow, owner, now)


def _store_action(
    workbook: WorkbookDefinition, name: str, spec: AdhocActionSpec, owner: Caller, now: datetime
) -> None:
    text = cut_member(workbook.text, spec.name, spec.position, spec.raw)
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
    workbook: WorkbookDefinition, name: str, spec: WorkflowSpec, owner: Caller, now: datetime
) -> None:
    check_name(name)
    upload = WorkflowText(
        name=name,
        spec=spec,
        text=cut_member(workbook.text, spec.name, spec.position, spec.raw),
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


def cut_member(text: str, name: str, position: Position | None, raw: JSONObject) -> str:
    """Return the lines of a workbook that define one member, moved to the left margin.

    A member that does not stand on lines of its own is written anew from its data.
    """
    lines = text.splitlines()
    first = position.line - 1 if position is not None else 0
    while first >= 0 and not _opens(lines[first], name):
        first -= 1
    if first < 0:
        written: str = yaml.safe_dump({name: raw}, sort_keys=False, allow_unicode=True)
        return written
    margin = _indentation(lines[first])
    last = first + 1
    while last < len(lines) and (not lines[last].strip() or _indentation(lines[last]) > margin):
        last += 1
    return "\n".join(line[margin:] for line in lines[first:last]).rstrip() + "\n"


def _opens(line: str, name: str) -> bool:
    key, colon, rest = line.strip().partition(":")
    return bool(colon) and key.strip("'\" ") == name and not rest.lstrip().startswith("{")


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
