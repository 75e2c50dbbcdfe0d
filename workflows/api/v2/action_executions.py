"""/v2/action_executions: run single actions, read and list all, and report results."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, load_only, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import INCLUDE_OUTPUT, changing, creating, deleting, listing, reading
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.values import date_text, json_text, parse_uuid
from workflows.api.views import ApiView, answer, created, deleted
from workflows.engine.states import State
from workflows.errors import NotFound, RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import ActionExecution, ServiceStatus
from workflows.services.executions.executions import change_action_state
from workflows.services.executions.visible import visible_actions
from workflows.services.identity.identity import Caller
from workflows.services.operation.service_status import require_status
from workflows.services.running.action_runs import (
    complete_action,
    delete_action_run,
    require_deletion_allowed,
    start_action_run,
)

ACTION_EXECUTION: Final = Resource(
    title="ActionExecution",
    collection="action_executions",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("description"),
        Attribute(
            "workflow_name",
            column="execution__workflow_name",
            value=lambda row: row.execution.workflow_name if row.execution_id else None,
            needs=("execution__workflow_name",),
        ),
        Attribute("workflow_namespace", column="namespace"),
        Attribute(
            "task_name",
            column="task__name",
            value=lambda row: row.task.name if row.task_id else None,
            needs=("task__name",),
        ),
        Attribute("task_execution_id", Kind.UUID, column="task_id"),
        Attribute("state"),
        Attribute("state_info"),
        Attribute("tags", Kind.TAGS, value=lambda row: None),
        Attribute("project_id", Kind.UUID),
        Attribute("accepted", Kind.FLAG, column="is_accepted"),
        Attribute("input", Kind.JSON),
        Attribute("output", Kind.JSON, is_shown=False),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)

_FILTERS: Final = tuple(
    ACTION_EXECUTION.by_name[name]
    for name in (
        "name", "workflow_name", "task_name", "task_execution_id", "state", "state_info",
        "accepted", "input", "output", "description", "created_at", "updated_at",
    )
)  # fmt: skip
_OF_TASK: Final = tuple(one for one in _FILTERS if one.name != "task_execution_id")

_BODY: Final = {
    "name": Given.TEXT,
    "description": Given.TEXT,
    "workflow_namespace": Given.TEXT,
    "input": Given.JSON,
    "params": Given.JSON,
    "state": Given.TEXT,
    **dict.fromkeys(
        (
            "id", "workflow_name", "task_name", "task_execution_id", "state_info", "tags",
            "accepted", "output", "created_at", "updated_at",
        ),
        Given.IGNORED,
    ),
}  # fmt: skip
_UPDATE_BODY: Final = _BODY | {"output": Given.JSON}

_RESULTS: Final = (State.SUCCESS, State.ERROR, State.CANCELLED)
_CHANGES: Final = (State.PAUSED, State.RUNNING)


def _visible(caller: Caller) -> QuerySet[ActionExecution]:
    """What the caller sees; items that may not start yet are hidden."""
    return visible_actions(caller).exclude(state=State.IDLE)


class ActionExecutionsView(ApiView):
    """All action executions, and the start of single actions."""

    # The start asks itself, in its transaction.
    open_in_maintenance = frozenset({"POST"})
    operations = {
        "GET": listing("List action executions", ACTION_EXECUTION, _FILTERS, INCLUDE_OUTPUT),
        "POST": creating(
            "Run an action",
            ACTION_EXECUTION,
            _BODY,
            ("name",),
            example={"name": "std.echo", "input": {"output": 1}},
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        return _list(request, _visible(caller_of(request)), _FILTERS)

    def post(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "action_ex", _BODY)
        name = body.text("name")
        if not name:
            raise RequestInvalid("Please provide at least action name to run action.")
        run = start_action_run(
            project_id=caller_of(request).project_id,
            name=name,
            namespace=body.text("workflow_namespace") or "",
            input=body.object("input") or {},
            params=body.object("params") or {},
            description=body.text("description") or "",
        )
        return created(_render_run(run))


class ActionExecutionView(ApiView):
    """One action execution."""

    open_in_maintenance = frozenset({"PUT"})
    operations = {
        "GET": reading("Get an action execution", ACTION_EXECUTION),
        "PUT": changing(
            "Report a result",
            ACTION_EXECUTION,
            _UPDATE_BODY,
            ("state",),
            example={"state": "SUCCESS", "output": {"answer": 42}},
        ),
        "DELETE": deleting("Delete the run of a single action"),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"fields"})
        attributes = ACTION_EXECUTION.select(arguments.names("fields"), more=["output"])
        return answer(_show(_visible(caller_of(request)), identifier, attributes))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "action_ex", _UPDATE_BODY)
        # A result lets maintenance come to rest, as long as it has not.
        require_status(*([ServiceStatus.PAUSING] if body.text("state") in _RESULTS else []))
        caller = caller_of(request)
        rows = _visible(caller)
        action = rows.filter(pk=_action_id(identifier)).only("is_sync").first()
        if action is None:
            raise _not_found(identifier)
        _update(action, body, caller)
        return answer(_show(rows, identifier, ACTION_EXECUTION.select((), more=["output"])))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        require_deletion_allowed()
        action = _visible(caller_of(request)).filter(pk=_action_id(identifier)).first()
        if action is None:
            raise _not_found(identifier)
        delete_action_run(action)
        return deleted()


class TaskActionExecutionView(ApiView):
    """One action execution, as part of its task: to be read only."""

    operations = {
        "GET": reading("Get an action execution of a task", ACTION_EXECUTION),
    }

    def get(self, request: Request, task_id: str, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"fields"})
        attributes = ACTION_EXECUTION.select(arguments.names("fields"), more=["output"])
        rows = _visible(caller_of(request))
        rows = rows.filter(task_id=parse_uuid("task_execution_id", task_id))
        return answer(_show(rows, identifier, attributes))


class TaskActionExecutionsView(ApiView):
    """The actions of one task; none for an unknown task."""

    operations = {
        "GET": listing(
            "List the action executions of a task", ACTION_EXECUTION, _OF_TASK, INCLUDE_OUTPUT
        ),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        task_id = parse_uuid("task_execution_id", identifier)
        rows = _visible(caller_of(request)).filter(task_id=task_id)
        return _list(request, rows, _OF_TASK)


def _list(
    request: Request, rows: QuerySet[ActionExecution], filters: Sequence[Attribute]
) -> HttpResponse:
    known = COMMON | {attribute.name for attribute in filters} | {"include_output"}
    arguments = read_arguments(request, known)
    page = read_page(
        arguments,
        ACTION_EXECUTION,
        read_conditions(arguments, filters),
        more=["output"] if arguments.flag("include_output") else [],
        kept=["include_output"],
    )
    return answer(page_body(request, page, list_rows(rows, page)))


def _action_id(identifier: str) -> uuid.UUID:
    try:
        return parse_uuid("id", identifier)
    except RequestInvalid as error:
        raise _not_found(identifier) from error


def _not_found(identifier: object) -> NotFound:
    return NotFound(f"ActionExecution not found [id={identifier}]")


def _show(
    rows: QuerySet[ActionExecution], identifier: str, attributes: tuple[Attribute, ...]
) -> JSONObject:
    action = load_only(rows.filter(pk=_action_id(identifier)), attributes).first()
    if action is None:
        raise _not_found(identifier)
    return render(action, attributes)


def _render_run(run: ActionExecution) -> JSONObject:
    """Show a run; one that was not stored has no identity and no times."""
    if not run._state.adding:
        return render(run, ACTION_EXECUTION.select((), more=["output"]))
    body: JSONObject = dict.fromkeys(attribute.name for attribute in ACTION_EXECUTION.attributes)
    body |= {
        "name": run.name,
        "workflow_namespace": run.namespace,
        "state": run.state,
        "input": json_text(run.input),
        "output": json_text(run.output),
        "updated_at": date_text(None),
    }
    return body


def _update(action: ActionExecution, body: Body, caller: Caller) -> None:
    state = body.text("state")
    if state in _RESULTS:
        output: JSONValue = body.values.get("output")
        complete_action(
            action.pk,
            state=State(state),
            output=output,
            has_output=body.has_even_null("output"),
            actor=caller.name,
        )
        return
    if state not in _CHANGES:
        allowed = ", ".join(f"'{one}'" for one in (*_RESULTS, *_CHANGES))
        raise RequestInvalid(f"Error. Expected one of [{allowed}], actual: {state}")
    if state == State.PAUSED and action.is_sync:
        raise RequestInvalid(
            "Transition to the PAUSED state is only supported for asynchronous action execution."
        )
    change_action_state(action.pk, State(state), actor=caller.name)
