"""Probes and the version documents; all of them work without credentials."""

from __future__ import annotations

from datetime import timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from workflows.api.views import OpenView, answer
from workflows.models import WorkerProcess

# Seconds that a probe waits for the broker.
_PROBE_SECONDS = 2.0


class VersionsView(OpenView):
    """The versions that this server speaks."""

    def get(self, request: Request) -> HttpResponse:
        href = request.build_absolute_uri("/v2")
        link = {"href": href, "target": "v2", "rel": "self"}
        return answer({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


class RootView(OpenView):
    """The root of version 2."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"uri": request.build_absolute_uri("/v2")})


class HealthView(OpenView):
    """Whether this process answers."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"status": "ok"})


class ReadinessView(OpenView):
    """Whether executions can run: the database, the broker, a worker that is alive."""

    def get(self, request: Request) -> HttpResponse:
        parts = {"database": _has_database(), "broker": _has_broker()}
        parts["worker"] = parts["database"] and _has_worker()
        status = 200 if all(parts.values()) else 503
        body = {name: "ok" if works else "missing" for name, works in parts.items()}
        response = answer(body, status)
        response._has_been_logged = True  # type: ignore[attr-defined]  # a probe is no error
        return response


def _has_database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _has_broker() -> bool:
    try:
        with redis.Redis.from_url(
            settings.CELERY_BROKER_URL,
            socket_timeout=_PROBE_SECONDS,
            socket_connect_timeout=_PROBE_SECONDS,
        ) as client:
            client.ping()
    except redis.RedisError:
        return False
    return True


def _has_worker() -> bool:
    recent = timezone.now() - timedelta(seconds=settings.LEVANTE_DEAD_SECONDS)
    return WorkerProcess.objects.filter(beat_at__gte=recent).exists()
