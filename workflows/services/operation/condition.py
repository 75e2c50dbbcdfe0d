"""The condition of the whole service: what it needs, versions, settings in force."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import celery
import django
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.views.debug import SafeExceptionReporterFilter

from workflows.models.statements import fetch_one
from workflows.services.operation.fleet import count_alive

_PROBE_SECONDS: Final = 2.0
_PASSWORD: Final = re.compile(r"://[^/@\s]*@")
_HIDDEN: Final = "(hidden)"
# Not ours, but good to know.
_OTHERS: Final = ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "CELERY_BROKER_URL")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the service needs."""

    title: str
    is_well: bool
    text: str


def run_checks() -> list[Check]:
    """Look at the database, its migrations, the broker and the workers."""
    alive, silent = count_alive()
    gone = f", {silent} have fallen silent" if silent else ""
    return [
        _check_database(),
        _check_migrations(),
        _check_broker(),
        Check("Workers", alive > 0, f"{alive} processes are alive{gone}"),
    ]


def list_versions() -> list[tuple[str, str]]:
    return [
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Celery", celery.__version__),
    ]


def list_settings() -> Sequence[tuple[str, str]]:
    """Return the settings in force; what is secret or holds a password does not show."""
    names = [name for name in dir(settings) if name.startswith("LEVANTE_")]
    return [(name, _show(name, getattr(settings, name))) for name in (*names, *_OTHERS)]


def _show(name: str, value: object) -> str:
    if SafeExceptionReporterFilter.hidden_settings.search(name):
        return _HIDDEN if value else "(none)"
    return _PASSWORD.sub("://***@", str(value)) if value not in ("", [], None) else "(none)"


def _check_database() -> Check:
    try:
        version = fetch_one("SELECT current_setting('server_version')")[0]
    except DatabaseError:
        return Check("Database", is_well=False, text="does not answer")
    return Check("Database", is_well=True, text=f"PostgreSQL {version}")


def _check_migrations() -> Check:
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    text = f"{missing} are missing: run manage.py migrate" if missing else "all carried out"
    return Check("Migrations", not missing, text)


def _check_broker() -> Check:
    if not settings.CELERY_BROKER_URL.startswith(("redis", "unix", "sentinel")):
        return Check("Broker", is_well=True, text="not asked: it is no Redis")
    try:
        with redis.Redis.from_url(
            settings.CELERY_BROKER_URL,
            socket_timeout=_PROBE_SECONDS,
            socket_connect_timeout=_PROBE_SECONDS,
        ) as client:
            version = client.info("server").get("redis_version", "")
    except (redis.RedisError, ValueError):
        return Check("Broker", is_well=False, text="does not answer")
    return Check("Broker", is_well=True, text=f"Redis {version}")
