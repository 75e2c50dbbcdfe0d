"""The jobs by which workers of other code say how the Celery tasks ended that actions sent them.

These are the only messages that bring a value: those workers know nothing of our tables. The token
is that of one attempt, so a message that comes twice, late or from nowhere changes nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from workflows.actions import celery_task
from workflows.services.running import celery_runs


@shared_task(name=celery_task.SUCCEEDED, acks_late=True, reject_on_worker_lost=True, time_limit=60)
def celery_succeeded(result: Any, *, action_id: str, token: str) -> None:
    """Take over the result of a Celery task."""
    celery_runs.take_result(UUID(action_id), UUID(token), result)


# By keyword alone, so that Celery sends it as a message and does not call it where the task failed.
@shared_task(name=celery_task.FAILED, acks_late=True, reject_on_worker_lost=True, time_limit=60)
def celery_failed(*, action_id: str, token: str) -> None:
    """Take note that a Celery task has failed."""
    celery_runs.take_failure(UUID(action_id), UUID(token))
