"""Under which address others reach this server: the beginning of every link and told address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path


def base_url(request: HttpRequest | None = None) -> str:
    """Return the beginning of addresses, without a slash at the end.

    LEVANTE_PUBLIC_URL, if it is set, or else where the request came to. Without both it is the path
    alone under which a proxy shows the server.
    """
    if settings.LEVANTE_PUBLIC_URL:
        return str(settings.LEVANTE_PUBLIC_URL)
    prefix = str(settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    if request is None:
        return prefix
    return request.build_absolute_uri(prefix or "/").rstrip("/")


def request_url(request: HttpRequest) -> str:
    """Return the address of what the request asks for, without the query."""
    return f"{base_url(request)}{escape_uri_path(request.path_info)}"
