"""The job of a probe: it shows that its queue is listened to."""

from __future__ import annotations

from celery import shared_task

from workflows import canvas
from workflows.services.operation import probes


@shared_task(name=canvas.PROBE, time_limit=60)
def answer_probe(queue: str) -> None:
    """Note that the probe was taken."""
    probes.answer_probe(queue)
