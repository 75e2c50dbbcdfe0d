"""An id for each request: in every line of the log about it, and in the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from workflows.log_facts import log_facts

# What a caller or a proxy may name a request; anything else is no id.
_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Takes the id that the caller gives, or makes one as OpenStack's services do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN.fullmatch(given) else f"req-{uuid4()}"
        with log_facts(request_id=request_id):
            response = self._get_response(request)
        response["X-Request-Id"] = response["X-Openstack-Request-Id"] = request_id
        return response
