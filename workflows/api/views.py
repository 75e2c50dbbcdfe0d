"""The base of all views: always JSON, a token first, then the rule of path and method."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from workflows.api.auth import TokenAuthentication, caller_of
from workflows.api.errors import exception_handler, page_not_found
from workflows.api.openapi import OperationSchema
from workflows.api.operations import Operation
from workflows.api.permissions import rule_of
from workflows.api.throttles import CallerThrottle
from workflows.api.values import check_text
from workflows.services.identity.permissions import require_permission
from workflows.services.operation.service_status import require_status


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever the Accept header says, and leaves every body to the view."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        return None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class ApiView(APIView):
    """One path of the API. Who may use it is said by the rule of its path and method."""

    authentication_classes: Any = (TokenAuthentication,)
    permission_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    throttle_classes: Any = (CallerThrottle,)
    content_negotiation_class = AlwaysJson
    schema = OperationSchema()

    # What each method does, for the published description.
    operations: ClassVar[Mapping[str, Operation]] = {}
    # Methods that may be used during maintenance, or whose function decides that by itself.
    open_in_maintenance: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = request.method or ""
        if method.lower() not in self.allowed_methods_lower():
            return
        if self.get_authenticators():
            self._check_rule(request, method)
        for part in kwargs.values():
            check_text(part)
        if method not in SAFE_METHODS and method not in self.open_in_maintenance:
            require_status()

    def _check_rule(self, request: Request, method: str) -> None:
        caller = caller_of(request)
        match = request.resolver_match
        assert match is not None  # the request came here by a path
        rule = rule_of(match.route, method)
        if rule:
            require_permission(caller, rule)

    def allowed_methods_lower(self) -> set[str]:
        """Name the methods that this path has, for which a role has to be checked."""
        return {method.lower() for method in self.allowed_methods if method != "OPTIONS"}

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # Caches do not know that the answer depends on a token of ours.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return exception_handler

    def options(  # type: ignore[override]  # the stubs want a response of the framework
        self, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        response = HttpResponse(status=status.HTTP_204_NO_CONTENT)
        del response["Content-Type"]
        return response


class OpenView(ApiView):
    """A path that works without credentials."""

    authentication_classes = ()


def answer(body: object, code: int = status.HTTP_200_OK) -> HttpResponse:
    """Answer with JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=code, content_type="application/json")


def created(body: object) -> HttpResponse:
    """Answer that something was made."""
    return answer(body, status.HTTP_201_CREATED)


def deleted() -> HttpResponse:
    """Answer to a delete: no body, no content type."""
    response = HttpResponse(status=status.HTTP_204_NO_CONTENT)
    del response["Content-Type"]
    return response


@csrf_exempt
def unknown_path(request: HttpRequest) -> HttpResponse:
    """Answer for paths that lead nowhere, whatever the method."""
    return page_not_found(request)
