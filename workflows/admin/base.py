"""The one place that knows the theme: the site and the base classes of all admin pages.

Every other module of the admin takes its classes from here, so that leaving the theme means
changing this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.sites import UnfoldAdminSite

from workflows.admin.navigation import build_navigation
from workflows.admin.pages import closed_in_maintenance, find_caller, registered_pages, render_home

__all__ = [
    "AdminPasswordChangeForm",
    "AdminSite",
    "ModelAdmin",
    "UserChangeForm",
    "UserCreationForm",
]


class AdminSite(UnfoldAdminSite):
    """The site of the web interface: our pages beside those that Django makes of models."""

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(page.route, self.admin_view(page.view), name=page.name)
            for page in registered_pages()
        ]
        rest: list[URLPattern] = super().get_urls()
        return ours + rest

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        """Guard a view of the site; what Django makes of models is closed in maintenance, too."""
        if isinstance(getattr(view, "__self__", None), ModelAdmin):
            view = closed_in_maintenance(view)
        guarded: Callable[..., HttpResponseBase] = super().admin_view(view, cacheable)
        return guarded

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return render_home(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        # An interpreter of the theme's expressions, so that pages need no `unsafe-eval`.
        scripts = [static("levante/js/theme.js"), *context["scripts"]]
        return context | {"caller": find_caller(request), "scripts": scripts}

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        return build_navigation(request, find_caller(request))
