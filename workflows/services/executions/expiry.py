"""Old executions go by themselves: those that ended too long ago, and the oldest beyond a number.

Only root executions are looked at; what is below them goes with them. Nothing goes by default.
"""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from workflows.models.statements import FINAL_STATES, fetch_all, fetch_one
from workflows.services.executions.removal import remove_some
from workflows.services.telemetry import tallies
from workflows.services.telemetry.tallies import tally

# Rows that one transaction deletes at most, so that it is short, and at least, so that it gets on.
_ROWS_AT_ONCE: Final = 2_000
_FEWEST_ROWS: Final = 50
# Seconds that one transaction should take.
_SECONDS_OF_ONE: Final = 0.05
# Seconds that one call may take, so that the repairs of the sweep are not late.
_SECONDS_AT_ONCE: Final = 0.3

_ENDED = "parent_task_id IS NULL AND state = ANY(%(final)s) AND state <> ALL(%(spared)s)"
# The newest of those that are too many.
_LIMIT_SQL = f"""
    SELECT finished_at FROM workflow_executions
    WHERE {_ENDED} AND finished_at IS NOT NULL
    ORDER BY finished_at DESC OFFSET %(kept)s LIMIT 1
"""
# An index is no help against `clock_timestamp()`, which may be another one for each row.
_OLD_SQL = f"""
    SELECT id FROM workflow_executions
    WHERE {_ENDED} AND finished_at <= greatest(
        %(limit)s::timestamptz, statement_timestamp() - %(age)s * interval '1 day')
    ORDER BY finished_at LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
"""


class Expiry:
    """Deletes what is too old, a little in each pass of the sweep."""

    def __init__(self) -> None:
        self._next_look = 0.0
        # Few until it is known how fast the database is.
        self._batch = max(settings.LEVANTE_EXPIRE_BATCH // 10, 1)
        self._rows = max(_ROWS_AT_ONCE // 10, 1)

    def expire_executions(self) -> int:
        """Delete for a moment; give how many root executions have gone. A rule of the sweep."""
        if not (settings.LEVANTE_KEEP_DAYS or settings.LEVANTE_KEEP_EXECUTIONS):
            return 0
        if time.monotonic() < self._next_look:
            return 0
        deadline = time.monotonic() + _SECONDS_AT_ONCE
        limit = _find_limit()
        count = 0
        while (began := time.monotonic()) < deadline:
            gone, is_over = expire_some(limit, self._batch, self._rows)
            self._adapt(time.monotonic() - began)
            count += gone
            if is_over:
                self._next_look = time.monotonic() + settings.LEVANTE_EXPIRE_SECONDS
                break
        tally(tallies.EXPIRED, count)
        return count

    def _adapt(self, seconds: float) -> None:
        """Take fewer at once where the database is slow, and more again where it is not."""
        most = settings.LEVANTE_EXPIRE_BATCH
        if seconds > _SECONDS_OF_ONE:
            self._batch = max(self._batch // 2, 1)
            self._rows = min(max(self._rows // 2, _FEWEST_ROWS), _ROWS_AT_ONCE)
        else:
            self._batch = min(self._batch + max(self._batch // 4, 1), most)
            self._rows = min(self._rows + max(self._rows // 4, 1), _ROWS_AT_ONCE)


def _values() -> dict[str, Any]:
    return {
        "final": FINAL_STATES,
        "spared": [state.upper() for state in settings.LEVANTE_EXPIRE_SPARED],
        "kept": settings.LEVANTE_KEEP_EXECUTIONS,
        "age": settings.LEVANTE_KEEP_DAYS or None,
    }


def _find_limit() -> Any:
    """Give the end of the newest execution that is beyond the number to keep, or None."""
    if not settings.LEVANTE_KEEP_EXECUTIONS:
        return None
    row = fetch_one(_LIMIT_SQL, _values())
    return None if row is None else row[0]


def expire_some(limit: Any, batch: int, rows_at_once: int) -> tuple[int, bool]:
    """Delete one batch; give how many executions have gone, and whether no more were found.

    The executions are held meanwhile, so that nobody can rerun one that is half deleted.
    """
    with transaction.atomic(durable=True):
        rows = fetch_all(_OLD_SQL, {**_values(), "limit": limit, "batch": batch})
        ids: list[UUID] = [row[0] for row in rows]
        if not ids:
            return 0, True
        is_done = remove_some(ids, budget=rows_at_once)
        if not is_done:
            return _count_gone(ids), False
        return len(ids), len(ids) < batch


def _count_gone(ids: list[UUID]) -> int:
    sql = "SELECT count(*) FROM workflow_executions WHERE id = ANY(%s)"
    return len(ids) - int(fetch_one(sql, [ids])[0])
