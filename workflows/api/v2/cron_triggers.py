"""/v2/cron_triggers: workflows that start on a schedule."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import ALL_PROJECTS, creating, deleting, listing, reading
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.views import ApiView, answer, created, deleted
from workflows.jsontypes import JSONObject
from workflows.models import CatchUp, CronTrigger, Overlap, Role, Scope
from workflows.services.triggers.cron_triggers import (
    create_cron_trigger,
    delete_cron_trigger,
    get_cron_trigger,
)
from workflows.services.triggers.notification_events import hide_secrets


def _params(row: CronTrigger) -> JSONObject:
    return hide_secrets(row.params)


CRON_TRIGGER: Final = Resource(
    title="Cron trigger",
    collection="cron_triggers",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("workflow_name"),
        Attribute("workflow_id", Kind.UUID),
        Attribute("workflow_input", Kind.JSON, column="input"),
        Attribute("workflow_params", Kind.JSON, value=_params, needs=("params",), column="params"),
        Attribute("project_id", Kind.UUID),
        Attribute("scope"),
        Attribute("pattern"),
        Attribute("remaining_executions", Kind.INTEGER, column="remaining"),
        Attribute("first_execution_time", Kind.DATE, column="first_time"),
        Attribute("next_execution_time", Kind.DATE, column="next_time"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
        # Levante's own.
        Attribute("time_zone"),
        Attribute("catch_up"),
        Attribute("overlap"),
    ),
)

# All but the id.
_FILTERS: Final = CRON_TRIGGER.attributes[1:]
_LIST_ARGUMENTS: Final = COMMON | {attribute.name for attribute in _FILTERS} | {"all_projects"}
_BODY: Final = {
    **dict.fromkeys(
        (
            "name",
            "workflow_name",
            "workflow_id",
            "pattern",
            "first_execution_time",
            "scope",
            "time_zone",
            "catch_up",
            "overlap",
        ),
        Given.TEXT,
    ),
    "workflow_input": Given.JSON,
    "workflow_params": Given.JSON,
    "remaining_executions": Given.INTEGER,
    **dict.fromkeys(("id", "next_execution_time", "created_at", "updated_at"), Given.IGNORED),
}


class CronTriggersView(ApiView):
    """All cron triggers."""

    operations = {
        "GET": listing("List cron triggers", CRON_TRIGGER, _FILTERS, ALL_PROJECTS),
        "POST": creating(
            "Start a workflow on a schedule",
            CRON_TRIGGER,
            _BODY,
            ("name",),
            example={"name": "nightly", "workflow_name": "hello", "pattern": "0 3 * * *"},
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        arguments = read_arguments(request, _LIST_ARGUMENTS)
        if arguments.flag("all_projects"):
            caller.require(Role.ADMIN)
        conditions = read_conditions(arguments, _FILTERS)
        page = read_page(arguments, CRON_TRIGGER, conditions, kept=["all_projects"])
        visible = CronTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        return answer(page_body(request, page, list_rows(visible, page)))

    def post(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "cron_trigger", _BODY)
        remaining = body.values.get("remaining_executions")
        trigger = create_cron_trigger(
            caller=caller_of(request),
            name=body.text("name") or "",
            workflow=body.text("workflow_id") or body.text("workflow_name") or "",
            input=body.object("workflow_input"),
            params=body.object("workflow_params"),
            pattern=body.text("pattern"),
            first_time=body.text("first_execution_time"),
            remaining=remaining if isinstance(remaining, int) else None,
            scope=body.text("scope") or Scope.PRIVATE,
            time_zone=body.text("time_zone") or "UTC",
            catch_up=body.text("catch_up") or CatchUp.LAST,
            overlap=body.text("overlap") or Overlap.ALLOW,
        )
        return created(render(trigger, CRON_TRIGGER.attributes))


class CronTriggerView(ApiView):
    """One cron trigger, by id or name."""

    operations = {
        "GET": reading("Get a cron trigger", CRON_TRIGGER),
        "DELETE": deleting("Delete a cron trigger"),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        attributes = CRON_TRIGGER.select(read_arguments(request, {"fields"}).names("fields"))
        return answer(render(get_cron_trigger(caller_of(request), identifier), attributes))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        delete_cron_trigger(caller=caller_of(request), name_or_id=identifier)
        return deleted()
