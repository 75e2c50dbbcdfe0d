"""The jobs of triggers: starting what is due, and starting a workflow for a periodic task."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from workflows.services.executions.scheduled_start import start_scheduled as service
from workflows.services.triggers.cron_firing import drop_old_fires, fire_due_triggers
from workflows.services.triggers.event_intake import drop_old_events
from workflows.services.triggers.periodic_tasks import START_JOB, sync_periodic_tasks


@shared_task(name="workflows.fire_triggers", time_limit=60)
def fire_triggers() -> None:
    """Look for due triggers: a second way for when no `manage.py sweep` runs."""
    sync_periodic_tasks()
    fire_due_triggers()
    drop_old_fires()
    drop_old_events()


@shared_task(name=START_JOB, bind=True, acks_late=True)
def start_scheduled(self: Task[Any, Any], **arguments: Any) -> None:
    """Start a workflow at once: workflow (name or id), namespace, input, params, project, count.

    As the job of a periodic task it makes the task a trigger, and the trigger starts it.
    """
    service(self.request.id, arguments)
