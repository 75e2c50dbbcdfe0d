"""Maintenance: the whole service is paused, and goes on later as if nothing had been.

The wanted status is one row. What follows from it is done by the sweep, pass by pass, so that the
death of any process delays it and no more. Whoever starts something holds the status against a
change until its commit: once a pause is accepted nothing starts any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from workflows.engine.events import Event, PauseAsked, ResumeAsked
from workflows.engine.states import State
from workflows.errors import NotFound, RequestInvalid, StateChangeNotAllowed
from workflows.models import ServiceStatus, WorkflowExecution
from workflows.models.statements import OPEN_STATES, execute, fetch_all
from workflows.services.advancing.advance import change
from workflows.services.advancing.store import LockedExecution
from workflows.services.operation.service_status import (
    get_status,
    lock_row,
)

logger = logging.getLogger(__name__)

_REASON: Final = "Paused by maintenance."

# Parents before their sub-workflows, so that no new ones are made meanwhile.
_AT_WORK_SQL = """
    SELECT id FROM workflow_executions
    WHERE state = ANY(%s) AND state = 'RUNNING'
    ORDER BY depth, created_at LIMIT %s
"""
# A sub-workflow belongs to what somebody has paused if its parent does.
_HOLD_SQL = """
    UPDATE workflow_executions e
    SET is_held = e.parent_execution_id IS NULL OR EXISTS (
        SELECT 1 FROM workflow_executions p
        WHERE p.id = e.parent_execution_id AND (p.is_held OR p.state = 'RUNNING'))
    WHERE e.id = %s
"""
# Sub-workflows before their parents, which go on when none below is paused.
_HELD_SQL = """
    SELECT id FROM workflow_executions WHERE is_held ORDER BY depth DESC, created_at LIMIT %s
"""
# Items that no lane has taken wait for the resume, and so do inline actions that were cut off.
_SETTLE_SQL = """
    UPDATE maintenance SET status = 'PAUSED', changed_at = clock_timestamp()
    WHERE status = 'PAUSING'
      AND NOT EXISTS (
          SELECT 1 FROM workflow_executions e WHERE e.state = ANY(%s) AND e.state = 'RUNNING')
      AND NOT EXISTS (
          SELECT 1 FROM action_executions a
          WHERE a.state = 'RUNNING' AND NOT a.is_handled AND NOT a.is_inline
            AND NOT (a.is_item AND a.token IS NULL))
"""


def set_status(*, status: str, actor: str = "") -> ServiceStatus:
    """Begin or end maintenance; gives the status that holds from now on.

    Asking for what is there already, or on its way, changes nothing.
    """
    if status not in (ServiceStatus.RUNNING, ServiceStatus.PAUSED):
        allowed = f"{ServiceStatus.RUNNING}, {ServiceStatus.PAUSED}"
        raise RequestInvalid(f"Unknown maintenance status {status!r}. Allowed values: {allowed}")
    is_pause = status == ServiceStatus.PAUSED
    with transaction.atomic(durable=True):
        row = lock_row()
        if is_pause == (row.status != ServiceStatus.RUNNING):
            return ServiceStatus(row.status)
        row.status = ServiceStatus.PAUSING if is_pause else ServiceStatus.RUNNING
        row.changed_at, row.actor = timezone.now(), actor
        row.save(update_fields=["status", "changed_at", "actor"])
    logger.warning("Maintenance changes.", extra={"status": str(row.status), "actor": actor})
    return ServiceStatus(row.status)


def forget_hold(execution_id: UUID) -> None:
    """Leave an execution to the person who has just changed its state."""
    WorkflowExecution.objects.filter(id=execution_id, is_held=True).update(is_held=False)


def carry_out() -> int:
    """Bring executions in line with the status; give how many were changed. A rule of the sweep."""
    batch = settings.LEVANTE_SWEEP_BATCH
    if get_status() == ServiceStatus.RUNNING:
        held = [row[0] for row in fetch_all(_HELD_SQL, [batch])]
        return _change_each(held, _let_go)
    at_work = [row[0] for row in fetch_all(_AT_WORK_SQL, [OPEN_STATES, batch])]
    changed = _change_each(at_work, _hold)
    if execute(_SETTLE_SQL, [OPEN_STATES]):
        logger.warning("Maintenance: nothing is at work any more.")
    return changed


def _hold(locked: LockedExecution) -> Sequence[Event]:
    if locked.view.execution.state is not State.RUNNING:
        return []
    execute(_HOLD_SQL, [locked.view.execution.id])
    return [PauseAsked(_REASON)]


def _let_go(locked: LockedExecution) -> Sequence[Event]:
    forget_hold(locked.view.execution.id)
    return [ResumeAsked({})] if locked.view.execution.state is State.PAUSED else []


def _change_each(
    execution_ids: Iterable[UUID], make_events: Callable[[LockedExecution], Sequence[Event]]
) -> int:
    """Change one after the other; one that fails is found again by the next pass."""
    count = 0
    for execution_id in execution_ids:
        try:
            with suppress(NotFound, StateChangeNotAllowed):  # it has ended meanwhile
                change(execution_id, make_events, actor="maintenance", tells_children=False)
                count += 1
        except Exception:  # a border: one execution must not keep the others from their change
            logger.exception(
                "Maintenance could not change an execution.",
                extra={"execution_id": str(execution_id)},
            )
    return count
