"""What starts workflows by itself on a schedule, and the history of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from workflows.models.base import PayloadField, Scope
from workflows.models.definitions import OwnedQuerySet
from workflows.models.projects import Project


class CatchUp(models.TextChoices):
    """Which of the missed slots are run once somebody is there again."""

    NONE = "none"
    LAST = "last"
    ALL = "all"  # the newest ones, up to the trigger's limit


class Overlap(models.TextChoices):
    """What happens at a slot while the run of an earlier one is not over."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


class CronTriggerQuerySet(OwnedQuerySet["CronTrigger"]):
    """The triggers of projects."""


class CronTrigger(models.Model):
    """Starts a workflow at the slots of a pattern, of an interval, or once.

    `next_time` is the slot that comes next, null when there is none. `first_time` is the first
    slot, whether or not it fits the pattern. `remaining` counts down; null is without end.
    `periodic_task` shows the trigger among those of beat, where people may change it; `synced_at`
    is the version of it that the trigger knows. `is_adopted`: a person made the periodic task, and
    it stays when it is over. `fingerprint` is set where two triggers that say the same would be a
    mistake. `problem` says why the last start failed, or why there is no schedule.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    workflow_id = models.UUIDField(null=True)
    workflow_name = models.CharField(max_length=255)
    workflow_namespace = models.CharField(max_length=255, blank=True, default="")
    input = PayloadField(default=dict)
    params = PayloadField(default=dict)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.PRIVATE)
    pattern = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - on the wire
    interval_seconds = models.PositiveIntegerField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    first_time = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    remaining = models.PositiveIntegerField(null=True, blank=True)
    next_time = models.DateTimeField(null=True)
    is_paused = models.BooleanField(default=False)
    is_adopted = models.BooleanField(default=False)
    catch_up = models.CharField(max_length=8, choices=CatchUp, default=CatchUp.LAST)
    catch_up_limit = models.PositiveIntegerField(default=100)
    overlap = models.CharField(max_length=8, choices=Overlap, default=Overlap.ALLOW)
    problem = models.TextField(blank=True, default="")
    fingerprint = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null is not compared
    periodic_task = models.OneToOneField(
        "django_celery_beat.PeriodicTask", models.CASCADE, related_name="trigger"
    )
    synced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = CronTriggerQuerySet.as_manager()

    class Meta:
        db_table = "cron_triggers"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="cron_triggers_unique_name"),
            # The same in all respects under another name.
            models.UniqueConstraint(
                fields=["project", "fingerprint"], name="cron_triggers_unique_content"
            ),
        ]
        indexes = [
            # What is due: read once a second.
            models.Index(
                fields=["next_time"],
                name="cron_triggers_due",
                condition=Q(is_paused=False, next_time__isnull=False),
            ),
            # Whether a workflow may be deleted.
            models.Index(fields=["workflow_id"], name="cron_triggers_by_workflow"),
        ]

    def __str__(self) -> str:
        return self.name


class FireOutcome(models.TextChoices):
    """What became of a slot."""

    STARTED = "started"
    FAILED = "failed"  # the workflow could not be started
    SKIPPED = "skipped"
    WAITING = "waiting"  # for the end of the run before


class CronFire(models.Model):
    """One slot of a trigger, or several in a row that were skipped together.

    Inserted by the transaction that starts the execution, so a slot that is here is never run
    again. It outlives its trigger. `is_manual` marks a run that a person asked for.
    """

    id = models.BigAutoField(primary_key=True)
    trigger_id = models.UUIDField()
    trigger_name = models.CharField(max_length=255)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    slot = models.DateTimeField()
    fired_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=FireOutcome)
    reason = models.TextField(blank=True, default="")
    slots = models.PositiveIntegerField(default=1)
    is_manual = models.BooleanField(default=False)
    execution_id = models.UUIDField(null=True)

    class Meta:
        db_table = "cron_fires"
        constraints = [
            # Each slot once, whoever tries; also the history of a trigger, newest first.
            models.UniqueConstraint(fields=["trigger_id", "slot"], name="cron_fires_once"),
        ]
        indexes = [
            # What waits for the end of a run: read with what is due.
            models.Index(
                fields=["trigger_id", "slot"],
                name="cron_fires_waiting",
                condition=Q(outcome="waiting"),
            ),
            # What is old enough to go.
            models.Index(fields=["fired_at"], name="cron_fires_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_name} at {self.slot}: {self.outcome}"
