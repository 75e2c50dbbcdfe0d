"""The job that sweeps once: a second way for when no `manage.py sweep` runs."""

from __future__ import annotations

from celery import shared_task

from workflows.services.operation.sweep import Sweep
from workflows.services.operation.timers import ring_due_timers

# What a process remembers of its passes; workers that come late start anew.
_sweep = Sweep()


@shared_task(name="workflows.sweep", time_limit=60)
def sweep() -> None:
    """Fire timers and repair what crashes and lost messages left behind."""
    ring_due_timers()
    _sweep.run()
