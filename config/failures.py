"""What a request gets that finds no page or meets a fault: a page for people, or JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from workflows.api import errors

_PAGES: Final = "/admin"


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path_info.startswith(_PAGES):
        return errors.page_not_found(request, exception)
    return _page(request, HTTPStatus.NOT_FOUND, "There is nothing at this address.")


def server_error(request: HttpRequest, *arguments: Any) -> HttpResponse:
    if not request.path_info.startswith(_PAGES):
        return errors.server_error(request, *arguments)
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something failed here. It was logged.")


def _page(request: HttpRequest, status: HTTPStatus, text: str) -> HttpResponse:
    """Draw a page that needs neither the database nor the theme."""
    return render(request, "levante/failure.html", {"text": text}, status=status)
