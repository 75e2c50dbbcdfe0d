"""Lists of executions for people: narrowed by what a person looks for, paged by key.

No list counts all of its rows, and none reads a payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from workflows.engine.states import State
from workflows.errors import NotFound
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.executions.visible import (
    narrow_to_visible,
    visible_actions,
    visible_executions,
)
from workflows.services.identity.identity import Caller
from workflows.services.pages.keyset import beyond

PAGE_SIZE: Final = 50

# What the lists show.
_COLUMNS: Final = (
    "workflow_name",
    "workflow_namespace",
    "workflow_id",
    "description",
    "tags",
    "state",
    "state_info",
    "created_at",
    "updated_at",
    "finished_at",
    "started_by",
    "parent_task_id",
    "parent_execution_id",
    "root_execution_id",
    "revision__number",
    "project__name",
)
# The states in which the result of an action can be reported.
OPEN: Final = frozenset({State.RUNNING, State.PAUSED})
_HEX: Final = frozenset("0123456789abcdef")
_UUID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in the list behind which the page starts; upwards if `is_back`."""

    created_at: datetime
    id: UUID
    is_back: bool = False


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What somebody looks for; what is empty does not narrow the list."""

    states: tuple[State, ...] = ()
    workflow: str = ""
    workflow_id: UUID | None = None
    project_id: UUID | None = None
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None
    identity: str = ""
    roots_only: bool = True


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page, newest first."""

    rows: Sequence[WorkflowExecution]
    has_newer: bool
    has_older: bool


def get_run(caller: Caller, execution_id: UUID) -> WorkflowExecution:
    """Return an execution without its payloads, with revision and project; raises NotFound."""
    found = (
        visible_executions(caller)
        .select_related("revision", "project", "parent_task")
        .only(
            *_COLUMNS,
            "revision__name",
            "revision__spec_name",
            "depth",
            "item_index",
            "source_execution_id",
            "revived_at",
            "parent_task__name",
            "is_started",
        )
        .filter(pk=execution_id)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no execution {execution_id}, or it is not yours to see.")
    return found


def get_task(caller: Caller, execution_id: UUID, task_id: UUID) -> TaskExecution:
    """Return a task of a visible execution without its payloads; raises NotFound."""
    execution = get_run(caller, execution_id)
    found = (
        TaskExecution.objects.filter(pk=task_id, execution_id=execution_id)
        .defer("published", "published_global", "pending")
        .first()
    )
    if found is None:
        raise NotFound(f"There is no task {task_id} in this execution.")
    found.execution = execution
    return found


def get_action(caller: Caller, action_id: UUID) -> ActionExecution:
    """Return an action of a visible project without its payloads; raises NotFound."""
    found = (
        visible_actions(caller).defer("input", "base_input", "output").filter(pk=action_id).first()
    )
    if found is None:
        raise NotFound(f"There is no action {action_id}, or it is not yours to see.")
    return found


def waiting_for_a_result(caller: Caller) -> QuerySet[ActionExecution]:
    """The caller's asynchronous actions whose result somebody has to report."""
    return narrow_to_visible(caller, open_outside())


def open_outside() -> QuerySet[ActionExecution]:
    """All actions whose work is done elsewhere and whose result is missing, paused ones too."""
    return ActionExecution.objects.filter(state__in=OPEN, is_sync=False, is_handled=False)


def list_runs(
    caller: Caller, wanted: RunFilter, cursor: Cursor | None = None, *, limit: int = PAGE_SIZE
) -> RunPage:
    """Read one page. One row more than shown tells whether there is another page."""
    rows = narrow(visible_executions(caller), wanted)
    is_back = cursor is not None and cursor.is_back
    if cursor is not None:
        # Newest first, so older rows come behind.
        place = {"created_at": cursor.created_at, "id": cursor.id}
        rows = rows.filter(beyond(is_back=not cursor.is_back, **place))
    order = ("created_at", "id") if is_back else ("-created_at", "-id")
    found = list(
        rows.select_related("revision", "project").only(*_COLUMNS).order_by(*order)[: limit + 1]
    )
    has_more, found = len(found) > limit, found[:limit]
    if is_back:
        found.reverse()
        return RunPage(found, has_newer=has_more, has_older=True)
    return RunPage(found, has_newer=cursor is not None, has_older=has_more)


def narrow(rows: QuerySet[WorkflowExecution], wanted: RunFilter) -> QuerySet[WorkflowExecution]:
    """Keep what fits the filter."""
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.workflow:
        rows = rows.filter(workflow_name=wanted.workflow)
    if wanted.workflow_id:
        rows = rows.filter(workflow_id=wanted.workflow_id)
    if wanted.project_id:
        rows = rows.filter(project_id=wanted.project_id)
    if wanted.tag:
        # The second condition is what the index of tags asks for.
        rows = rows.filter(tags__contains=[wanted.tag]).exclude(tags=[])
    if wanted.since:
        rows = rows.filter(created_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(created_at__lt=wanted.until)
    if wanted.identity:
        return rows.filter(_identity(wanted.identity))
    return rows.filter(root_execution_id__isnull=True) if wanted.roots_only else rows


def _identity(text: str) -> Q:
    """Match ids that begin with a text; one that is no id matches nothing."""
    digits = text.strip().lower().replace("-", "")
    if not digits or len(digits) > _UUID_DIGITS or not set(digits) <= _HEX:
        return Q(pk__in=[])
    first, last = UUID(digits.ljust(_UUID_DIGITS, "0")), UUID(digits.ljust(_UUID_DIGITS, "f"))
    return Q(pk__gte=first, pk__lte=last)
