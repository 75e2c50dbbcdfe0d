"""/v2/actions: the built-in actions and the uploaded ad-hoc ones in one list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.actions.base import parameters
from workflows.actions.registry import (
    SystemAction,
    describe_action,
    list_actions,
    summarize_input,
)
from workflows.api.arguments import (
    COMMON,
    Arguments,
    positive_limit,
    read_any_arguments,
    read_arguments,
)
from workflows.api.attributes import Attribute, Kind, Resource
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.filters import Condition, is_met, read_conditions
from workflows.api.operations import NAMESPACE, deleting, listing, reading, uploading
from workflows.api.pagination import Page, SortKey, next_link, read_sort
from workflows.api.v2.workflows import scope_of
from workflows.api.values import date_text
from workflows.api.views import ApiView, answer, created, deleted
from workflows.errors import NotFound
from workflows.jsontypes import JSONObject
from workflows.models import ActionDefinition, DynamicAction
from workflows.services.definitions.action_uploads import (
    create_actions,
    delete_action,
    update_action,
    update_actions,
)
from workflows.services.definitions.code_sources import (
    as_action,
    find_dynamic_action,
    visible_dynamic_actions,
)
from workflows.services.definitions.definitions import find_adhoc_action
from workflows.services.identity.identity import Caller

# Rows of this resource are plain mappings: built-in actions have no table.
ACTION: Final = Resource(
    title="Action",
    collection="actions",
    attributes=(
        Attribute("id"),
        Attribute("name"),
        Attribute("is_system", Kind.FLAG),
        Attribute("input"),
        Attribute("description"),
        Attribute("tags", Kind.TAGS),
        Attribute("definition"),
        Attribute("scope"),
        Attribute("project_id"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
        Attribute("namespace"),
    ),
)

_FILTERS: Final = tuple(
    ACTION.by_name[name]
    for name in (
        "name", "namespace", "scope", "tags", "description", "definition", "is_system", "input",
        "created_at", "updated_at",
    )
)  # fmt: skip
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

Row = dict[str, Any]

_EXAMPLE: Final = """version: '2.0'
greet:
  input: [name]
  base: std.echo
  base-input: {output: "Hello, <% $.name %>"}
"""


class ActionsView(ApiView):
    """All actions, and uploads by name."""

    operations = {
        "GET": listing("List actions", ACTION, _FILTERS, sort="name"),
        "POST": uploading(
            "Create ad-hoc actions", ACTION, 201, wrapped="actions", example=_EXAMPLE
        ),
        "PUT": uploading(
            "Change ad-hoc actions, by name", ACTION, 200, wrapped="actions", example=_EXAMPLE
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        known = COMMON | {attribute.name for attribute in _FILTERS}
        arguments = read_arguments(request, known)
        page = _read_page(arguments)
        rows = _page_rows(_all_rows(caller_of(request)), page)
        body: JSONObject = {"actions": [_render(row, page.attributes) for row in rows]}
        if page.limit and len(rows) == page.limit:
            body["next"] = next_link(request, page, rows[-1]["id"])
        return answer(body)

    def post(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        actions = create_actions(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return created(_uploaded(actions))

    def put(self, request: Request) -> HttpResponse:
        arguments = read_any_arguments(request)
        actions = update_actions(
            caller=caller_of(request),
            text=read_text(request),
            namespace=arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return answer(_uploaded(actions))


class ActionView(ApiView):
    """One action, by name or id; the namespace may be a second part of the path."""

    operations = {
        "GET": reading("Get an action", ACTION, NAMESPACE),
        "PUT": uploading(
            "Change one ad-hoc action", ACTION, 200, wrapped="actions", example=_EXAMPLE
        ),
        "DELETE": deleting("Delete an ad-hoc action", NAMESPACE),
    }

    def get(self, request: Request, identifier: str, namespace: str = "") -> HttpResponse:
        arguments = read_arguments(request, {"namespace", "fields"})
        attributes = ACTION.select(arguments.names("fields"))
        namespace = namespace or arguments.text("namespace")
        row = _find_row(caller_of(request), identifier, namespace)
        return answer(_render(row, attributes))

    def put(self, request: Request, identifier: str, namespace: str = "") -> HttpResponse:
        arguments = read_any_arguments(request)
        action = update_action(
            caller=caller_of(request),
            identifier=identifier,
            text=read_text(request),
            namespace=namespace or arguments.text("namespace"),
            scope=scope_of(arguments),
        )
        return answer(_uploaded([action]))

    def delete(self, request: Request, identifier: str, namespace: str = "") -> HttpResponse:
        arguments = read_arguments(request, {"namespace"})
        delete_action(
            caller=caller_of(request),
            identifier=identifier,
            namespace=namespace or arguments.text("namespace"),
        )
        return deleted()


def _find_row(caller: Caller, identifier: str, namespace: str) -> Row:
    for system in list_actions():
        if system.name == identifier:
            return _system_row(system)
    action = find_adhoc_action(
        name=identifier,
        namespace=namespace,
        project_id=caller.project_id,
        is_admin=caller.is_admin,
    )
    if action is not None:
        return _adhoc_row(action)
    dynamic = find_dynamic_action(caller, identifier, namespace)
    if dynamic is not None:
        return _dynamic_row(dynamic)
    raise NotFound(f"Action not found [name={identifier}, namespace={namespace}]")


def _all_rows(caller: Caller) -> list[Row]:
    adhoc = ActionDefinition.objects.visible_to(
        caller.project_id, all_projects=caller.is_admin
    ).defer("spec")
    return [
        *(_system_row(system) for system in list_actions()),
        *(_dynamic_row(dynamic) for dynamic in visible_dynamic_actions(caller)),
        *(_adhoc_row(action) for action in adhoc),
    ]


def _read_page(arguments: Arguments) -> Page:
    """Read what a list asks for. Without a limit there is no cap, as clients expect here."""
    given = Arguments({"namespace": "", **arguments.given})
    fields = arguments.names("fields")
    return Page(
        resource=ACTION,
        attributes=ACTION.select(fields),
        sort=read_sort(arguments, ACTION, default="name"),
        limit=positive_limit(arguments) if arguments.text("limit") else 0,
        conditions=read_conditions(given, _FILTERS),
        marker=arguments.text("marker"),
        fields=tuple(dict.fromkeys(["id", *fields])) if fields else (),
    )


def _page_rows(rows: list[Row], page: Page) -> list[Row]:
    marked = [row for row in rows if page.marker and page.marker in (row["id"], row["name"])]
    if page.marker and not marked:
        raise NotFound(f"Action not found [name={page.marker}]")
    for key in reversed(page.sort):
        rows = sorted(rows, key=lambda row: _order(row, key), reverse=key.is_descending)
    if marked:
        rows = rows[rows.index(marked[0]) + 1 :]
    kept = [row for row in rows if _meets(row, page.conditions)]
    return kept[: page.limit] if page.limit else kept


def _order(row: Row, key: SortKey) -> Any:
    value = row[key.attribute.name]
    if key.attribute.kind is Kind.DATE:
        return value or _LONG_AGO
    return value if key.attribute.kind is Kind.FLAG else value or ""


def _meets(row: Row, conditions: Iterable[Condition]) -> bool:
    return all(is_met(condition, row[condition.attribute.name]) for condition in conditions)


def _system_row(system: SystemAction) -> Row:
    return {
        "id": system.name,
        "name": system.name,
        "is_system": True,
        "input": system.input,
        "description": system.description,
        "tags": None,
        "definition": "",
        "scope": None,
        "project_id": None,
        "created_at": None,
        "updated_at": None,
        "namespace": "",
    }


def _dynamic_row(dynamic: DynamicAction) -> Row:
    action = as_action(dynamic)
    return {
        "id": dynamic.name,
        "name": dynamic.name,
        "is_system": False,
        "input": summarize_input(parameters(action)),
        "description": describe_action(action),
        "tags": dynamic.tags,
        "definition": "",
        "scope": dynamic.scope,
        "project_id": str(dynamic.project_id),
        "created_at": dynamic.created_at,
        "updated_at": dynamic.updated_at,
        "namespace": dynamic.namespace,
    }


def _adhoc_row(action: ActionDefinition) -> Row:
    return {
        "id": str(action.pk),
        "name": action.name,
        "is_system": False,
        "input": action.input_summary or None,
        "description": action.description,
        "tags": action.tags,
        "definition": action.text,
        "scope": action.scope,
        "project_id": str(action.project_id),
        "created_at": action.created_at,
        "updated_at": action.updated_at,
        "namespace": action.namespace,
    }


def _render(row: Row, attributes: Iterable[Attribute]) -> JSONObject:
    body: JSONObject = {}
    for attribute in attributes:
        value = row[attribute.name]
        if attribute.kind is Kind.DATE:
            # Built-in actions were never created; clients know an empty text there.
            value = "" if row["is_system"] else date_text(value)
        body[attribute.name] = value
    return body


def _uploaded(actions: Iterable[ActionDefinition]) -> JSONObject:
    return {"actions": [_render(_adhoc_row(action), ACTION.attributes) for action in actions]}
