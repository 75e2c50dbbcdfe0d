"""All URLs: the API and the admin pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "workflows.api.errors.bad_request"
handler403 = "workflows.api.errors.permission_denied"
handler404 = "config.failures.page_not_found"
handler500 = "config.failures.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index", query_string=True)),
    path("", include("workflows.api.urls")),
]
