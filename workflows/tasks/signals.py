"""What worker processes do when they start and end."""

from __future__ import annotations

from typing import Any

from celery import current_app
from celery.signals import worker_process_init, worker_process_shutdown

from workflows.services.heartbeat import register_process, unregister_process
from workflows.services.observing import flush_traces


@worker_process_init.connect
def on_start(**_facts: Any) -> None:
    """Give the process its row and its beat."""
    # Those of the option `--queues`, or all.
    register_process(",".join(sorted(current_app.amqp.queues.consume_from)))


@worker_process_shutdown.connect
def on_end(**_facts: Any) -> None:
    """Send the last traces, and take the row away, so that nobody waits for the next beat."""
    flush_traces()
    unregister_process()
