"""The job that works on the items of a task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from workflows import canvas
from workflows.services.running import lanes
from workflows.tasks.links import run_next_link


@shared_task(name=canvas.RUN_LANE, bind=True)
def run_lane(self: Task[Any, Any], task_id: str, target: str) -> None:
    """Run one item of a target after another until none is left or others should have a turn."""
    lanes.run_lane(UUID(task_id), target)
    run_next_link(self)
