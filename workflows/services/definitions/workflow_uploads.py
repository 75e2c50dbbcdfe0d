"""Uploads of workflows: each text becomes a revision; a document is stored whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.errors import Conflict, NotFound, Problem, RequestInvalid
from workflows.language.parser import describe_input, describe_interface, parse_workflows
from workflows.language.specs import WorkflowSpec
from workflows.models import Scope, WorkflowDefinition, WorkflowRevision
from workflows.services.definitions.definitions import find_workflow, get_revision, get_workflow
from workflows.services.definitions.permitted import require_allowed_definitions
from workflows.services.definitions.review import StoredNames, review_workflows
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_length, check_owner, check_scope
from workflows.services.triggers.cron_triggers import check_no_triggers
from workflows.services.triggers.event_triggers import check_no_event_triggers

TITLE: Final = "WorkflowDefinition"

_CHANGED: Final = (
    "name", "namespace", "scope", "tags", "workbook_name", "revision", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorkflowText:
    """One workflow to store: under which name, from which text."""

    name: str
    spec: WorkflowSpec
    text: str
    checksum: str | None
    workbook_name: str = ""


def create_workflows(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> list[WorkflowDefinition]:
    """Store all workflows of a document as new ones of the caller's project."""
    check_scope(caller, scope, "workflows")
    check_length("namespace", namespace)
    uploads = read_workflows(text)
    now = timezone.now()
    with transaction.atomic(durable=True):
        return [
            insert_workflow(
                WorkflowDefinition(
                    project_id=caller.project_id,
                    name=upload.name,
                    namespace=namespace,
                    scope=scope,
                    created_at=now,
                ),
                upload,
                caller,
            )
            for upload in uploads
        ]


def update_workflows(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> list[WorkflowDefinition]:
    """Give all workflows of a document, found by name, a new revision."""
    check_scope(caller, scope, "workflows")
    uploads = read_workflows(text)
    now = timezone.now()
    with transaction.atomic(durable=True):
        found = [get_workflow(caller, upload.name, namespace) for upload in uploads]
        locked = _lock(caller, found)
        return [
            add_revision(workflow, upload, caller, scope=scope, now=now)
            for workflow, upload in zip(locked, uploads, strict=True)
        ]


def update_workflow(
    *,
    caller: Caller,
    identifier: str,
    text: str,
    namespace: str = "",
    scope: str = Scope.PRIVATE,
    comment: str = "",
    base_number: int | None = None,
) -> WorkflowDefinition:
    """Give one workflow a new revision, perhaps a new name.

    A namespace that is given moves the workflow; without one it stays where it is. `base_number`
    is the revision that the text was made from: Conflict if it is not the newest any more.
    """
    check_scope(caller, scope, "workflows")
    check_length("namespace", namespace)
    uploads = read_workflows(text)
    if len(uploads) > 1:
        raise RequestInvalid(
            "More than one workflows are not supported for update with identifier. "
            f"[identifier: {identifier}]"
        )
    with transaction.atomic(durable=True):
        workflow = _lock(caller, [get_workflow(caller, identifier, namespace)])[0]
        _check_base(workflow, base_number)
        if namespace and namespace != workflow.namespace:
            _move(workflow, namespace)
        return add_revision(
            workflow, uploads[0], caller, scope=scope, now=timezone.now(), comment=comment
        )


def restore_revision(*, caller: Caller, identifier: str, number: int) -> WorkflowDefinition:
    """Make the text of an earlier revision the newest one again, as a revision of its own."""
    workflow = get_workflow(caller, identifier, "")
    return update_workflow(
        caller=caller,
        identifier=str(workflow.pk),
        text=get_revision(workflow, number).text,
        scope=workflow.scope,
        comment=f"Restored revision {number}",
    )


def delete_workflow(*, caller: Caller, identifier: str, namespace: str = "") -> None:
    """Delete a workflow; its executions keep the revisions they run."""
    with transaction.atomic(durable=True):
        workflow = _lock(caller, [get_workflow(caller, identifier, namespace)])[0]
        check_no_triggers(workflow, identifier, namespace)
        check_no_event_triggers(workflow, identifier, namespace)
        workflow.delete()


def insert_workflow(
    workflow: WorkflowDefinition, upload: WorkflowText, caller: Caller
) -> WorkflowDefinition:
    """Store a new workflow with its first revision; Conflict if the name is taken."""
    _describe(workflow, upload)
    workflow.revision = _revision(workflow, upload, caller, 1, workflow.created_at)
    try:
        with transaction.atomic():
            workflow.save(force_insert=True)
    except IntegrityError as error:
        raise _duplicate(workflow) from error
    workflow.revision.save(force_insert=True)
    return workflow


def add_revision(
    workflow: WorkflowDefinition,
    upload: WorkflowText,
    caller: Caller,
    *,
    scope: str,
    now: datetime,
    comment: str = "",
) -> WorkflowDefinition:
    """Store a new text of a workflow whose row the caller of this function has locked.

    What is the same in everything is left as it is, without a revision and a new time.
    """
    if _is_same(workflow, upload, scope):
        return workflow
    number = workflow.revision.number + 1 if workflow.revision is not None else 1
    _describe(workflow, upload)
    workflow.scope = scope
    workflow.updated_at = now
    workflow.revision = _revision(workflow, upload, caller, number, now)
    workflow.revision.comment = comment
    workflow.revision.save(force_insert=True)
    try:
        with transaction.atomic():
            workflow.save(update_fields=_CHANGED)
    except IntegrityError as error:
        raise _duplicate(workflow) from error
    return workflow


def review_upload(caller: Caller, text: str, namespace: str) -> tuple[Problem, ...]:
    """Give the doubts about a text of workflows that was accepted."""
    document = parse_workflows(text)
    names = StoredNames(caller.project_id, namespace, document.workflows, {})
    return document.warnings + review_workflows(document.workflows.values(), names)


def lock_workflow(caller: Caller, name: str, namespace: str) -> WorkflowDefinition | None:
    """Lock the caller's own workflow of this name; None if there is none."""
    workflow = find_workflow(name_or_id=name, namespace=namespace, project_id=caller.project_id)
    if workflow is None or workflow.project_id != caller.project_id:
        return None
    return _lock(caller, [workflow])[0]


def checksum(text: str) -> str:
    """Return the MD5 that the API shows, which tells texts apart and protects nothing."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def check_name(name: str) -> None:
    """Refuse a name that clients could not put into a path or the tables not hold."""
    if " " in name:
        raise RequestInvalid(f"Name '{name}' must not contain spaces")
    check_length("name", name)


def read_workflows(text: str) -> list[WorkflowText]:
    """Split a document into the workflows to store; raises what makes it no document."""
    document = parse_workflows(text)
    require_allowed_definitions(document.workflows.values())
    for name in document.workflows:
        check_name(name)
    return [
        WorkflowText(
            name=name,
            spec=spec,
            text=document.texts[name],
            checksum=checksum(document.texts[name]),
        )
        for name, spec in document.workflows.items()
    ]


def _lock(caller: Caller, workflows: Sequence[WorkflowDefinition]) -> list[WorkflowDefinition]:
    """Lock the rows in the order of their ids, and refuse those the caller may not change."""
    rows = (
        WorkflowDefinition.objects.select_for_update(of=("self",))
        .select_related("revision")
        .defer("revision__text", "revision__spec", "revision__interface")
        .filter(pk__in=[workflow.pk for workflow in workflows])
        .order_by("pk")
    )
    locked = {row.pk: row for row in rows}
    for workflow in workflows:
        if workflow.pk not in locked:
            raise NotFound(
                f"Workflow not found [workflow_identifier={workflow.name}, "
                f"namespace={workflow.namespace}]"
            )
        if workflow.is_system:
            raise RequestInvalid(f"Can not modify a system workflow: {workflow.name}")
        check_owner(caller, workflow, TITLE)
    return [locked[workflow.pk] for workflow in workflows]


def _check_base(workflow: WorkflowDefinition, base_number: int | None) -> None:
    newest = workflow.revision.number if workflow.revision is not None else 0
    if base_number not in (None, newest):
        raise Conflict(f"Meanwhile somebody has stored revision {newest}.")


def _move(workflow: WorkflowDefinition, namespace: str) -> None:
    workflow.namespace, workflow.updated_at = namespace, timezone.now()
    try:
        with transaction.atomic():
            workflow.save(update_fields=["namespace", "updated_at"])
    except IntegrityError as error:
        raise _duplicate(workflow) from error


def _is_same(workflow: WorkflowDefinition, upload: WorkflowText, scope: str) -> bool:
    stored = workflow.revision
    return (
        stored is not None
        and (workflow.name, workflow.scope) == (upload.name, scope)
        and (stored.spec_name, stored.text) == (upload.spec.name, upload.text)
        and workflow.workbook_name == (upload.workbook_name or workflow.workbook_name)
    )


def _describe(workflow: WorkflowDefinition, upload: WorkflowText) -> None:
    workflow.name = upload.name
    workflow.tags = list(upload.spec.tags)
    workflow.workbook_name = upload.workbook_name or workflow.workbook_name


def _revision(
    workflow: WorkflowDefinition,
    upload: WorkflowText,
    caller: Caller,
    number: int,
    now: datetime,
) -> WorkflowRevision:
    return WorkflowRevision(
        workflow=workflow,
        number=number,
        name=upload.name,
        spec_name=upload.spec.name,
        workbook_name=workflow.workbook_name,
        text=upload.text,
        spec=upload.spec.raw,
        input_summary=describe_input(upload.spec.input),
        interface=describe_interface(upload.spec),
        checksum=upload.checksum,
        author_id=caller.user_id,
        created_at=now,
    )


def _duplicate(workflow: WorkflowDefinition) -> Conflict:
    return Conflict(
        f"Duplicate entry for {TITLE} ['name', 'namespace', 'project_id']: "
        f"{workflow.name}, {workflow.namespace}, {workflow.project_id}"
    )
