"""The routes of the API, read from the URLconf itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.urls import URLPattern, URLResolver

from workflows.api import urls
from workflows.api.views import ApiView

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH")


@dataclass(frozen=True)
class Route:
    """One path of the API, such as `v2/workflows/{identifier}`, and the view behind it."""

    template: str
    view: type[ApiView]

    @property
    def methods(self) -> list[str]:
        return [method for method in METHODS if hasattr(self.view, method.lower())]

    def fill(self, value: str) -> str:
        """Give the path with the same text in each place."""
        return "/" + re.sub(r"\{\w+\}", lambda _: value, self.template)


def all_routes() -> list[Route]:
    """All paths that have a view of the API."""
    return list(_walk(urls.urlpatterns, ""))


def _walk(patterns: list[Any], before: str) -> Iterator[Route]:
    for pattern in patterns:
        text = before + _template(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            if isinstance(view, type) and issubclass(view, ApiView):
                yield Route(text, view)


def _template(pattern: str) -> str:
    pattern = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern)
    pattern = re.sub(r"\(\?:(\w+)\|\w+\)", r"\1", pattern)  # of two names the first
    pattern = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern)
    return pattern.removeprefix("^").removesuffix("$").removesuffix("/?")
