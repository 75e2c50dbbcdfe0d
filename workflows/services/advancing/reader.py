"""Answers the expression functions about executions in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from workflows.engine.scope import format_time
from workflows.errors import ExpressionFailed, LimitExceeded
from workflows.expressions.reader import NoReader
from workflows.jsontypes import JSONObject
from workflows.models import TaskExecution, WorkflowExecution
from workflows.services.advancing.results import task_result
from workflows.services.definitions.definitions import load_specs

_Row = TypeVar("_Row", WorkflowExecution, TaskExecution)


class DatabaseReader(NoReader):
    """Sees the executions of one project. The number of rows of an answer is limited."""

    def __init__(self, project_id: UUID) -> None:
        self._project_id = project_id

    def executions(
        self,
        *,
        id: str | None,
        root_execution_id: str | None,
        state: str | None,
        from_time: str | None,
        to_time: str | None,
    ) -> list[JSONObject]:
        found = self._executions()
        if id is not None:
            found = found.filter(id__in=_parse_id(id))
        if root_execution_id is not None:
            found = found.filter(root_execution_id__in=_parse_id(root_execution_id))
        if state is not None:
            found = found.filter(state=state)
        if from_time is not None:
            found = found.filter(created_at__gte=_parse_time(from_time))
        if to_time is not None:
            found = found.filter(created_at__lt=_parse_time(to_time))
        rows = _limited(found.order_by("created_at"))
        specs = load_specs(row.revision_id for row in rows)
        return [_describe_execution(row, specs[row.revision_id].spec.raw) for row in rows]

    def tasks(
        self,
        *,
        workflow_execution_id: str | None,
        recursive: bool,
        state: str | None,
        flat: bool,
    ) -> list[JSONObject]:
        executions = self._executions()
        if workflow_execution_id is not None:
            wanted = _parse_id(workflow_execution_id)
            if recursive:
                wanted |= self._descendants(wanted)
            executions = executions.filter(id__in=wanted)
        found = TaskExecution.objects.filter(execution__in=executions)
        if state is not None:
            found = found.filter(state=state)
        tasks = _limited(found.select_related("execution").order_by("created_at"))
        if flat:
            tasks = [task for task in tasks if not _repeats_its_child(task)]
        specs = load_specs(task.execution.revision_id for task in tasks)
        return [
            _describe_task(task, specs[task.execution.revision_id].spec.tasks[task.name].raw)
            for task in tasks
        ]

    def _executions(self) -> QuerySet[WorkflowExecution]:
        return WorkflowExecution.objects.filter(project_id=self._project_id)

    def _descendants(self, parents: set[UUID]) -> set[UUID]:
        """All executions below some; one query a level."""
        found: set[UUID] = set()
        level = parents
        while level:
            children = self._executions().filter(parent_task__execution_id__in=level)
            level = set(children.values_list("id", flat=True)) - found
            found |= level
        return found


def _describe_execution(row: WorkflowExecution, raw: JSONObject) -> JSONObject:
    return {
        "id": str(row.id),
        "name": row.workflow_name,
        "workflow_name": row.workflow_name,
        "spec": raw,
        "state": row.state,
        "state_info": row.state_info,
        "input": row.input,
        "output": row.output,
        "params": row.params,
        "created_at": format_time(row.created_at),
        "updated_at": format_time(row.updated_at),
        "root_execution_id": str(row.root_execution_id) if row.root_execution_id else None,
    }


def _describe_task(task: TaskExecution, raw: JSONObject) -> JSONObject:
    return {
        "id": str(task.id),
        "name": task.name,
        "spec": raw,
        "state": task.state,
        "state_info": task.state_info,
        "result": task_result(task),
        "published": task.published,
        "type": task.type,
        "workflow_execution_id": str(task.execution_id),
        "created_at": format_time(task.created_at),
        "updated_at": format_time(task.updated_at),
    }


def _repeats_its_child(task: TaskExecution) -> bool:
    """Whether the task only stands for a sub-workflow in the same state."""
    if task.type != "WORKFLOW":
        return False
    return all(child.state == task.state for child in task.children.only("state"))


def _limited(found: QuerySet[_Row]) -> list[_Row]:
    limit = settings.LEVANTE_MAX_EXPRESSION_ROWS
    rows = list(found[: limit + 1])
    if len(rows) > limit:
        raise LimitExceeded(
            f"The function finds more than {limit} rows; narrow it down by its arguments."
        )
    return rows


def _parse_id(value: str) -> set[UUID]:
    """The one id that a text is, or none: nothing has an id that is no UUID."""
    try:
        return {UUID(str(value))}
    except ValueError:
        return set()


def _parse_time(value: str) -> datetime:
    try:
        parsed = parse_datetime(str(value))
    except ValueError as error:
        raise ExpressionFailed("A time must look like 2026-01-31 12:00:00.") from error
    if parsed is None:
        raise ExpressionFailed("A time must look like 2026-01-31 12:00:00.")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
