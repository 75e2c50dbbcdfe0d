"""/v2/dynamic_actions: actions that are classes of stored code."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import (
    ALL_PROJECTS,
    NAMESPACE,
    changing,
    creating,
    deleting,
    listing,
    reading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.v2.code_sources import CodeView
from workflows.api.values import invalid
from workflows.api.views import answer, created, deleted
from workflows.models import DynamicAction, Role, Scope
from workflows.services.definitions.code_sources import (
    create_dynamic_action,
    delete_dynamic_action,
    get_dynamic_action,
    update_dynamic_action,
)

DYNAMIC_ACTION: Final = Resource(
    title="Dynamic action",
    collection="dynamic_actions",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("namespace"),
        Attribute("code_source_id", Kind.UUID),
        Attribute("code_source_name", column="code_source__name"),
        Attribute("class_name"),
        Attribute("tags", Kind.TAGS, is_shown=False),
        Attribute("project_id", Kind.UUID),
        Attribute("scope"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    DYNAMIC_ACTION.by_name[name]
    for name in ("name", "namespace", "scope", "tags", "project_id", "created_at", "updated_at")
)
_BODY: Final = {
    **dict.fromkeys(
        (
            "id", "name", "namespace", "class_name", "code_source_id", "code_source_name", "scope",
        ),
        Given.TEXT,
    ),
    **dict.fromkeys(("tags", "created_at", "updated_at"), Given.IGNORED),
}  # fmt: skip


class DynamicActionsView(CodeView):
    """All dynamic actions; a change names its action in the body."""

    operations = {
        "GET": listing("List dynamic actions", DYNAMIC_ACTION, _FILTERS, ALL_PROJECTS),
        "POST": creating(
            "Make an action of a class in stored code",
            DYNAMIC_ACTION,
            _BODY,
            ("name", "class_name"),
            example={"name": "twice", "class_name": "Twice", "code_source_name": "maths"},
        ),
        "PUT": changing(
            "Change a dynamic action, named in the body",
            DYNAMIC_ACTION,
            _BODY,
            example={"name": "twice", "class_name": "Thrice"},
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        known = COMMON | {attribute.name for attribute in _FILTERS} | {"all_projects"}
        arguments = read_arguments(request, known)
        caller = caller_of(request)
        if arguments.flag("all_projects"):
            caller.require(Role.ADMIN)
        conditions = read_conditions(arguments, _FILTERS)
        page = read_page(arguments, DYNAMIC_ACTION, conditions, kept=["all_projects"])
        visible = DynamicAction.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        body = _read_body(request)
        action = create_dynamic_action(
            caller=caller_of(request),
            name=body.text("name") or "",
            class_name=body.text("class_name") or "",
            source=body.text("code_source_id") or body.text("code_source_name") or "",
            namespace=body.text("namespace") or "",
            scope=body.text("scope") or Scope.PRIVATE,
        )
        return created(render(action, DYNAMIC_ACTION.shown))

    def put(self, request: Request) -> HttpResponse:
        body = _read_body(request)
        action = update_dynamic_action(
            caller=caller_of(request),
            identifier=body.text("id") or body.text("name") or "",
            namespace=body.text("namespace") or "",
            class_name=body.text("class_name"),
            source=body.text("code_source_id") or body.text("code_source_name"),
            scope=body.text("scope"),
        )
        return answer(render(action, DYNAMIC_ACTION.shown))


class DynamicActionView(CodeView):
    """One dynamic action, by id or name."""

    operations = {
        "GET": reading("Get a dynamic action", DYNAMIC_ACTION, NAMESPACE),
        "DELETE": deleting("Delete a dynamic action; its code stays", NAMESPACE),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace", "fields"})
        attributes = DYNAMIC_ACTION.select(arguments.names("fields"))
        action = get_dynamic_action(caller_of(request), identifier, arguments.text("namespace"))
        return answer(render(action, attributes))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace"})
        delete_dynamic_action(
            caller=caller_of(request),
            identifier=identifier,
            namespace=arguments.text("namespace"),
        )
        return deleted()


def _read_body(request: Request) -> Body:
    read_arguments(request, ())
    body = read_object(request, "dyn_action", _BODY)
    scope = body.text("scope")
    if scope is not None and scope not in Scope.values:
        raise invalid("scope", scope, f"Value should be one of: {', '.join(Scope.values)}")
    return body
