"""All paths of the API, with JSON answers for paths that do not exist."""

from __future__ import annotations

from django.urls import include, path, re_path

from workflows.api.docs import DocsView, SchemaView
from workflows.api.health import HealthView, InfoView, ReadinessView, RootView, VersionsView
from workflows.api.maintenance import MaintenanceView
from workflows.api.metrics import MetricsView
from workflows.api.views import unknown_path

urlpatterns = [
    path("", VersionsView.as_view()),
    re_path(r"^v2/?$", RootView.as_view()),
    path("v2/", include("workflows.api.v2.urls")),
    re_path(r"^maintenance/?$", MaintenanceView.as_view()),
    re_path(r"^metrics/?$", MetricsView.as_view()),
    re_path(r"^info/?$", InfoView.as_view()),
    re_path(r"^healthz/?$", HealthView.as_view()),
    re_path(r"^readyz/?$", ReadinessView.as_view()),
    re_path(r"^healthcheck/?$", ReadinessView.as_view()),  # Mistral's name for it
    re_path(r"^api/schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", DocsView.as_view(), name="docs"),
    path("", include("workflows.api.identity.urls")),
    re_path(r"^(?!admin/|static/)", unknown_path),
]
