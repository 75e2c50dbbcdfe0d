"""/v2/workbooks: upload, read, list and delete workbooks."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_any_arguments, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.filters import read_conditions
from workflows.api.operations import (
    NAMESPACE,
    SKIP_VALIDATION,
    deleting,
    listing,
    reading,
    uploading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.v2.workflows import scope_of
from workflows.api.views import ApiView, answer, created, deleted
from workflows.models import WorkbookDefinition
from workflows.services.definitions.definitions import get_workbook
from workflows.services.definitions.workbook_uploads import (
    create_workbook,
    delete_workbook,
    update_workbook,
)

WORKBOOK: Final = Resource(
    title="Workbook",
    collection="workbooks",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("namespace"),
        Attribute("definition", column="text"),
        Attribute("tags", Kind.TAGS),
        Attribute("scope"),
        Attribute("project_id", Kind.UUID),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    WORKBOOK.by_name[name]
    for name in ("name", "namespace", "definition", "scope", "tags", "created_at", "updated_at")
)

_EXAMPLE: Final = """version: '2.0'
name: greetings
workflows:
  hello:
    tasks:
      greet: {action: std.echo output="Hello"}
"""


class WorkbooksView(ApiView):
    """All workbooks, and uploads by name."""

    operations = {
        "GET": listing("List workbooks", WORKBOOK, _FILTERS),
        "POST": uploading("Create a workbook", WORKBOOK, 201, SKIP_VALIDATION, example=_EXAMPLE),
        "PUT": uploading(
            "Change a workbook, named in the text", WORKBOOK, 200, SKIP_VALIDATION, example=_EXAMPLE
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        known = COMMON | {attribute.name for attribute in _FILTERS}
        arguments = read_arguments(request, known)
        page = read_page(arguments, WORKBOOK, read_conditions(arguments, _FILTERS))
        visible = WorkbookDefinition.objects.visible_to(
            caller.project_id, all_projects=caller.is_admin
        )
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        workbook = create_workbook(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return created(render(workbook, WORKBOOK.attributes))

    def put(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        workbook = update_workbook(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return answer(render(workbook, WORKBOOK.attributes))


class WorkbookView(ApiView):
    """One workbook, by name."""

    operations = {
        "GET": reading("Get a workbook", WORKBOOK, NAMESPACE),
        "DELETE": deleting("Delete a workbook; what was made of it stays", NAMESPACE),
    }

    def get(self, request: Request, name: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace", "fields"})
        attributes = WORKBOOK.select(arguments.names("fields"))
        workbook = get_workbook(caller_of(request), name, arguments.text("namespace"))
        return answer(render(workbook, attributes))

    def delete(self, request: Request, name: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace"})
        delete_workbook(caller=caller_of(request), name=name, namespace=arguments.text("namespace"))
        return deleted()
