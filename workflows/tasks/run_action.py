"""The job that runs one action."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from workflows import canvas
from workflows.services import attempts
from workflows.tasks.links import run_next_link


@shared_task(name=canvas.RUN_ACTION, bind=True)
def run_action(self: Task[Any, Any], action_id: str) -> None:
    """Run an action that nobody has claimed, then move its execution on."""
    attempts.run_action(UUID(action_id))
    run_next_link(self)
