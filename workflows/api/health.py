"""Probes and the version documents; all of them work without credentials."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.operations import Operation
from workflows.api.views import OpenView, answer
from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import WorkerProcess
from workflows.services.operation.addresses import base_url
from workflows.services.running import broker


def _object(*required: str) -> JSONObject:
    return {"type": "object", "required": list(required)}


class VersionsView(OpenView):
    """The versions that this server speaks."""

    operations = {
        "GET": Operation("List the versions of the API", _object("versions")),
    }

    def get(self, request: Request) -> HttpResponse:
        link = {"href": _root_url(request), "target": "v2", "rel": "self"}
        return answer({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


class RootView(OpenView):
    """The root of version 2."""

    operations = {
        "GET": Operation("Tell the address of version 2", _object("uri")),
    }

    def get(self, request: Request) -> HttpResponse:
        return answer({"uri": _root_url(request)})


def _root_url(request: Request) -> str:
    """The address of version 2 as clients see it, whatever proxy stands in front."""
    return f"{base_url(request._request)}/v2"


class InfoView(OpenView):
    """What the operator wants to be known about this server: a file, if there is one."""

    operations = {
        "GET": Operation("Tell what the operator says about this server", _object(), more=(500,)),
    }

    def get(self, request: Request) -> HttpResponse:
        if not settings.LEVANTE_INFO_FILE:
            raise RequestInvalid("Info endpoint disabled.")
        return answer(json.loads(Path(settings.LEVANTE_INFO_FILE).read_text(encoding="utf-8")))


class HealthView(OpenView):
    """Whether this process answers."""

    operations = {
        "GET": Operation("Tell whether the process answers", _object()),
    }

    def get(self, request: Request) -> HttpResponse:
        return answer({"status": "ok"})


class ReadinessView(OpenView):
    """Whether executions can run: the database, the broker, a worker that is alive."""

    operations = {
        "GET": Operation("Tell whether executions can run", _object(), more=(503,)),
    }

    def get(self, request: Request) -> HttpResponse:
        parts = {"database": _has_database(), "broker": broker.is_reachable()}
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


def _has_worker() -> bool:
    recent = Now() - timedelta(seconds=settings.LEVANTE_DEAD_SECONDS)
    return WorkerProcess.objects.filter(beat_at__gte=recent).exists()
