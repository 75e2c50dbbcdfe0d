"""What starts workflows on events from outside, and the last events of each."""

from __future__ import annotations

import uuid

from django.db import models

from workflows.models.base import PayloadField, Scope
from workflows.models.definitions import OwnedQuerySet
from workflows.models.projects import Project


class EventTriggerQuerySet(OwnedQuerySet["EventTrigger"]):
    """The event triggers of projects."""

    def of_channel(self, exchange: str, topic: str) -> EventTriggerQuerySet:
        """Those that listen there, in the order in which they were made."""
        return self.filter(exchange=exchange, topic=topic).order_by("created_at", "pk")


class EventTrigger(models.Model):
    """Starts a workflow for each event of one type on an exchange and topic.

    `condition` is an expression over the event; empty means always. `event_input` is made from
    the event and laid over `input`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255, blank=True, default="")
    workflow_id = models.UUIDField()
    input = PayloadField(default=dict)
    params = PayloadField(default=dict)
    exchange = models.CharField(max_length=255)
    topic = models.CharField(max_length=255)
    event = models.CharField(max_length=255)
    condition = models.TextField(blank=True, default="")
    event_input = PayloadField(default=dict)
    is_paused = models.BooleanField(default=False)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.PRIVATE)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = EventTriggerQuerySet.as_manager()

    class Meta:
        db_table = "event_triggers"
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "topic", "event", "workflow_id", "project"],
                name="event_triggers_unique_content",
            ),
        ]
        indexes = [
            # Whether a workflow may be deleted.
            models.Index(fields=["workflow_id"], name="event_triggers_by_workflow"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.exchange}/{self.topic}/{self.event}"


class EventOutcome(models.TextChoices):
    """What a trigger did with an event."""

    STARTED = "started"
    NOT_MATCHED = "not matched"
    FAILED = "failed"  # the workflow could not be started, or the event not be read


class TriggerEvent(models.Model):
    """One event as one trigger has seen it.

    Inserted by the transaction that starts the execution, so an event that comes again starts
    nothing. `payload` is null when it is large.
    """

    id = models.BigAutoField(primary_key=True)
    trigger_id = models.UUIDField()
    message_id = models.CharField(max_length=255)
    event = models.CharField(max_length=255)
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=EventOutcome)
    reason = models.TextField(blank=True, default="")
    payload = PayloadField(null=True)
    execution_id = models.UUIDField(null=True)

    class Meta:
        db_table = "trigger_events"
        constraints = [
            # Each message once for a trigger, however often it is delivered.
            models.UniqueConstraint(
                fields=["trigger_id", "message_id"], name="trigger_events_once"
            ),
        ]
        indexes = [
            # The last events of a trigger.
            models.Index(fields=["trigger_id", "-id"], name="trigger_events_last"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.message_id}: {self.outcome}"
