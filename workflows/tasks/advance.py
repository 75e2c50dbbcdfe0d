"""The job that moves an execution on."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from workflows import canvas
from workflows.services import advance as service


@shared_task(
    name=canvas.ADVANCE, acks_late=True, reject_on_worker_lost=True, time_limit=60, shared=True
)
def advance(execution_id: str) -> None:
    """Look at an execution and do what follows; harmless when nothing does."""
    service.advance(UUID(execution_id))
