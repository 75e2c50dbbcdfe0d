"""After the database was restored, or a standby without all data took over: what may have run is
not run again.

The restored rows do not know what happened between their moment and the loss. An action that they
show as claimed or sent may have done its work long ago. So before anything goes on, each such
action that is unsafe to repeat is settled as lost.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from workflows.errors import Conflict
from workflows.models import BrokerMark, WorkerProcess
from workflows.models.statements import as_payload, fetch_all
from workflows.services.running.lost_work import LOST

logger = logging.getLogger(__name__)

_BATCH: Final = 500

# What a worker runs or was told to run. What waits for a result from outside is left to wait.
_SUSPECT = """
    NOT is_handled AND state = 'RUNNING' AND NOT is_inline
    AND (token IS NULL OR process_id IS NOT NULL)
"""
_COUNT_SQL = f"""
    SELECT count(*) FILTER (WHERE NOT is_safe_rerun),
           count(*) FILTER (WHERE is_safe_rerun AND token IS NOT NULL)
    FROM action_executions WHERE {_SUSPECT}
"""
_FAIL_SQL = f"""
    UPDATE action_executions
    SET state = 'ERROR', output = %s, finished_at = clock_timestamp(),
        updated_at = clock_timestamp(), is_handled = (execution_id IS NULL),
        is_accepted = (execution_id IS NULL)
    WHERE id IN (SELECT id FROM action_executions WHERE {_SUSPECT} AND NOT is_safe_rerun
                 ORDER BY id LIMIT %s FOR UPDATE)
    RETURNING id
"""
_RELEASE_SQL = f"""
    UPDATE action_executions
    SET token = NULL, process_id = NULL, dispatched_at = NULL, send_count = 0
    WHERE id IN (SELECT id FROM action_executions WHERE {_SUSPECT} AND is_safe_rerun
                   AND token IS NOT NULL ORDER BY id LIMIT %s FOR UPDATE)
    RETURNING id
"""
_BEATS_SQL = "SELECT id, beat FROM worker_processes"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How many actions were given up as lost, and how many run again."""

    lost: int
    again: int


def preview() -> Recovery:
    """Count what `recover` would settle."""
    lost, again = fetch_all(_COUNT_SQL)[0]
    return Recovery(lost, again)


def recover() -> Recovery:
    """Settle all that may have run without the database knowing; then work may go on.

    Raises Conflict while a worker runs: it would claim what is being settled. Every step may be
    repeated, so whoever is interrupted starts anew.
    """
    _require_no_worker()
    WorkerProcess.objects.all().delete()
    recovery = Recovery(
        lost=_in_batches(_FAIL_SQL, [as_payload({"result": LOST})]),
        again=_in_batches(_RELEASE_SQL, []),
    )
    # The broker's messages are of another time: everything that waits is sent again.
    BrokerMark.objects.update_or_create(defaults={"value": secrets.token_hex(16)})
    facts = {"lost": recovery.lost, "again": recovery.again}
    logger.warning("The service was recovered after a restore.", extra=facts)
    return recovery


def _in_batches(sql: str, values: list[Any]) -> int:
    count = 0
    while True:
        with transaction.atomic(durable=True):
            changed = len(fetch_all(sql, [*values, _BATCH]))
        count += changed
        if changed < _BATCH:
            return count


def _require_no_worker() -> None:
    """Refuse if a counter moves; what stands still is what the restore brought back."""
    before: dict[UUID, int] = dict(fetch_all(_BEATS_SQL))
    time.sleep(2 * settings.LEVANTE_BEAT_SECONDS + 0.5)
    if dict(fetch_all(_BEATS_SQL)) != before:
        raise Conflict("Workers are running. Stop all of them first.")
