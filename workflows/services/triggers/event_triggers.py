"""Event triggers as people handle them: make, change, pause, delete, look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.engine.new_execution import check_target_task, complete_input
from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.expressions.check import find_expression_problems
from workflows.expressions.evaluate import is_expression
from workflows.jsontypes import JSONObject
from workflows.models import EventTrigger, Scope, TriggerEvent, WorkflowDefinition
from workflows.services.definitions.definitions import get_workflow, load_spec
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_length, check_owner, check_scope
from workflows.services.triggers.notification_events import keep_secrets

TITLE: Final = "EventTrigger"
FIXED: Final = ("exchange", "topic", "event")
# What `update_event_trigger` changes.
CHANGEABLE: Final = frozenset({
    "name", "workflow_id", "input", "params", "scope", "condition", "event_input", "is_paused",
})  # fmt: skip


def get_event_trigger(caller: Caller, trigger_id: UUID) -> EventTrigger:
    """Return the trigger of this id, if the caller sees it; raises NotFound."""
    visible = EventTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    trigger = visible.filter(pk=trigger_id).first()
    if trigger is None:
        raise _unknown(trigger_id)
    return trigger


def create_event_trigger(
    *,
    caller: Caller,
    workflow_id: UUID,
    exchange: str,
    topic: str,
    event: str,
    name: str = "",
    input: JSONObject | None = None,
    params: JSONObject | None = None,
    condition: str = "",
    event_input: JSONObject | None = None,
    scope: str = Scope.PRIVATE,
) -> EventTrigger:
    """Store a new trigger of the caller's project."""
    check_scope(caller, scope, "event_triggers")
    trigger = EventTrigger(
        project_id=caller.project_id,
        name=name,
        workflow_id=workflow_id,
        input=input or {},
        params=params or {},
        exchange=exchange,
        topic=topic,
        event=event,
        condition=condition,
        event_input=event_input or {},
        scope=scope,
        created_at=timezone.now(),
    )
    for what in ("name", *FIXED):
        check_length(what, getattr(trigger, what))
    _check(caller, trigger)
    with transaction.atomic(durable=True):
        # Not while somebody deletes the workflow.
        if not WorkflowDefinition.objects.select_for_update(no_key=True).filter(pk=workflow_id):
            raise NotFound(f"Workflow not found [workflow_identifier={workflow_id}, namespace=]")
        _save(trigger, force_insert=True)
    return trigger


def update_event_trigger(
    *, caller: Caller, trigger_id: UUID, changes: Mapping[str, Any]
) -> EventTrigger:
    """Change attributes of `CHANGEABLE`; the others stay for as long as the trigger does."""
    if set(changes) - CHANGEABLE:
        raise RequestInvalid(f"Can not update fields {list(FIXED)} of event trigger.")
    with transaction.atomic(durable=True):
        trigger = _lock(caller, trigger_id)
        stored = trigger.params
        for name, value in changes.items():
            setattr(trigger, name, value)
        trigger.params = keep_secrets(trigger.params, stored)
        if "scope" in changes:
            check_scope(caller, trigger.scope, "event_triggers")
        check_length("name", trigger.name)
        _check(caller, trigger)
        trigger.updated_at = timezone.now()
        _save(trigger)
    return trigger


def delete_event_trigger(*, caller: Caller, trigger_id: UUID) -> None:
    """Delete a trigger with what it has seen."""
    with transaction.atomic(durable=True):
        trigger = _lock(caller, trigger_id)
        TriggerEvent.objects.filter(trigger_id=trigger.pk).delete()
        trigger.delete()


def check_no_event_triggers(workflow: WorkflowDefinition, identifier: str, namespace: str) -> None:
    """Refuse to delete a workflow that event triggers start. For whoever has locked its row."""
    ids = EventTrigger.objects.filter(workflow_id=workflow.pk).order_by("pk")
    if found := [str(pk) for pk in ids.values_list("pk", flat=True)]:
        raise RequestInvalid(
            "Can't delete workflow that has event triggers associated. "
            f"[workflow_identifier={identifier}, namespace={namespace}], "
            f"[event_trigger_id(s)={', '.join(found)}]"
        )


def _check(caller: Caller, trigger: EventTrigger) -> None:
    found = get_workflow(caller, str(trigger.workflow_id), "")
    assert found.revision is not None
    spec = load_spec(found.revision).spec
    # What the event brings is there only when it comes.
    from_event = dict.fromkeys(trigger.event_input)
    complete_input(spec, {**from_event, **trigger.input})
    check_target_task(spec, trigger.params)
    if trigger.condition and not is_expression(trigger.condition):
        raise RequestInvalid("The condition is no expression, such as <% $.payload.x = 1 %>.")
    if problems := find_expression_problems([trigger.condition, trigger.event_input]):
        raise RequestInvalid("; ".join(problems))


def _lock(caller: Caller, trigger_id: UUID) -> EventTrigger:
    found = get_event_trigger(caller, trigger_id)
    check_owner(caller, found, TITLE)
    trigger = EventTrigger.objects.select_for_update().filter(pk=trigger_id).first()
    if trigger is None:
        raise _unknown(trigger_id)
    return trigger


def _save(trigger: EventTrigger, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            trigger.save(force_insert=force_insert)
    except IntegrityError as error:
        raise Conflict(
            "Duplicate entry for event trigger ['exchange', 'topic', 'event', 'workflow_id', "
            f"'project_id']: {trigger.exchange}, {trigger.topic}, {trigger.event}, "
            f"{trigger.workflow_id}, {trigger.project_id}"
        ) from error


def _unknown(trigger_id: UUID) -> NotFound:
    return NotFound(f"Event trigger not found [id={trigger_id}]")
