"""Which projects there are for the caller."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import read_any_arguments
from workflows.api.auth import caller_of
from workflows.api.identity.documents import PREFIX
from workflows.api.identity.views import DOMAIN, IdentityView
from workflows.api.views import answer
from workflows.errors import NotFound, NotPermitted
from workflows.jsontypes import JSONObject
from workflows.models import Project
from workflows.services.identity.identity import FORBIDDEN
from workflows.services.identity.logins import visible_projects
from workflows.services.identity.ownership import parse_id
from workflows.services.identity.people import projects_of_person
from workflows.services.operation.addresses import base_url, request_url


class OwnProjectsView(IdentityView):
    """The projects that the user of the token can log in to."""

    def get(self, request: Request) -> HttpResponse:
        return _answer_list(request._request, _projects_of(caller_of(request).user_id))


class UserProjectsView(IdentityView):
    """The same for the user of an id, which has to be the caller's own one."""

    def get(self, request: Request, identifier: str) -> HttpResponse:
        caller = caller_of(request)
        if str(caller.user_id) != identifier and not caller.is_admin:
            raise NotPermitted(FORBIDDEN)
        known = identifier.isdecimal() and len(identifier) < 10
        return _answer_list(request._request, _projects_of(int(identifier) if known else None))


class ProjectsView(IdentityView):
    """The caller's project; for an administrator all of them."""

    def get(self, request: Request) -> HttpResponse:
        projects = visible_projects(caller_of(request))
        name = read_any_arguments(request).text("name")
        return _answer_list(request._request, projects.filter(name=name) if name else projects)


class ProjectView(IdentityView):
    """One project, by id."""

    def get(self, request: Request, identifier: str) -> HttpResponse:
        wanted = parse_id(identifier)
        found = visible_projects(caller_of(request)).filter(pk=wanted).first() if wanted else None
        if found is None:
            raise NotFound(f"Could not find project: {identifier}.")
        return answer({"project": _draw(request._request, found)})


def _projects_of(user_id: int | None) -> Iterable[Project]:
    user = None if user_id is None else User.objects.filter(pk=user_id).first()
    return [] if user is None else projects_of_person(user)


def _answer_list(request: HttpRequest, projects: Iterable[Project]) -> HttpResponse:
    return answer(
        {
            "projects": [_draw(request, project) for project in projects],
            "links": {
                "self": request_url(request),
                "previous": None,
                "next": None,
            },
        }
    )


def _draw(request: HttpRequest, project: Project) -> JSONObject:
    return {
        "id": str(project.pk),
        "name": project.name,
        "domain_id": DOMAIN["id"],
        "parent_id": DOMAIN["id"],
        "enabled": True,
        "is_domain": False,
        "description": "",
        "tags": [],
        "options": {},
        "links": {"self": f"{base_url(request)}{PREFIX}/projects/{project.pk}"},
    }
