"""The base of the views of the identity service: its form of errors, and answers nobody keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers

from workflows.api.errors import exception_handler
from workflows.api.views import ApiView
from workflows.jsontypes import JSONObject

DOMAIN: JSONObject = {"id": "default", "name": "Default"}


class IdentityView(ApiView):
    """One path of the identity service. Its protocol is Keystone's and described there."""

    schema: Any = None

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return identity_error

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ["X-Auth-Token"])
        return response


def identity_error(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer an error in the form that clients of Keystone read, beside our own."""
    response = exception_handler(exception, context)
    body = json.loads(response.content)
    status = HTTPStatus(response.status_code)
    body["error"] = {
        "code": status.value,
        "title": status.phrase,
        "message": body["faultstring"],
    }
    response.content = json.dumps(body).encode()
    return response
