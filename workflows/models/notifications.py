"""What is told to receivers outside: how far the history has been read, and each delivery."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from workflows.models.base import PayloadField
from workflows.models.executions import WorkflowExecution


class NotificationCursor(models.Model):
    """How far the history has been read: one row.

    Events may be committed in another order than they are numbered. After a gap in the numbers
    `ahead_id` is how far one could see, and `barrier` the transaction by whose end the gap is
    filled or stays.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    last_id = models.BigIntegerField()
    ahead_id = models.BigIntegerField(null=True)
    barrier = models.BigIntegerField(null=True)

    class Meta:
        db_table = "notification_cursor"

    def __str__(self) -> str:
        return str(self.last_id)


class DeliveryState(models.TextChoices):
    """How far a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


class NotificationDelivery(models.Model):
    """One event for one receiver.

    The receiver is the entry `position` of the execution's `notify`, or of the setting
    LEVANTE_NOTIFY if `is_global`; what is secret about it is only there. `receiver` is what may
    be shown. A process that is at it has until `claimed_until`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event_id = models.BigIntegerField()
    event = models.CharField(max_length=32)
    execution = models.ForeignKey(WorkflowExecution, models.CASCADE, related_name="notifications")
    is_global = models.BooleanField(default=False)
    position = models.PositiveIntegerField()
    receiver = models.CharField(max_length=255)
    body = PayloadField()
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    next_try_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notification_deliveries"
        constraints = [
            # Each event once for a receiver, however often the history is read.
            models.UniqueConstraint(
                fields=["event_id", "is_global", "position"], name="notification_deliveries_once"
            ),
        ]
        indexes = [
            # What is due: read once a second.
            models.Index(
                fields=["next_try_at"],
                name="notification_deliveries_due",
                condition=Q(state="waiting"),
            ),
            # What is old enough to go.
            models.Index(fields=["ended_at"], name="notification_deliveries_old"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.receiver}: {self.state}"
