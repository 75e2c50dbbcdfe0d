"""The job that runs one action, and then what is ready after it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from workflows import canvas
from workflows.services.running import turn
from workflows.tasks.links import drop_next_link


@shared_task(name=canvas.RUN_ACTION, bind=True)
def run_action(
    self: Task[Any, Any], action_id: str, execution_id: str | None = None, target: str = ""
) -> None:
    """Run an action that nobody has claimed and move its execution on, in one turn."""
    drop_next_link(self)
    turn.take_turn(UUID(action_id), UUID(execution_id) if execution_id else None, target)
