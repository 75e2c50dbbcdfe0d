"""What pages show about event triggers: which there are, and the last events of one."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from workflows.models import EventTrigger, TriggerEvent, WorkflowDefinition
from workflows.services.identity.identity import Caller


def list_event_triggers(caller: Caller) -> list[EventTrigger]:
    """List the triggers that the caller's project sees, by name and place."""
    rows = EventTrigger.objects.visible_to(caller.project_id)
    return list(rows.order_by("name", "exchange", "topic", "event", "pk"))


def list_events(trigger_id: UUID) -> QuerySet[TriggerEvent]:
    """The events that a trigger has seen, newest first."""
    return TriggerEvent.objects.filter(trigger_id=trigger_id).order_by("-id")


def workflow_names(triggers: Iterable[EventTrigger]) -> dict[UUID, str]:
    """Give the names of the workflows that triggers start."""
    ids = {trigger.workflow_id for trigger in triggers}
    return dict(WorkflowDefinition.objects.filter(pk__in=ids).values_list("pk", "name"))
