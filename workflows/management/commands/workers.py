"""`manage.py workers`: the workers and the sweep of one machine, which share what they load."""

from __future__ import annotations

import logging.config
import signal
import socket
from functools import partial
from importlib import import_module
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from workflows.embedded.family import Family, Member
from workflows.services.running.warm_up import prepare_to_fork

# What a worker or the sweep loads when it runs: here it is loaded once for all of them.
_TO_SHARE: Final = (
    "billiard.heap", "billiard.popen_fork", "billiard.sharedctypes", "billiard.synchronize",
    "celery.backends.redis", "celery.concurrency.prefork", "celery.events.dispatcher",
    "celery.worker.consumer", "celery.worker.strategy", "kombu.transport.redis",
    "workflows.management.commands.sweep",
)  # fmt: skip

# Work that must go on when a worker is stopped gets LEVANTE_WORKER_STOP_SECONDS, and is then given
# up.
_STOP_SIGNAL: Final = signal.SIGQUIT


class Command(BaseCommand):
    help = (
        "Run the engine worker, the action worker and the sweep with events and beat. The program"
        " is in memory once, where processes that are started apart have it three times."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engine", type=int, default=2, metavar="N", help="engine processes")
        parser.add_argument("--actions", type=int, default=4, metavar="N", help="actions at once")

    def handle(self, *_args: Any, **options: Any) -> None:
        current_app.loader.import_default_modules()
        current_app.finalize()
        for name in _TO_SHARE:
            import_module(name)
        prepare_to_fork()
        connection.close()
        engine = partial(_run_worker, queue="engine", processes=options["engine"])
        actions = partial(_run_worker, queue="actions", processes=options["actions"])
        Family(
            [
                Member("worker-engine", engine, _STOP_SIGNAL),
                Member("worker-actions", actions, _STOP_SIGNAL),
                Member("sweep", _run_sweep),
            ]
        ).run()


def _run_worker(name: str, *, queue: str, processes: int) -> int:
    """Run a worker for one queue until it is told to stop; give its exit code."""
    _take_name(name)
    # An action may take long: none waits behind it in a process while another one is free.
    current_app.conf.worker_disable_prefetch = queue == "actions"
    worker = current_app.Worker(
        hostname=f"{queue}@{socket.gethostname()}",
        queues=[queue],
        concurrency=processes,
        loglevel="INFO",
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _run_sweep(name: str) -> int:
    _take_name(name)
    call_command("sweep", with_events=True, with_beat=True, skip_checks=True)
    return 0


def _take_name(name: str) -> None:
    """Show this process under its own name: in the log and in the sessions of the database."""
    settings.LEVANTE_PROCESS_NAME = name
    log: dict[str, Any] = settings.LOGGING
    log["formatters"]["json"]["process"] = name
    logging.config.dictConfig(log)
    connection.settings_dict["OPTIONS"]["application_name"] = f"levante-{name}"
