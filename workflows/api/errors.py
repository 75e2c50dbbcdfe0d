"""The one place where exceptions become HTTP: statuses, texts, and the error body of the API."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, status

from workflows.errors import (
    ActionError,
    Conflict,
    EngineError,
    ExpressionError,
    IdentityUnavailable,
    InMaintenance,
    LanguageError,
    LimitExceeded,
    NotFound,
    NotPermitted,
    ParseError,
    RequestInvalid,
    SpecInvalid,
    WorkflowsError,
)

logger = logging.getLogger(__name__)

# Looked up from top to bottom; the first class that fits counts.
STATUSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (NotFound, status.HTTP_404_NOT_FOUND),
    (Conflict, status.HTTP_409_CONFLICT),
    (NotPermitted, status.HTTP_403_FORBIDDEN),
    (InMaintenance, status.HTTP_423_LOCKED),
    (RequestInvalid, status.HTTP_400_BAD_REQUEST),
    (LimitExceeded, status.HTTP_400_BAD_REQUEST),
    (LanguageError, status.HTTP_400_BAD_REQUEST),
    (ExpressionError, status.HTTP_400_BAD_REQUEST),
    (ActionError, status.HTTP_400_BAD_REQUEST),
    (EngineError, status.HTTP_400_BAD_REQUEST),
    (IdentityUnavailable, status.HTTP_503_SERVICE_UNAVAILABLE),
    (WorkflowsError, status.HTTP_400_BAD_REQUEST),
    (Http404, status.HTTP_404_NOT_FOUND),
    (DataError, status.HTTP_400_BAD_REQUEST),
    (OperationalError, status.HTTP_503_SERVICE_UNAVAILABLE),
)

CHALLENGE: Final = 'Bearer realm="levante", Basic realm="levante"'

_NEUTRAL: Final[Mapping[type[Exception], str]] = {
    Http404: "Not Found",
    DataError: "A value is too long or out of range.",
    OperationalError: "The database is not available at the moment.",
}
_UNEXPECTED: Final = "Internal error. It has been logged."


class BodyTooLarge(exceptions.APIException):
    """The body is larger than the server accepts."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with the status of the table; what is not in it is logged and answered neutrally."""
    if isinstance(exception, exceptions.APIException):
        return _answer_framework(exception)
    for kind, code in STATUSES:
        if isinstance(exception, kind):
            if isinstance(exception, DatabaseError):
                logger.error("database refused", exc_info=exception)
            return error_response(code, describe(exception))
    logger.error("unexpected error", exc_info=exception)
    return error_response(status.HTTP_500_INTERNAL_SERVER_ERROR, _UNEXPECTED)


def describe(exception: Exception) -> str:
    """Return the text of an expected error in the words that clients know."""
    if isinstance(exception, ParseError):
        return f"Definition could not be parsed: {exception.message}"
    if isinstance(exception, SpecInvalid):
        errors = [str(found) for found in exception.problems if found.severity == "error"]
        return f"Invalid DSL: {'; '.join(errors)}"
    if isinstance(exception, WorkflowsError):
        return exception.message
    return next(text for kind, text in _NEUTRAL.items() if isinstance(exception, kind))


def error_response(code: int, text: str) -> HttpResponse:
    """Build the error body; a status of 500 and above is the server's fault."""
    body = {
        "faultcode": "Server" if code >= status.HTTP_500_INTERNAL_SERVER_ERROR else "Client",
        "faultstring": text,
        "debuginfo": None,
    }
    response = HttpResponse(json.dumps(body), status=code, content_type="application/json")
    # Django would log every refused request; what is our own fault has been logged by now.
    response._has_been_logged = True  # type: ignore[attr-defined]
    if code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = CHALLENGE
    return response


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for a path that leads nowhere."""
    return error_response(status.HTTP_404_NOT_FOUND, "Not Found")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for a request that no view has seen, such as one for a host that is not ours."""
    text = "Bad Request"
    if isinstance(exception, DisallowedHost):
        text = "The host of this request is not one of LEVANTE_ALLOWED_HOSTS."
    return error_response(status.HTTP_400_BAD_REQUEST, text)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for what is refused outside of the views."""
    return error_response(status.HTTP_403_FORBIDDEN, "Forbidden")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an error outside of the views."""
    return error_response(status.HTTP_500_INTERNAL_SERVER_ERROR, _UNEXPECTED)


def _answer_framework(exception: exceptions.APIException) -> HttpResponse:
    response = error_response(exception.status_code, str(exception.detail))
    if isinstance(exception, exceptions.MethodNotAllowed):
        response.status_code = status.HTTP_405_METHOD_NOT_ALLOWED
    seconds = getattr(exception, "wait", None)
    if isinstance(exception, exceptions.Throttled) and seconds is not None:
        response["Retry-After"] = str(max(1, math.ceil(seconds)))
    return response
