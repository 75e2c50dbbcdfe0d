"""The job that moves an execution on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from workflows import canvas
from workflows.services.advancing import advance as service
from workflows.services.advancing.parking import count_failure
from workflows.services.advancing.store import is_held


@shared_task(
    name=canvas.ADVANCE,
    bind=True,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=50,
    time_limit=60,
)
def advance(job: Task[Any, Any], execution_id: str) -> None:
    """Look at an execution and do what follows; harmless when nothing does.

    A message that comes again may have taken a process with it. While another process is at the
    execution, it is rather that one's: the broker gives a message again that takes long.
    """
    is_repeated = (job.request.delivery_info or {}).get("redelivered")
    if is_repeated and not is_held(UUID(execution_id)):
        count_failure(UUID(execution_id), "its process was lost")
    service.advance_family(UUID(execution_id))
