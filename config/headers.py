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
# The API answers data, which nothing may be made of should a browser open it as a page.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# Devices that no page of ours has a use for.
_PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_HEADER: Final = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware:
    """Sets a policy on each answer, unless it has one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        is_page = request.path_info.startswith("/admin")
        response.headers.setdefault(_HEADER, POLICY if is_page else DATA_POLICY)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        return response
