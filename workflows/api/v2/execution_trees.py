"""What lies below an execution or a task: the sub-executions, and the report over all of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import read_arguments
from workflows.api.attributes import load_only, render
from workflows.api.auth import caller_of
from workflows.api.operations import (
    ERRORS_ONLY,
    FLAG,
    INCLUDE_OUTPUT,
    MAX_DEPTH,
    Argument,
    Operation,
    reading,
)
from workflows.api.v2.executions import EXECUTION, execution_not_found
from workflows.api.v2.tasks import task_not_found
from workflows.api.values import date_text, parse_uuid
from workflows.api.views import ApiView, answer
from workflows.engine.states import State
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.executions.execution_tree import (
    Branch,
    Report,
    count_tasks,
    estimate_seconds,
    load_report,
    walk_execution,
    walk_task,
)
from workflows.services.executions.visible import visible_executions, visible_tasks

_ARGUMENTS: Final = frozenset({"max_depth", "errors_only"})
# Rows read by one statement.
_BATCH: Final = 1000

# The states that a report counts, and under which name.
_COUNTERS: Final = {
    State.RUNNING: "running_tasks_count",
    State.SUCCESS: "success_tasks_count",
    State.ERROR: "error_tasks_count",
    State.IDLE: "idle_tasks_count",
    State.PAUSED: "paused_tasks_count",
}

_STATISTICS_ONLY: Final = Argument("statistics_only", FLAG, "The counts alone.")
_REPORT: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "statistics": {
            "type": "object",
            "properties": {
                name: {"type": "integer"}
                for name in ("total_tasks_count", *_COUNTERS.values(), "estimated_time")
            },
        },
        "root_workflow_execution": {
            "type": "object",
            "description": "An execution with its tasks, and those with what they started.",
        },
    },
    "required": ["statistics"],
}


class SubExecutionsView(ApiView):
    """An execution and all below it, depth first."""

    operations = {
        "GET": Operation(
            "Get an execution and all below it",
            EXECUTION,
            wrapped="executions",
            arguments=(MAX_DEPTH, ERRORS_ONLY, INCLUDE_OUTPUT),
        ),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, _ARGUMENTS | {"include_output"})
        branches = walk_execution(
            _get_execution(request, identifier),
            max_depth=arguments.integer("max_depth", -1),
            errors_only=arguments.flag("errors_only"),
        )
        return answer(_render_branches(branches, with_output=arguments.flag("include_output")))


class TaskSubExecutionsView(ApiView):
    """The sub-workflows of a task and all below them, depth first."""

    operations = {
        "GET": Operation(
            "Get all executions below a task",
            EXECUTION,
            wrapped="executions",
            arguments=(MAX_DEPTH, ERRORS_ONLY, INCLUDE_OUTPUT),
        ),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, _ARGUMENTS | {"include_output"})
        task_id = parse_uuid("id", identifier)
        rows = visible_tasks(caller_of(request)).select_related("execution")
        task = rows.filter(pk=task_id).first()
        if task is None:
            raise task_not_found(identifier)
        branches = walk_task(
            task,
            max_depth=arguments.integer("max_depth", -1),
            errors_only=arguments.flag("errors_only"),
        )
        return answer(_render_branches(branches, with_output=arguments.flag("include_output")))


class ReportView(ApiView):
    """Counts of tasks by state, and the tree of executions, tasks and actions."""

    operations = {
        "GET": reading(
            "Get counts of tasks and the tree of an execution",
            _REPORT,
            MAX_DEPTH,
            ERRORS_ONLY,
            _STATISTICS_ONLY,
        ),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        arguments = read_arguments(request, _ARGUMENTS | {"statistics_only"})
        execution = _get_execution(request, identifier)
        max_depth = arguments.integer("max_depth", -1)
        errors_only = arguments.flag("errors_only")
        if arguments.flag("statistics_only"):
            tasks = count_tasks(execution, max_depth=max_depth, errors_only=errors_only)
            return answer({"statistics": _statistics(execution, tasks)})
        report = load_report(execution, max_depth=max_depth, errors_only=errors_only)
        return answer(
            {
                "statistics": _statistics(execution, report.counted()),
                "root_workflow_execution": _draw_execution(report, execution.pk),
            }
        )


def _get_execution(request: Request, identifier: str) -> WorkflowExecution:
    execution_id = parse_uuid("id", identifier)
    found = visible_executions(caller_of(request)).filter(pk=execution_id).first()
    if found is None:
        raise execution_not_found(identifier)
    return found


def _render_branches(branches: list[Branch], *, with_output: bool) -> JSONObject:
    attributes = EXECUTION.select((), more=["output"] if with_output else [])
    rows: dict[uuid.UUID, WorkflowExecution] = {}
    for start in range(0, len(branches), _BATCH):
        ids = [branch.id for branch in branches[start : start + _BATCH]]
        found = load_only(WorkflowExecution.objects.filter(pk__in=ids), attributes)
        rows.update({row.pk: row for row in found})
    shown: list[JSONValue] = [
        render(rows[branch.id], attributes) for branch in branches if branch.id in rows
    ]
    return {"executions": shown}


def _statistics(execution: WorkflowExecution, tasks: Iterable[TaskExecution]) -> JSONObject:
    counts = {"total_tasks_count": 0, **dict.fromkeys(_COUNTERS.values(), 0)}
    for task in tasks:
        counts["total_tasks_count"] += 1
        counter = _COUNTERS.get(State(task.state))
        if counter:
            counts[counter] += 1
    return {**counts, "estimated_time": estimate_seconds(execution)}


def _draw_execution(report: Report, execution_id: uuid.UUID) -> JSONObject:
    execution = report.executions[execution_id]
    drawn = _draw_row(execution, execution.workflow_name)
    if execution_id in report.expanded:
        tasks = report.tasks.get(execution_id, [])
        drawn["task_executions"] = [_draw_task(report, task) for task in tasks]
    return drawn


def _draw_task(report: Report, task: TaskExecution) -> JSONObject:
    drawn = _draw_row(task, task.name)
    if task.pk in report.retried:
        drawn["retry_count"] = task.attempt
    drawn["action_executions"] = [
        {
            **_draw_row(action, action.name),
            "accepted": action.is_accepted,
            "last_heartbeat": None,
        }
        for action in report.actions.get(task.pk, [])
    ]
    drawn["workflow_executions"] = [
        _draw_execution(report, child) for child in report.children.get(task.pk, [])
    ]
    return drawn


def _draw_row(row: WorkflowExecution | TaskExecution | ActionExecution, name: str) -> JSONObject:
    return {
        "id": str(row.pk),
        "name": name,
        "state": row.state,
        "state_info": row.state_info,
        "created_at": date_text(row.created_at),
        "updated_at": date_text(row.updated_at),
    }
