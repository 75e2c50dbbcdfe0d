"""The next link of a chain, carried out by the worker that ran the one before it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task

from workflows import canvas
from workflows.services.advancing.advance import advance_family


def run_next_link(job: Task[Any, Any]) -> None:
    """Run the advance that follows in the job's chain here, and take it off the chain.

    Sending it through the broker would cost a message and a wait for a free worker.
    """
    for execution_id in drop_next_link(job):
        advance_family(execution_id)


def drop_next_link(job: Task[Any, Any]) -> list[UUID]:
    """Take the advance that follows off the job's chain, since the job itself does it.

    Gives the executions to advance.
    """
    links = job.request.chain or []
    dropped: list[UUID] = []
    while links and links[-1]["task"] == canvas.ADVANCE:
        dropped.append(UUID(links.pop()["args"][0]))
    return dropped
