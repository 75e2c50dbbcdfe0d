"""/v2/workflows: upload, read, list and delete workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, Arguments, read_any_arguments, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, load_only, render
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.filters import read_conditions
from workflows.api.operations import (
    ALL_PROJECTS,
    NAMESPACE,
    SKIP_VALIDATION,
    deleting,
    listing,
    reading,
    uploading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.v2.validation import render_problem
from workflows.api.views import ApiView, answer, created, deleted
from workflows.jsontypes import JSONObject
from workflows.models import Role, Scope, WorkflowDefinition
from workflows.services.definitions.definitions import get_workflow, visible_workflows
from workflows.services.definitions.workflow_uploads import (
    create_workflows,
    delete_workflow,
    review_upload,
    update_workflow,
    update_workflows,
)

WORKFLOW: Final = Resource(
    title="Workflow",
    collection="workflows",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("namespace"),
        Attribute("input", column="revision__input_summary"),
        Attribute("interface", Kind.JSON, column="revision__interface", is_object_in_uploads=True),
        Attribute("definition", column="revision__text"),
        Attribute("checksum", column="revision__checksum"),
        Attribute("tags", Kind.TAGS),
        Attribute("scope"),
        Attribute("project_id", Kind.UUID),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    WORKFLOW.by_name[name]
    for name in (
        "name", "namespace", "definition", "scope", "tags", "project_id", "created_at",
        "updated_at", "input",
    )
)  # fmt: skip
_LIST_ARGUMENTS: Final = COMMON | {attribute.name for attribute in _FILTERS} | {"all_projects"}

_EXAMPLE: Final = """version: '2.0'
hello:
  input: [name: World]
  output: {said: <% $.said %>}
  tasks:
    greet:
      action: std.echo output="Hello, <% $.name %>"
      publish: {said: <% task().result %>}
"""


class WorkflowsView(ApiView):
    """All workflows, and uploads by name."""

    operations = {
        "GET": listing("List workflows", WORKFLOW, _FILTERS, ALL_PROJECTS),
        "POST": uploading(
            "Create the workflows of a document",
            WORKFLOW,
            201,
            SKIP_VALIDATION,
            wrapped="workflows",
            example=_EXAMPLE,
        ),
        "PUT": uploading(
            "Change workflows, named in the document",
            WORKFLOW,
            200,
            SKIP_VALIDATION,
            wrapped="workflows",
            example=_EXAMPLE,
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        arguments = read_arguments(request, _LIST_ARGUMENTS)
        if arguments.flag("all_projects"):
            caller.require(Role.ADMIN)
        page = read_page(
            arguments, WORKFLOW, read_conditions(arguments, _FILTERS), kept=["all_projects"]
        )
        visible = visible_workflows(caller.project_id, is_admin=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        workflows = create_workflows(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return created(_all_uploaded(request, workflows))

    def put(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        workflows = update_workflows(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return answer(_all_uploaded(request, workflows))


class WorkflowView(ApiView):
    """One workflow, by id or name."""

    operations = {
        "GET": reading("Get a workflow", WORKFLOW, NAMESPACE),
        "PUT": uploading(
            "Change one workflow, also its name", WORKFLOW, 200, SKIP_VALIDATION, example=_EXAMPLE
        ),
        "DELETE": deleting("Delete a workflow", NAMESPACE),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace", "fields"})
        attributes = WORKFLOW.select(arguments.names("fields"))
        caller = caller_of(request)
        found = get_workflow(caller, identifier, arguments.text("namespace"))
        rows = WorkflowDefinition.objects.filter(pk=found.pk)
        return answer(render(load_only(rows, attributes).get(), attributes))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_any_arguments(request)
        workflow = update_workflow(
            caller=caller_of(request),
            identifier=identifier,
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return answer(_uploaded(workflow))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"namespace"})
        delete_workflow(
            caller=caller_of(request),
            identifier=identifier,
            namespace=arguments.text("namespace"),
        )
        return deleted()


def scope_of(arguments: Arguments) -> str:
    """Return the scope that an upload asks for."""
    return arguments.text("scope") or Scope.PRIVATE


def _uploaded(workflow: WorkflowDefinition) -> JSONObject:
    """Show a workflow after an upload: here alone `interface` is an object, not text."""
    body = render(workflow, WORKFLOW.attributes)
    if workflow.revision is not None:
        body["interface"] = workflow.revision.interface
    return body


def _all_uploaded(request: Request, workflows: Sequence[WorkflowDefinition]) -> JSONObject:
    """Show uploaded workflows; doubts about them come along, if there are any."""
    body: JSONObject = {"workflows": [_uploaded(workflow) for workflow in workflows]}
    warnings = review_upload(
        caller_of(request), read_text(request), read_any_arguments(request).text("namespace")
    )
    if warnings:
        body["warnings"] = [render_problem(problem) for problem in warnings]
    return body
