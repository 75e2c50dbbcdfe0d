"""The paths below /identity."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from workflows.api.identity.documents import (
    CatalogView,
    DomainsView,
    DomainView,
    IdentityVersionsView,
    IdentityVersionView,
)
from workflows.api.identity.projects import (
    OwnProjectsView,
    ProjectsView,
    ProjectView,
    UserProjectsView,
)
from workflows.api.identity.tokens import TokensView
from workflows.api.views import ApiView

_ONE = r"(?P<identifier>[^/]+)"


def _path(pattern: str, view: type[ApiView]) -> URLPattern:
    return re_path(rf"^{pattern}/?$", view.as_view())


urlpatterns = [
    _path("identity", IdentityVersionsView),
    _path("identity/v3", IdentityVersionView),
    _path("identity/v3/auth/tokens", TokensView),
    _path("identity/v3/auth/catalog", CatalogView),
    _path("identity/v3/auth/projects", OwnProjectsView),
    _path("identity/v3/auth/domains", DomainsView),
    _path("identity/v3/projects", ProjectsView),
    _path(f"identity/v3/projects/{_ONE}", ProjectView),
    _path(f"identity/v3/users/{_ONE}/projects", UserProjectsView),
    _path("identity/v3/domains", DomainsView),
    _path(f"identity/v3/domains/{_ONE}", DomainView),
]
