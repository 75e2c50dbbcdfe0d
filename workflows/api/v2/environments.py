"""/v2/environments: named sets of variables."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import changing, creating, deleting, listing, reading
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.values import invalid
from workflows.api.views import ApiView, answer, created, deleted
from workflows.jsontypes import JSONObject
from workflows.models import Environment, Scope
from workflows.services.definitions.environments import (
    CHANGEABLE,
    create_environment,
    delete_environment,
    get_environment,
    update_environment,
)

ENVIRONMENT: Final = Resource(
    title="Environment",
    collection="environments",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("description"),
        Attribute("variables", Kind.JSON),
        Attribute("scope"),
        Attribute("project_id", Kind.UUID),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    ENVIRONMENT.by_name[name]
    for name in ("name", "description", "variables", "scope", "created_at", "updated_at")
)
_BODY: Final = {
    "name": Given.TEXT,
    "description": Given.TEXT,
    "variables": Given.JSON,
    "scope": Given.TEXT,
}

_EXAMPLE: Final[JSONObject] = {"name": "staging", "variables": {"host": "db.example.org"}}


class EnvironmentsView(ApiView):
    """All environments; an update names its environment in the body."""

    operations = {
        "GET": listing("List environments", ENVIRONMENT, _FILTERS),
        "POST": creating("Create an environment", ENVIRONMENT, _BODY, ("name",), example=_EXAMPLE),
        "PUT": changing(
            "Change an environment, named in the body",
            ENVIRONMENT,
            _BODY,
            ("name",),
            example=_EXAMPLE,
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        known = COMMON | {attribute.name for attribute in _FILTERS}
        arguments = read_arguments(request, known)
        page = read_page(arguments, ENVIRONMENT, read_conditions(arguments, _FILTERS))
        visible = Environment.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        body = _read_body(request)
        environment = create_environment(
            caller=caller_of(request),
            name=body.text("name") or "",
            description=body.text("description"),
            variables=body.object("variables"),
            scope=body.text("scope") or Scope.PRIVATE,
        )
        return created(_without_nulls(render(environment, ENVIRONMENT.attributes)))

    def put(self, request: Request) -> HttpResponse:
        body = _read_body(request)
        changes: dict[str, str | JSONObject] = {
            name: value
            for name, value in body.values.items()
            if name in CHANGEABLE and isinstance(value, str | dict)
        }
        environment = update_environment(
            caller=caller_of(request), name=body.text("name") or "", changes=changes
        )
        return answer(render(environment, ENVIRONMENT.attributes))


class EnvironmentView(ApiView):
    """One environment, by name or id."""

    operations = {
        "GET": reading("Get an environment", ENVIRONMENT),
        "DELETE": deleting("Delete an environment"),
    }

    def get(self, request: Request, name: str) -> HttpResponse:
        arguments = read_arguments(request, {"fields"})
        attributes = ENVIRONMENT.select(arguments.names("fields"))
        return answer(render(get_environment(caller_of(request), name), attributes))

    def delete(self, request: Request, name: str) -> HttpResponse:
        read_arguments(request, ())
        delete_environment(caller=caller_of(request), name=name)
        return deleted()


def _without_nulls(body: JSONObject) -> JSONObject:
    """Leave out what a new environment does not have: clients take null for an empty text."""
    return {name: value for name, value in body.items() if value is not None}


def _read_body(request: Request) -> Body:
    read_arguments(request, ())
    body = read_object(request, "env", _BODY)
    scope = body.text("scope")
    if scope is not None and scope not in Scope.values:
        raise invalid("scope", scope, f"Value should be one of: {', '.join(Scope.values)}")
    return body
