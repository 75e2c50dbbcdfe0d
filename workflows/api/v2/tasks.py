"""/v2/tasks: read and list tasks, and rerun or skip failed ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, load_only, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Body, Given, read_object
from workflows.api.filters import read_conditions
from workflows.api.operations import changing, listing, reading
from workflows.api.pagination import Page, list_rows, page_body, read_page
from workflows.api.v2.executions import (
    EXECUTION,
    execution_not_found,
)
from workflows.api.values import json_text, parse_uuid
from workflows.api.views import ApiView, answer
from workflows.engine.states import State
from workflows.errors import NotFound, RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import TaskExecution, WorkflowExecution
from workflows.services.advancing.results import task_result
from workflows.services.executions.reruns import rerun_task, skip_task
from workflows.services.executions.runtime_context import CONTEXT_COLUMNS, runtime_contexts
from workflows.services.executions.visible import visible_executions, visible_tasks
from workflows.services.identity.identity import Caller


def _published(row: TaskExecution) -> JSONValue:
    """Null, not an empty object, for a task that published nothing but global variables."""
    value: JSONValue = row.published or (None if row.published_global else {})
    return value


TASK: Final = Resource(
    title="Task execution",
    collection="tasks",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("name"),
        Attribute("type"),
        Attribute("workflow_name", column="execution__workflow_name"),
        Attribute("workflow_namespace", column="execution__workflow_namespace"),
        Attribute("workflow_id", Kind.UUID, column="execution__workflow_id"),
        Attribute("workflow_execution_id", Kind.UUID, column="execution_id"),
        Attribute("tags", Kind.TAGS),
        Attribute("state"),
        Attribute("state_info"),
        Attribute("project_id", Kind.UUID),
        Attribute("runtime_context", Kind.JSON, value=lambda row: {}, needs=CONTEXT_COLUMNS),
        Attribute("result", Kind.JSON, value=task_result, is_shown=False),
        Attribute(
            "published", Kind.JSON, value=_published, needs=("published", "published_global")
        ),
        Attribute("published_global", Kind.JSON, is_shown=False),
        Attribute("processed", Kind.FLAG, column="is_processed"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
        Attribute("started_at", Kind.DATE),
        Attribute("finished_at", Kind.DATE),
    ),
)

_PUBLISHED: Final = Attribute("published", Kind.JSON)
_FILTERS: Final = (
    *(
        TASK.by_name[name]
        for name in (
            "name", "workflow_name", "workflow_id", "workflow_execution_id", "state",
            "state_info", "tags", "processed", "created_at", "updated_at",
        )
    ),
    _PUBLISHED,
)  # fmt: skip
_OF_EXECUTION: Final = tuple(one for one in _FILTERS if one.name != "workflow_execution_id")

_BODY: Final = {
    "name": Given.TEXT,
    "workflow_name": Given.TEXT,
    "state": Given.TEXT,
    "reset": Given.FLAG,
    "env": Given.JSON,
    **dict.fromkeys(
        (
            "id", "type", "workflow_namespace", "workflow_id", "workflow_execution_id", "tags",
            "state_info", "runtime_context", "result", "published", "published_global",
            "processed", "created_at", "updated_at", "started_at", "finished_at",
        ),
        Given.IGNORED,
    ),
}  # fmt: skip


def task_not_found(identifier: object) -> NotFound:
    """Build the error for a task that is unknown or not visible."""
    return NotFound(f"Task execution not found [id={identifier}]")


class TasksView(ApiView):
    """All tasks."""

    operations = {
        "GET": listing("List tasks", TASK, _FILTERS),
    }

    def get(self, request: Request) -> HttpResponse:
        return _list(request, visible_tasks(caller_of(request)), _FILTERS)


class ExecutionTasksView(ApiView):
    """The tasks of one execution."""

    operations = {
        "GET": listing("List the tasks of an execution", TASK, _OF_EXECUTION),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        execution_id = parse_uuid("workflow_execution_id", identifier)
        caller = caller_of(request)
        if not visible_executions(caller).filter(pk=execution_id).exists():
            raise execution_not_found(identifier)
        rows = visible_tasks(caller).filter(execution_id=execution_id)
        return _list(request, rows, _OF_EXECUTION)


def _list(
    request: Request, rows: QuerySet[TaskExecution], filters: Sequence[Attribute]
) -> HttpResponse:
    arguments = read_arguments(request, COMMON | {attribute.name for attribute in filters})
    page = read_page(arguments, TASK, read_conditions(arguments, filters))
    page = _without_result(page)
    tasks = list_rows(rows, page)
    drawn = iter(_draw(tasks, page.attributes))
    return answer(page_body(request, page, tasks, lambda row, attributes: next(drawn)))


def _without_result(page: Page) -> Page:
    """Lists have no results: each would cost a query of its own."""
    shown = tuple(found for found in page.attributes if found.name != "result")
    return Page(**{**{name: getattr(page, name) for name in page.__slots__}, "attributes": shown})


def _draw(tasks: Sequence[TaskExecution], attributes: Iterable[Attribute]) -> list[JSONObject]:
    """Render tasks; their runtime contexts are put together for all of them at once."""
    attributes = list(attributes)
    has_context = any(attribute.name == "runtime_context" for attribute in attributes)
    contexts = runtime_contexts(tasks) if has_context else {}
    bodies = [render(task, attributes) for task in tasks]
    for task, body in zip(tasks, bodies, strict=True):
        if has_context:
            body["runtime_context"] = json_text(contexts[task.pk])
    return bodies


class TaskView(ApiView):
    """One task."""

    operations = {
        "GET": reading("Get a task", TASK),
        "PUT": changing(
            "Rerun or skip a failed task",
            TASK,
            _BODY,
            ("state",),
            example={"state": "RUNNING", "reset": True},
        ),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, {"fields"})
        attributes = TASK.select(arguments.names("fields"), more=["result", "published_global"])
        rows = visible_tasks(caller_of(request))
        return answer(_show(rows, identifier, attributes, fields=arguments.names("fields")))

    def put(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "task", _BODY)
        caller = caller_of(request)
        rows = visible_tasks(caller)
        task = (
            rows.filter(pk=_task_id(identifier))
            .select_related("execution")
            .only("name", "state", "items_total", "execution__workflow_name")
            .first()
        )
        if task is None:
            raise task_not_found(identifier)
        _rerun_or_skip(task, body, caller)
        return answer(_show(rows, identifier, TASK.select((), more=["result"])))


def _task_id(identifier: str) -> uuid.UUID:
    try:
        return parse_uuid("id", identifier)
    except RequestInvalid as error:
        raise task_not_found(identifier) from error


def _show(
    rows: QuerySet[TaskExecution],
    identifier: str,
    attributes: tuple[Attribute, ...],
    fields: Sequence[str] = (),
) -> JSONObject:
    found = rows.filter(pk=_task_id(identifier))
    task = load_only(found, attributes, ["type", "items_total"]).first()
    if task is None:
        raise task_not_found(identifier)
    body = _draw([task], attributes)[0]
    if not fields and "published_global" in body and not task.published_global:
        del body["published_global"]
    if "result" in body:
        body["result"] = _result_text(task)
    return body


def _result_text(task: TaskExecution) -> str:
    """Write the result; unlike other JSON attributes null is the text `null` here."""
    return json_text(task_result(task)) or "null"


def _rerun_or_skip(task: TaskExecution, body: Body, caller: Caller) -> None:
    if body.has("name") and body.text("name") != task.name:
        raise RequestInvalid("Task name does not match.")
    if body.has("workflow_name") and body.text("workflow_name") != task.execution.workflow_name:
        raise RequestInvalid("Workflow name does not match.")
    state = body.text("state")
    if state not in (State.RUNNING, State.SKIPPED):
        raise RequestInvalid(
            "Invalid task state. Only updating task to RUNNING or SKIPPED is supported."
        )
    if task.state != State.ERROR:
        raise RequestInvalid(
            "The current task execution must be in ERROR for rerun. Only updating task to rerun "
            "is supported."
        )
    env = body.object("env")
    if state == State.SKIPPED:
        skip_task(task.pk, env=env, actor=caller.name)
        return
    reset = body.flag("reset")
    if reset is None:
        raise RequestInvalid("Reset field is mandatory to rerun task.")
    if not reset and task.items_total is None:
        raise RequestInvalid("Only with-items task has the option to not reset.")
    rerun_task(task.pk, reset=reset, env=env, actor=caller.name)


_CHILD_FILTERS: Final = tuple(
    EXECUTION.by_name[name]
    for name in (
        "workflow_name", "workflow_id", "description", "tags", "params", "state", "state_info",
        "input", "output", "created_at", "updated_at",
    )
)  # fmt: skip


class TaskExecutionsView(ApiView):
    """The sub-workflows of one task; none for an unknown task."""

    operations = {
        "GET": listing("List the sub-workflows of a task", EXECUTION, _CHILD_FILTERS),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        task_id = parse_uuid("task_execution_id", identifier)
        known = COMMON | {attribute.name for attribute in _CHILD_FILTERS}
        arguments = read_arguments(request, known)
        page = read_page(
            arguments,
            EXECUTION,
            read_conditions(arguments, _CHILD_FILTERS),
            less=["params", "input", "output"],
        )
        rows: QuerySet[WorkflowExecution] = visible_executions(caller_of(request))
        return answer(page_body(request, page, list_rows(rows.filter(parent_task=task_id), page)))
