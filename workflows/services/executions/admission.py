"""Admission: when enough is running, new executions wait, and each project has its turn.

An execution that has to wait is stored as IDLE; its start was accepted all the same. The sweep lets
waiting ones begin as others end. So a burst of starts is a burst of rows, not of work.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from workflows.canvas import Work, ring
from workflows.engine.states import State
from workflows.errors import InMaintenance
from workflows.models.statements import OPEN_STATES, execute, fetch_all, fetch_one
from workflows.services.operation.service_status import require_running
from workflows.services.telemetry.observing import tell_admission

# Counts no further than it needs to.
_RUNNING_SQL = """
    SELECT count(*) FROM (
        SELECT 1 FROM workflow_executions
        WHERE state = ANY(%s) AND state = 'RUNNING' AND parent_task_id IS NULL LIMIT %s) AS some_of
"""
_IS_WAITING_SQL = """
    SELECT 1 FROM workflow_executions
    WHERE state = 'IDLE' AND parent_task_id IS NULL AND NOT is_started LIMIT 1
"""
# A project's next execution comes after as many of the others' as it has running or before it.
_NEXT_SQL = """
    WITH waiting AS (
        SELECT id, project_id, created_at,
               row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) AS place
        FROM workflow_executions
        WHERE state = 'IDLE' AND parent_task_id IS NULL AND NOT is_started),
    busy AS (
        SELECT project_id, count(*) AS running FROM workflow_executions
        WHERE state = ANY(%(open)s) AND state = 'RUNNING' AND parent_task_id IS NULL
        GROUP BY project_id)
    SELECT waiting.id FROM waiting LEFT JOIN busy USING (project_id)
    ORDER BY coalesce(running, 0) + place, waiting.created_at LIMIT %(free)s
"""
_BEGIN_SQL = """
    WITH begun AS (
        UPDATE workflow_executions SET state = 'RUNNING', updated_at = clock_timestamp()
        WHERE id IN (SELECT id FROM workflow_executions
                     WHERE id = ANY(%s) AND state = 'IDLE' AND NOT is_started
                     FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id, workflow_name)
    INSERT INTO history_events
        (execution_id, name, state_from, state_to, reason, actor, at)
    SELECT id, workflow_name, 'IDLE', 'RUNNING', '', '', clock_timestamp() FROM begun
    RETURNING execution_id, name
"""

# For how long a process trusts its last count.
_TRUSTED_SECONDS: Final = 0.2


class _Count:
    def __init__(self) -> None:
        self.is_full = False
        self.good_until = 0.0


_last = _Count()


def state_of_new_execution() -> State:
    """Say in which state a new root execution begins: RUNNING, or IDLE if it has to wait.

    Who comes while others wait has to wait as well.
    """
    limit = settings.LEVANTE_MAX_RUNNING
    if not limit:
        return State.RUNNING
    now = time.monotonic()
    if now >= _last.good_until:
        _last.is_full = (
            fetch_one(_RUNNING_SQL, [OPEN_STATES, limit])[0] >= limit
            or fetch_one(_IS_WAITING_SQL) is not None
        )
        _last.good_until = now + _TRUSTED_SECONDS
    return State.IDLE if _last.is_full else State.RUNNING


def admit_waiting() -> int:
    """Let executions begin for which there is room now. A rule of the sweep.

    Without a limit all that wait begin: it may have been taken away.
    """
    if fetch_one(_IS_WAITING_SQL) is None:
        return 0
    try:
        begun = _admit()
    except InMaintenance:
        return 0
    if begun:
        ring(Work(executions=tuple(begun)))
    for execution_id, workflow in begun.items():
        tell_admission(execution_id, workflow)
    return len(begun)


def _admit() -> dict[UUID, str]:
    """Let as many begin as there is room for; give their ids and workflows."""
    with transaction.atomic(durable=True):
        require_running()
        # Two sweeps would both fill the same room.
        execute("SELECT pg_advisory_xact_lock(hashtext('levante admission'))")
        values = {"open": OPEN_STATES, "free": _count_free()}
        chosen = [row[0] for row in fetch_all(_NEXT_SQL, values)]
        return dict(fetch_all(_BEGIN_SQL, [chosen]))


def _count_free() -> int:
    limit, most = settings.LEVANTE_MAX_RUNNING, settings.LEVANTE_SWEEP_BATCH
    if not limit:
        return int(most)
    return int(max(min(most, limit - fetch_one(_RUNNING_SQL, [OPEN_STATES, limit])[0]), 0))
