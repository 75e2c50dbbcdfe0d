"""What worker processes do when they start and end."""

from __future__ import annotations

from typing import Any

from celery import current_app
from celery.signals import (
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
)

from workflows.actions.code import allow_code_here
from workflows.services.heartbeat import register_process, unregister_process
from workflows.services.observing import flush_traces
from workflows.services.process import this_process


@worker_process_init.connect
def on_start(**_facts: Any) -> None:
    """Give the process its row and its beat, and let it run stored code."""
    allow_code_here()
    # Those of the option `--queues`, or all.
    register_process(",".join(sorted(current_app.amqp.queues.consume_from)))


@worker_process_shutdown.connect
def on_end(**_facts: Any) -> None:
    """Send the last traces, and take the row away, so that nobody waits for the next beat."""
    flush_traces()
    unregister_process()


@task_prerun.connect
def on_job_begin(**_facts: Any) -> None:
    """Note that the process works."""
    this_process().begin_job()


@task_postrun.connect
def on_job_end(**_facts: Any) -> None:
    """Note that the process has nothing to do."""
    this_process().end_job()
