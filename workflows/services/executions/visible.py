"""Which executions, tasks and actions a caller sees: those of its project, for everybody alike."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.identity.identity import Caller

_Row = TypeVar("_Row", bound=Model)


def visible_executions(caller: Caller) -> QuerySet[WorkflowExecution]:
    """The executions of the caller's project; for an administrator those of all projects."""
    return narrow_to_visible(caller, WorkflowExecution.objects.all())


def visible_tasks(caller: Caller) -> QuerySet[TaskExecution]:
    """The tasks of the caller's project; for an administrator those of all projects."""
    return narrow_to_visible(caller, TaskExecution.objects.all())


def visible_actions(caller: Caller) -> QuerySet[ActionExecution]:
    """The actions of the caller's project; for an administrator those of all projects."""
    return narrow_to_visible(caller, ActionExecution.objects.all())


def narrow_to_visible(caller: Caller, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """Keep the rows of the caller's project, for an administrator all."""
    return rows if caller.is_admin else rows.filter(project_id=caller.project_id)
