"""/v2/event_triggers: workflows that start when a message of some type arrives."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.operations import (
    ALL_PROJECTS,
    changing,
    creating,
    deleting,
    listing,
    reading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.values import parse_uuid
from workflows.api.views import ApiView, answer, created, deleted
from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import EventTrigger, Role, Scope
from workflows.services.triggers.event_triggers import (
    FIXED,
    create_event_trigger,
    delete_event_trigger,
    get_event_trigger,
    update_event_trigger,
)
from workflows.services.triggers.notification_events import hide_secrets


def _params(row: EventTrigger) -> JSONObject:
    return hide_secrets(row.params)


# The last two are Levante's own.
EVENT_TRIGGER: Final = Resource(
    title="Event trigger",
    collection="event_triggers",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
        Attribute("project_id", Kind.UUID),
        Attribute("name"),
        Attribute("workflow_id", Kind.UUID),
        Attribute("workflow_input", Kind.JSON, column="input"),
        Attribute("workflow_params", Kind.JSON, value=_params, needs=("params",), column="params"),
        Attribute("exchange"),
        Attribute("topic"),
        Attribute("event"),
        Attribute("scope"),
        Attribute("condition"),
        Attribute("event_input", Kind.JSON),
    ),
)

_REQUIRED: Final = ("exchange", "workflow_id", "event", "topic")
_BODY: Final = {
    **dict.fromkeys((*_REQUIRED, "name", "scope", "condition"), Given.TEXT),
    **dict.fromkeys(("workflow_input", "workflow_params", "event_input"), Given.JSON),
    **dict.fromkeys(("id", "created_at", "updated_at"), Given.IGNORED),
}
# Attributes of the body that a change may have, and the columns they stand for.
_CHANGES: Final = {
    "name": "name",
    "workflow_input": "input",
    "workflow_params": "params",
    "scope": "scope",
    "condition": "condition",
    "event_input": "event_input",
}


class EventTriggersView(ApiView):
    """All event triggers."""

    operations = {
        "GET": listing("List event triggers", EVENT_TRIGGER, (), ALL_PROJECTS),
        "POST": creating(
            "Start a workflow for each event of a kind", EVENT_TRIGGER, _BODY, _REQUIRED
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        arguments = read_arguments(request, COMMON | {"all_projects"})
        if arguments.flag("all_projects"):
            caller.require(Role.ADMIN)
        page = read_page(arguments, EVENT_TRIGGER, (), kept=["all_projects"])
        visible = EventTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "event_trigger", _BODY)
        if not all(body.text(name) for name in _REQUIRED):
            names = ", ".join(repr(name) for name in _REQUIRED)
            raise RequestInvalid(f"Params {{{names}}} must be provided for creating event trigger.")
        trigger = create_event_trigger(
            caller=caller_of(request),
            workflow_id=parse_uuid("workflow_id", body.text("workflow_id") or ""),
            exchange=body.text("exchange") or "",
            topic=body.text("topic") or "",
            event=body.text("event") or "",
            name=body.text("name") or "",
            input=body.object("workflow_input"),
            params=body.object("workflow_params"),
            condition=body.text("condition") or "",
            event_input=body.object("event_input"),
            scope=body.text("scope") or Scope.PRIVATE,
        )
        return created(render(trigger, EVENT_TRIGGER.attributes))


class EventTriggerView(ApiView):
    """One event trigger, by id."""

    operations = {
        "GET": reading("Get an event trigger", EVENT_TRIGGER),
        "PUT": changing("Change an event trigger", EVENT_TRIGGER, _BODY),
        "DELETE": deleting("Delete an event trigger"),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        attributes = EVENT_TRIGGER.select(read_arguments(request, {"fields"}).names("fields"))
        trigger = get_event_trigger(caller_of(request), parse_uuid("id", identifier))
        return answer(render(trigger, attributes))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "event_trigger", _BODY)
        if any(body.has(name) for name in FIXED):
            raise RequestInvalid(f"Can not update fields {list(FIXED)} of event trigger.")
        trigger = update_event_trigger(
            caller=caller_of(request),
            trigger_id=parse_uuid("id", identifier),
            changes=_changes(body),
        )
        return answer(render(trigger, EVENT_TRIGGER.attributes))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        delete_event_trigger(caller=caller_of(request), trigger_id=parse_uuid("id", identifier))
        return deleted()


def _changes(body: Body) -> dict[str, Any]:
    changes: dict[str, Any] = {
        column: body.values[name] for name, column in _CHANGES.items() if body.has(name)
    }
    workflow_id = body.text("workflow_id")
    if workflow_id is not None:
        changes["workflow_id"] = parse_uuid("workflow_id", workflow_id)
    return changes
