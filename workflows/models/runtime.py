"""What keeps runs alive: timers, the beats of processes, the broker's mark, the history."""

from __future__ import annotations

import uuid

from django.db import models

from workflows.models.base import PayloadField
from workflows.models.executions import TaskExecution, WorkflowExecution


class TimerKind(models.TextChoices):
    """What happens when a timer is due."""

    WAIT_BEFORE = "wait-before"
    WAIT_AFTER = "wait-after"
    RETRY = "retry"
    TIMEOUT = "timeout"


class Timer(models.Model):
    """Something to do for a task at a time; fired by the advance of its execution."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(WorkflowExecution, models.CASCADE, related_name="timers")
    task = models.ForeignKey(TaskExecution, models.CASCADE, related_name="timers", db_index=False)
    kind = models.CharField(max_length=16, choices=TimerKind)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "timers"
        constraints = [
            models.UniqueConstraint(fields=["task", "kind"], name="timers_one_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.due_at}"


class WorkerProcess(models.Model):
    """One process that runs jobs. It raises `beat` and names the attempts it is working on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    queues = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    beat = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField()
    tokens = PayloadField(default=list)

    class Meta:
        db_table = "worker_processes"

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class CeleryRun(models.Model):
    """A Celery task of other code that was sent for an action and whose end is not known yet.

    The id is the token of the attempt and the id of the Celery task. The row outlives the action,
    so that a task is revoked even when its execution was deleted.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    action_id = models.UUIDField()
    looks = models.PositiveIntegerField(default=0)
    look_at = models.DateTimeField(db_index=True)
    given_up_at = models.DateTimeField()

    class Meta:
        db_table = "celery_runs"

    def __str__(self) -> str:
        return str(self.id)


class BrokerMark(models.Model):
    """The random value last seen in the broker; another one there means that it lost its data."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    value = models.CharField(max_length=64)

    class Meta:
        db_table = "broker_mark"

    def __str__(self) -> str:
        return self.value


class ServiceStatus(models.TextChoices):
    """Whether work goes on: RUNNING, or the two steps of maintenance."""

    RUNNING = "RUNNING"
    PAUSING = "PAUSING"  # nothing starts; what was at work comes to its end
    PAUSED = "PAUSED"  # nothing is at work


class Maintenance(models.Model):
    """The one row that says whether the whole service works; `service_status` has its lock."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    status = models.CharField(max_length=16, choices=ServiceStatus, default=ServiceStatus.RUNNING)
    changed_at = models.DateTimeField()
    actor = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        db_table = "maintenance"

    def __str__(self) -> str:
        return self.status


class QueueProbe(models.Model):
    """The last probe of one queue: a message that says nothing, and when a worker took it."""

    name = models.CharField(primary_key=True, max_length=255)
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "queue_probes"

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """How often something has happened since the database was made, for the metrics."""

    name = models.CharField(primary_key=True, max_length=64)
    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "tallies"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class HistoryEvent(models.Model):
    """One change of state, append-only. `actor` is empty for the engine itself."""

    id = models.BigAutoField(primary_key=True)
    # No constraint in the database, which would cost a look-up for each event: who writes one holds
    # the execution or its action, which the deletion of the execution takes first.
    execution = models.ForeignKey(
        WorkflowExecution,
        models.CASCADE,
        related_name="history",
        db_index=False,
        db_constraint=False,
    )
    task_id = models.UUIDField(null=True)
    action_id = models.UUIDField(null=True)
    name = models.CharField(max_length=255)
    state_from = models.CharField(max_length=16, blank=True, default="")
    state_to = models.CharField(max_length=16)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=255, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "history_events"
        indexes = [
            # The events of an execution behind a sequence number, or the last ones.
            models.Index(fields=["execution", "id"], name="history_by_execution"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.state_from} -> {self.state_to}"
