"""/maintenance: pause the whole service, and let it go on."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import read_arguments
from workflows.api.auth import caller_of
from workflows.api.bodies import Given, read_object
from workflows.api.operations import changing, reading
from workflows.api.views import ApiView, answer
from workflows.jsontypes import JSONObject
from workflows.models import ServiceStatus
from workflows.services.operation.maintenance import set_status
from workflows.services.operation.service_status import get_status

_BODY: Final = {"status": Given.TEXT}

_STATUS: Final[JSONObject] = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(ServiceStatus.values)}},
    "required": ["status"],
}


class MaintenanceView(ApiView):
    """The status of the service; for administrators."""

    open_in_maintenance = frozenset({"PUT"})
    operations = {
        "GET": reading("Tell whether the service is in maintenance", _STATUS),
        "PUT": changing(
            "Pause the whole service, or let it go on",
            _STATUS,
            _BODY,
            ("status",),
            example={"status": "RUNNING"},
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        return answer({"status": get_status()})

    def put(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "maintenance", _BODY)
        status = set_status(status=body.text("status") or "", actor=caller_of(request).name)
        return answer({"status": status})
