"""What worker processes do when they start and end."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import Any

from billiard import active_children, current_process
from celery import current_app
from celery.signals import (
    celeryd_after_setup,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from django.conf import settings

from workflows.actions.code import allow_code_here
from workflows.services.running.heartbeat import register_process, unregister_process
from workflows.services.running.overseer import start_overseer
from workflows.services.running.places import lay_out, take_place
from workflows.services.running.process import this_process
from workflows.services.telemetry.observing import flush_traces


@celeryd_after_setup.connect
def before_fork(**_facts: Any) -> None:
    """Lay out the places of the processes, and look after what they are at."""
    start_overseer(lay_out())


@worker_process_init.connect
def on_start(**_facts: Any) -> None:
    """Give the process its row and its beat, and let it run stored code."""
    allow_code_here()
    # Those of the option `--queues`, or all.
    queues = ",".join(sorted(current_app.amqp.queues.consume_from))
    register_process(queues, take_place(getattr(current_process(), "index", -1)))


@worker_process_shutdown.connect
def on_end(**_facts: Any) -> None:
    """Send the last traces, and take the row away, so that nobody waits for the next beat."""
    flush_traces()
    unregister_process()


@worker_shutting_down.connect
def on_stop_asked(**_facts: Any) -> None:
    """Bound the time that running actions get, whichever signal asked the worker to end.

    Celery by itself waits for them for ever, or is killed together with them.
    """
    timer = threading.Timer(settings.LEVANTE_WORKER_STOP_SECONDS, _stop_processes)
    timer.daemon = True
    timer.start()


def _stop_processes() -> None:
    """Ask the processes of this worker to end; each settles the action that it is at."""
    for process in active_children():
        if process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)


@task_prerun.connect
def on_job_begin(**_facts: Any) -> None:
    """Note that the process works."""
    this_process().begin_job()


@task_postrun.connect
def on_job_end(**_facts: Any) -> None:
    """Note that the process has nothing to do."""
    this_process().end_job()
