"""An incoming event and the triggers that listen to it: who starts a workflow, and who does not.

Called before the message is acknowledged. Each trigger has a transaction of its own, in which the
event becomes a row together with the execution, so a message that comes again starts only what it
has not started before.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from workflows.errors import InMaintenance, WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.models import (
    EventOutcome,
    EventTrigger,
    Scope,
    TriggerEvent,
    WorkflowExecution,
)
from workflows.models.base import dump_json
from workflows.models.event_triggers import EventTriggerQuerySet
from workflows.models.statements import execute, violated_constraint
from workflows.services.executions.executions import begin_execution, prepare_execution
from workflows.services.identity.ownership import parse_id
from workflows.services.operation.service_status import require_running
from workflows.services.triggers.event_definitions import evaluate_over, event_params
from workflows.services.triggers.incoming_events import IncomingEvent

logger = logging.getLogger(__name__)

# Characters of a payload that is kept with what a trigger has seen.
_KEPT_PAYLOAD: Final = 10_000
_LONGEST_ID: Final = 255  # characters
_ONCE: Final = "trigger_events_once"
# Of each trigger what is beyond its last events, by its own index.
_OLD_SQL: Final = """
    DELETE FROM trigger_events WHERE id IN (
        SELECT e.id FROM event_triggers t CROSS JOIN LATERAL (
            SELECT id, received_at FROM trigger_events
            WHERE trigger_id = t.id ORDER BY id DESC OFFSET %s) e
        WHERE e.received_at < clock_timestamp() - interval '1 hour' LIMIT %s)
"""
# The triggers that have events are found one after the other, without reading their events.
_GONE_SQL: Final = """
    WITH RECURSIVE seen(id) AS (
        (SELECT trigger_id FROM trigger_events ORDER BY trigger_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.trigger_id FROM trigger_events e WHERE e.trigger_id > s.id
                ORDER BY e.trigger_id LIMIT 1)
        FROM seen s WHERE s.id IS NOT NULL)
    DELETE FROM trigger_events WHERE id IN (
        SELECT e.id FROM seen s JOIN trigger_events e ON e.trigger_id = s.id
        WHERE NOT EXISTS (SELECT 1 FROM event_triggers t WHERE t.id = s.id) LIMIT %s)
"""

# When each trigger last noted an event of another type.
_noted: dict[UUID, float] = {}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one trigger did with an event."""

    trigger_id: UUID
    outcome: EventOutcome
    reason: str
    execution_id: UUID | None


def take_event(event: IncomingEvent) -> list[Seen]:
    """Give the event to all triggers that listen on its exchange and topic.

    Raises what the database raises, and InMaintenance; then the message has to come again.
    """
    return _take_all(EventTrigger.objects.of_channel(event.exchange, event.topic), event)


def take_event_of_project(event: IncomingEvent, project_id: UUID) -> list[Seen]:
    """Give an event that a project tells of to its triggers, and to the public ones of others.

    Its message id counts among those of the project alone: whatever it is, an event that another
    one tells of is not taken for the same.
    """
    triggers = EventTrigger.objects.of_channel(event.exchange, event.topic).visible_to(project_id)
    told = str(project_id)
    known = f"{event.message_id} {told}"
    if len(known) > _LONGEST_ID:
        known = f"{sha256(event.message_id.encode()).hexdigest()} {told}"
    return _take_all(triggers, replace(event, project=told), known)


def _take_all(
    triggers: EventTriggerQuerySet, event: IncomingEvent, message_id: str = ""
) -> list[Seen]:
    found = [
        _take(trigger, event, message_id or event.message_id)
        for trigger in triggers
        if not trigger.is_paused
    ]
    return [seen for seen in found if seen is not None]


def note_unreadable(exchange: str, topic: str, message_id: str, reason: str) -> None:
    """Write down for each trigger of the place that a message could not be read."""
    TriggerEvent.objects.bulk_create(
        [
            TriggerEvent(
                trigger_id=trigger.pk,
                message_id=_storable(message_id)[:_LONGEST_ID],
                event="",
                received_at=timezone.now(),
                outcome=EventOutcome.FAILED,
                reason=reason,
            )
            for trigger in EventTrigger.objects.of_channel(exchange, topic)
        ],
        ignore_conflicts=True,
    )


def _storable(text: str) -> str:
    """Replace what the database does not take: half characters and U+0000."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def drop_old_events() -> int:
    """Delete what is beyond the last events of each trigger, and all of triggers that are gone.

    An event stays for an hour at least, since it may be delivered again.
    """
    batch = settings.LEVANTE_SWEEP_BATCH
    return execute(_OLD_SQL, [settings.LEVANTE_EVENTS_KEPT, batch]) + execute(_GONE_SQL, [batch])


def _take(trigger: EventTrigger, event: IncomingEvent, message_id: str) -> Seen | None:
    """Decide for one trigger; None is an event that it has seen, or that is not worth a note."""
    if trigger.event != event.type and not _is_worth_a_note(trigger.pk):
        return None
    row = TriggerEvent(
        trigger_id=trigger.pk,
        message_id=message_id,
        event=event.type,
        received_at=timezone.now(),
        outcome=EventOutcome.NOT_MATCHED,
        payload=event.payload if len(dump_json(event.payload)) <= _KEPT_PAYLOAD else None,
    )
    try:
        with transaction.atomic(durable=True):
            require_running()
            _decide(trigger, event, row)
            row.save(force_insert=True)
    except IntegrityError as error:
        if violated_constraint(error) != _ONCE:
            raise
        logger.info("an event came again", extra={"trigger": str(trigger.pk)})
        return None
    return Seen(trigger.pk, EventOutcome(row.outcome), row.reason, row.execution_id)


def _decide(trigger: EventTrigger, event: IncomingEvent, row: TriggerEvent) -> None:
    """Fill in outcome and reason, and store the execution if there is one."""
    try:
        row.reason = _find_mismatch(trigger, event)
        if row.reason:
            return
        execution = _prepare(trigger, event)
    except InMaintenance:
        raise
    except WorkflowsError as error:
        row.outcome, row.reason = EventOutcome.FAILED, error.message
    except DatabaseError:
        raise
    except Exception:  # a border: whatever is wrong with this trigger, others have to be started
        logger.exception("an event trigger failed", extra={"trigger": str(trigger.pk)})
        row.outcome, row.reason = EventOutcome.FAILED, "Internal error. It has been logged."
    else:
        execution.save(force_insert=True)
        transaction.on_commit(partial(begin_execution, execution))
        row.outcome, row.execution_id = EventOutcome.STARTED, execution.pk


def _find_mismatch(trigger: EventTrigger, event: IncomingEvent) -> str:
    """Say why the trigger does not want the event; empty if it does."""
    if trigger.event != event.type:
        return f"The trigger waits for {trigger.event}."
    if not _is_for_project(trigger, event):
        return (
            f"The event belongs to the project {event.project}."
            if event.project
            else "The event says no project, and the trigger is not public."
        )
    if trigger.condition:
        value = evaluate_over(trigger.condition, event.as_data())
        if value is not True:
            return f"The condition gives {dump_json(value)[:100]}, not true."
    return ""


def _is_for_project(trigger: EventTrigger, event: IncomingEvent) -> bool:
    if trigger.scope == Scope.PUBLIC or settings.LEVANTE_NO_AUTH:
        return True
    if not event.project:
        return bool(settings.LEVANTE_EVENTS_WITHOUT_PROJECT)
    return parse_id(event.project) == trigger.project_id


def _prepare(trigger: EventTrigger, event: IncomingEvent) -> WorkflowExecution:
    made = evaluate_over(trigger.event_input, event.as_data())
    given: JSONObject = {**trigger.input, **(made if isinstance(made, dict) else {})}
    cause = {
        "description": f"Workflow execution created by event trigger '({trigger.pk})'.",
        "triggered_by": {"type": "event_trigger", "id": str(trigger.pk), "name": trigger.name},
    }
    return prepare_execution(
        project_id=trigger.project_id,
        workflow=str(trigger.workflow_id),
        input=given,
        params={**trigger.params, "event_params": event_params(event)},
        description=json.dumps(cause),
        actor=f"event trigger {trigger}"[:255],
    )


def _is_worth_a_note(trigger_id: UUID) -> bool:
    """Note events of other types now and then: there may be thousands a second."""
    now = time.monotonic()
    if now < _noted.get(trigger_id, 0.0) + settings.LEVANTE_EVENT_NOTE_SECONDS:
        return False
    _noted[trigger_id] = now
    return True
