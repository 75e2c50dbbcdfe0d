"""/v2/code_sources: Python modules that dynamic actions are made of."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_any_arguments, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.filters import read_conditions
from workflows.api.operations import (
    ALL_PROJECTS,
    NAMESPACE,
    TEXT,
    Argument,
    deleting,
    listing,
    reading,
    uploading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.v2.workflows import scope_of
from workflows.api.views import ApiView, answer, created, deleted
from workflows.models import CodeSource, Role
from workflows.services.definitions.code_sources import (
    create_code_source,
    delete_code_source,
    get_code_source,
    require_code,
    update_code_source,
)

CODE_SOURCE: Final = Resource(
    title="Code source",
    collection="code_sources",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("namespace"),
        Attribute("content"),
        Attribute("version", Kind.INTEGER),
        Attribute("tags", Kind.TAGS, is_shown=False),
        Attribute("project_id", Kind.UUID),
        Attribute("scope"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    CODE_SOURCE.by_name[name]
    for name in ("name", "namespace", "scope", "tags", "project_id", "created_at", "updated_at")
)

_NAME: Final = Argument("name", TEXT, "The name of the source.", is_required=True)
_IDENTIFIER: Final = Argument("identifier", TEXT, "The id or name of the source.")
_EXAMPLE: Final = """class Twice:
    def __init__(self, x):
        self.x = x

    def run(self, context):
        return 2 * self.x
"""


class CodeView(ApiView):
    """What all paths about stored code have in common: they may be off."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if (request.method or "").lower() in self.allowed_methods_lower():
            require_code()


class CodeSourcesView(CodeView):
    """All code sources, and uploads."""

    operations = {
        "GET": listing("List code sources", CODE_SOURCE, _FILTERS, ALL_PROJECTS),
        "POST": uploading("Store Python code", CODE_SOURCE, 201, _NAME, example=_EXAMPLE),
        "PUT": uploading("Replace Python code", CODE_SOURCE, 200, _IDENTIFIER, example=_EXAMPLE),
    }

    def get(self, request: Request) -> HttpResponse:
        known = COMMON | {attribute.name for attribute in _FILTERS} | {"all_projects"}
        arguments = read_arguments(request, known)
        caller = caller_of(request)
        if arguments.flag("all_projects"):
            caller.require(Role.ADMIN)
        conditions = read_conditions(arguments, _FILTERS)
        page = read_page(arguments, CODE_SOURCE, conditions, kept=["all_projects"])
        visible = CodeSource.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        source = create_code_source(
            caller=caller_of(request),
            name=arguments.text("name"),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
            content=read_text(request),
        )
        return created(render(source, CODE_SOURCE.shown))

    def put(self, request: Request) -> HttpResponse:
        return _update(request, read_any_arguments(request).text("identifier"))


class CodeSourceView(CodeView):
    """One code source, by id or name."""

    operations = {
        "GET": reading("Get a code source", CODE_SOURCE, NAMESPACE),
        "PUT": uploading("Replace the Python code", CODE_SOURCE, 200, example=_EXAMPLE),
        "DELETE": deleting("Delete code and the actions made of it", NAMESPACE),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace", "fields"})
        attributes = CODE_SOURCE.select(arguments.names("fields"))
        source = get_code_source(caller_of(request), identifier, arguments.text("namespace"))
        return answer(render(source, attributes))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        return _update(request, identifier)

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace"})
        delete_code_source(
            caller=caller_of(request),
            identifier=identifier,
            namespace=arguments.text("namespace"),
        )
        return deleted()


def _update(request: Request, identifier: str) -> HttpResponse:
    arguments = read_any_arguments(request)
    source = update_code_source(
        caller=caller_of(request),
        identifier=identifier,
        namespace=arguments.text("namespace"),
        scope=scope_of(arguments),
        content=read_text(request),
    )
    return answer(render(source, CODE_SOURCE.shown))
