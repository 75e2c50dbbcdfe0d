"""The Celery application."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_before_create_process
from django.conf import settings
from django.db import close_old_connections

from config.messages import tolerate_unreadable_messages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

tolerate_unreadable_messages()

app = Celery("levante")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.loader.override_backends = {
    "redis": "config.results:RedisResults",
    "rediss": "config.results:RedisResults",
    "sentinel": "config.results:SentinelResults",
}
app.autodiscover_tasks(lambda: jobs_to_load(settings.LEVANTE_PROCESS_NAME))


def jobs_to_load(process: str) -> list[str]:
    """Name the packages whose jobs a process knows.

    Beat sends ours by name, and would need a third more memory to know what they do.
    """
    ours = [] if process.startswith(("beat", "sweep")) else ["workflows"]
    return [*ours, *settings.LEVANTE_APPS]


@setup_logging.connect
def leave_the_log_alone(**_facts: Any) -> None:
    """Keep Celery's own handlers out: Django has set up the log as the settings say."""


@task_prerun.connect
def renew_connections(sender: Any, **_facts: Any) -> None:
    """Close connections that broke or are old; a kept one is checked before its next use.

    Django does so at the start of a request. With CELERY_DB_REUSE_MAX Celery no longer closes
    them all around each task, so the same has to be done here, or a worker would hold a dead
    connection after a restart of PostgreSQL.
    """
    if not sender.request.is_eager:
        close_old_connections()


@worker_before_create_process.connect
def share_memory(**_facts: Any) -> None:
    """Let the processes of the pool have as much in common as they can."""
    # Loaded here, since other processes than workers import this module as well.
    import_module("workflows.services.running.warm_up").prepare_to_fork()
    # A decision makes many objects that live for a moment; by default the collector looks through
    # them several times in each.
    gc.set_threshold(50_000, 20, 20)
