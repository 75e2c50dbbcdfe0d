"""What a browser may load for a page: files of this server alone, and no code inside of pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# The theme writes its colours into the page, so styles may stand there; scripts may not.
POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADER: Final = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware:
    """Sets the policy on the pages of the web interface, unless a page has one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.path.startswith("/admin") and _HEADER not in response:
            response[_HEADER] = POLICY
        return response
