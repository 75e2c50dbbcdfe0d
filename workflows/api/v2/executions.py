"""/v2/executions: start, read, list, change and delete runs of workflows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, Arguments, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, load_only, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import (
    ALL_PROJECTS,
    FLAG,
    INCLUDE_OUTPUT,
    TEXT,
    Argument,
    changing,
    creating,
    deleting,
    listing,
    reading,
)
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.values import invalid, parse_uuid
from workflows.api.views import ApiView, answer, created, deleted
from workflows.engine.states import State
from workflows.errors import NotFound, RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import Role, WorkflowExecution
from workflows.services.definitions.definitions import load_spec
from workflows.services.executions.executions import (
    change_state,
    delete_execution,
    set_description,
    start_execution,
    update_env,
)
from workflows.services.executions.visible import visible_executions
from workflows.services.identity.identity import Caller
from workflows.services.operation.service_status import require_status
from workflows.services.triggers.notification_events import hide_secrets


def _params(row: WorkflowExecution) -> JSONObject:
    """Show where a sub-execution belongs in its params, as clients know it, and no secret."""
    shown = hide_secrets(row.params)
    if row.parent_task_id is None:
        return shown
    return {
        "root_execution_id": str(row.root_execution_id),
        "task_execution_id": str(row.parent_task_id),
        "index": row.item_index,
        **shown,
    }


def _published_global(row: WorkflowExecution) -> JSONObject:
    """Leave out the names that the workflow declares as vars; they share the store."""
    declared = load_spec(row.revision).spec.vars
    return {name: value for name, value in row.globals.items() if name not in declared}


EXECUTION: Final = Resource(
    title="WorkflowExecution",
    collection="executions",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("workflow_id", Kind.UUID),
        Attribute("workflow_name"),
        Attribute("workflow_namespace"),
        Attribute("description"),
        Attribute("tags", Kind.TAGS),
        Attribute(
            "params",
            Kind.JSON,
            value=_params,
            needs=("params", "parent_task_id", "root_execution_id", "item_index"),
        ),
        Attribute("task_execution_id", Kind.UUID, column="parent_task_id"),
        Attribute("root_execution_id", Kind.UUID),
        Attribute("state"),
        Attribute("state_info"),
        Attribute("input", Kind.JSON),
        Attribute("output", Kind.JSON, is_shown=False, null_value={}),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
        Attribute("project_id", Kind.UUID),
        Attribute(
            "published_global",
            Kind.JSON,
            value=_published_global,
            needs=("globals", "revision__spec_name"),
            is_shown=False,
        ),
    ),
)

_FILTERS: Final = tuple(
    EXECUTION.by_name[name]
    for name in (
        "workflow_name", "workflow_id", "description", "state", "state_info", "tags", "params",
        "input", "output", "task_execution_id", "root_execution_id", "project_id", "created_at",
        "updated_at",
    )
)  # fmt: skip
_LIST_ARGUMENTS: Final = (
    COMMON
    | {attribute.name for attribute in _FILTERS}
    | {"include_output", "nulls", "all_projects"}
)
_NULLABLE: Final = (
    "task_execution_id",
    "root_execution_id",
    "state_info",
    "description",
    "updated_at",
)
_FORCE: Final = Argument("force", FLAG, "Also if it has not ended.")
_NULLS: Final = Argument(
    "nulls", TEXT, f"Attributes that have no value, out of: {', '.join(_NULLABLE)}."
)

_BODY: Final = {
    "id": Given.TEXT,
    "workflow_id": Given.TEXT,
    "workflow_name": Given.TEXT,
    "workflow_namespace": Given.TEXT,
    "source_execution_id": Given.TEXT,
    "description": Given.TEXT,
    "input": Given.JSON,
    "params": Given.JSON,
    "state": Given.TEXT,
    "state_info": Given.TEXT,
    **dict.fromkeys(
        (
            "tags", "output", "task_execution_id", "root_execution_id", "created_at",
            "updated_at", "published_global",
        ),
        Given.IGNORED,
    ),
}  # fmt: skip

ALLOWED_STATES: Final = (
    State.RUNNING,
    State.PAUSED,
    State.SUCCESS,
    State.ERROR,
    State.CANCELLED,
)


def execution_not_found(identifier: object) -> NotFound:
    """Build the error for an execution that is unknown or not visible."""
    return NotFound(f"WorkflowExecution not found [id={identifier}]")


def read_execution_id(text: str) -> uuid.UUID:
    """Return the id in a path; one that is no UUID belongs to no execution."""
    try:
        return parse_uuid("id", text)
    except RequestInvalid as error:
        raise execution_not_found(text) from error


class ExecutionsView(ApiView):
    """All executions, and the start of new ones."""

    # The start asks itself, in its transaction.
    open_in_maintenance = frozenset({"POST"})
    operations = {
        "GET": listing(
            "List executions", EXECUTION, _FILTERS, INCLUDE_OUTPUT, _NULLS, ALL_PROJECTS
        ),
        "POST": creating(
            "Start a workflow",
            EXECUTION,
            _BODY,
            example={"workflow_name": "hello", "input": {"name": "Ann"}},
        ),
    }

    def get(self, request: Request) -> HttpResponse:
        arguments = read_arguments(request, _LIST_ARGUMENTS)
        caller = caller_of(request)
        if arguments.flag("all_projects") or arguments.text("project_id"):
            caller.require(Role.ADMIN)
        page = read_page(
            arguments,
            EXECUTION,
            read_conditions(arguments, _FILTERS),
            more=["output"] if arguments.flag("include_output") else [],
            kept=["include_output", "nulls", "all_projects"],
        )
        rows = visible_executions(caller).filter(_nulls(arguments))
        return answer(page_body(request, page, list_rows(rows, page)))

    def post(self, request: Request) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "wf_ex", _BODY)
        caller = caller_of(request)
        execution = start_execution(
            project_id=caller.project_id,
            workflow=body.text("workflow_id") or body.text("workflow_name") or "",
            namespace=body.text("workflow_namespace") or "",
            input=body.object("input") or {},
            params=body.object("params") or {},
            description=body.text("description") or "",
            execution_id=_given_id(body, "id"),
            source_execution_id=_given_id(body, "source_execution_id"),
            is_admin=caller.is_admin,
            actor=caller.name,
            at_once=True,
        )
        return created(render(execution, EXECUTION.select((), more=["output"])))


def _given_id(body: Body, name: str) -> uuid.UUID | None:
    text = body.text(name)
    return parse_uuid(name, text) if text else None


def _nulls(arguments: Arguments) -> Q:
    wanted = Q()
    for name in arguments.names("nulls"):
        if name not in _NULLABLE:
            known = ", ".join(_NULLABLE)
            raise RequestInvalid(f"Unknown name in nulls [{name}], please choose from [{known}]")
        wanted &= Q(**{f"{EXECUTION.by_name[name].path}__isnull": True})
    return wanted


class ExecutionView(ApiView):
    """One execution."""

    open_in_maintenance = frozenset({"PUT"})
    operations = {
        "GET": reading("Get an execution", EXECUTION),
        "PUT": changing(
            "Pause, resume, stop or describe an execution",
            EXECUTION,
            _BODY,
            example={"state": "PAUSED"},
        ),
        "DELETE": deleting("Delete an execution", _FORCE),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"fields"})
        attributes = EXECUTION.select(
            arguments.names("fields"), more=["output", "published_global"]
        )
        rows = visible_executions(caller_of(request))
        return answer(_show(rows, read_execution_id(identifier), attributes))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "wf_ex", _BODY)
        if body.text("state") != State.CANCELLED:
            require_status()
        caller = caller_of(request)
        execution_id = read_execution_id(identifier)
        rows = visible_executions(caller)
        if not rows.filter(pk=execution_id).exists():
            raise execution_not_found(identifier)
        _update(execution_id, body, caller)
        return answer(_show(rows, execution_id, EXECUTION.select((), more=["output"])))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"force"})
        execution_id = read_execution_id(identifier)
        if not visible_executions(caller_of(request)).filter(pk=execution_id).exists():
            raise execution_not_found(identifier)
        delete_execution(execution_id, force=arguments.flag("force"))
        return deleted()


def _show(
    rows: QuerySet[WorkflowExecution], execution_id: uuid.UUID, attributes: Iterable[Attribute]
) -> JSONObject:
    execution = load_only(rows.filter(pk=execution_id), attributes).first()
    if execution is None:
        raise execution_not_found(execution_id)
    return render(execution, attributes)


def _update(execution_id: uuid.UUID, body: Body, caller: Caller) -> None:
    """Carry out one change; which attributes go together is checked before anything is done."""
    state = body.text("state")
    description = body.text("description")
    env = _given_env(body)
    if not state and description is None and not env:
        raise RequestInvalid("The property state, description, or env is not provided for update.")
    if state and description is not None:
        raise RequestInvalid("The property description must be updated separately from state.")
    if state and env and state != State.RUNNING:
        raise RequestInvalid(
            "The property env can only be updated when workflow execution is not running or on "
            "resume from pause."
        )
    if state:
        state_info = body.text("state_info")
        change_state(
            execution_id, _state(state), state_info=state_info, env=env or None, actor=caller.name
        )
        return
    if env:
        update_env(execution_id, env)
    if description is not None:
        set_description(execution_id, description)


def _given_env(body: Body) -> JSONObject:
    env = (body.object("params") or {}).get("env") or {}
    if not isinstance(env, dict):
        raise invalid("env", env, "Expected an object.")
    return env


def _state(text: str) -> State:
    if text not in ALLOWED_STATES:
        allowed = ", ".join(ALLOWED_STATES)
        raise RequestInvalid(f"Cannot change state to {text}. Allowed states are: '{allowed}")
    return State(text)
