"""From the history to deliveries, and what becomes of each; `events/notifier.py` sends them.

Any number may read: the cursor is locked meanwhile, and an event becomes a delivery only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from workflows.actions.publishers import Notification
from workflows.models import (
    DeliveryState,
    HistoryEvent,
    NotificationCursor,
    NotificationDelivery,
    WorkflowExecution,
)
from workflows.models.statements import execute, fetch_all, fetch_one
from workflows.services.triggers.notification_events import event_name, find_receivers, label, wants

_BATCH: Final = 1_000
# Seconds beyond the time of a request for which a claim holds.
_CLAIM_MARGIN: Final = 30

# One statement, so that the rows and what is said about transactions are of the same moment.
_HISTORY_SQL: Final = """
    SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
           coalesce((SELECT max(id) FROM history_events), 0),
           h.id, h.task_id, h.action_id, h.name, h.state_from, h.state_to, h.reason, h.at,
           e.id, e.workflow_id, e.workflow_name, e.workflow_namespace, e.project_id,
           e.root_execution_id, e.parent_task_id,
           CASE WHEN position('"notify"' IN e.params::text) > 0 THEN e.params END
    FROM (SELECT pg_current_snapshot() AS s) AS now
    LEFT JOIN LATERAL (
        SELECT * FROM history_events WHERE id > %s ORDER BY id LIMIT %s) AS h ON true
    LEFT JOIN workflow_executions e ON e.id = h.execution_id
    ORDER BY h.id
"""
# Asked once a second, without a lock and so without a commit.
_HAS_MORE_SQL: Final = """
    SELECT c.id IS NULL OR EXISTS (SELECT 1 FROM history_events WHERE id > c.last_id)
    FROM (SELECT 1 AS id) AS one LEFT JOIN notification_cursor c ON c.id = one.id
"""
_CLAIM_SQL: Final = """
    UPDATE notification_deliveries d
    SET claimed_until = clock_timestamp() + %s * interval '1 second', tries = d.tries + 1
    FROM (SELECT id FROM notification_deliveries
          WHERE state = 'waiting' AND next_try_at <= clock_timestamp()
            AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
          ORDER BY next_try_at, event_id LIMIT %s FOR UPDATE SKIP LOCKED) AS due
    WHERE d.id = due.id
    RETURNING d.id
"""
_OLD_SQL: Final = """
    DELETE FROM notification_deliveries WHERE id IN (
        SELECT id FROM notification_deliveries
        WHERE ended_at < clock_timestamp() - %s * interval '1 day' ORDER BY ended_at LIMIT %s)
"""


@dataclass(frozen=True, slots=True)
class _Moment:
    """Of one look: the oldest running transaction, the next one, and the last row to be seen."""

    oldest: int
    next: int
    highest: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process is at. `receiver` is None if there is none any more."""

    id: UUID
    tries: int
    kind: str
    receiver: Mapping[str, Any] | None
    notification: Notification


def collect_deliveries() -> int:
    """Make deliveries of what the history holds beyond the cursor; give how many rows were read."""
    count = 0
    if not fetch_one(_HAS_MORE_SQL)[0]:
        return count
    while True:
        read, is_full = _collect_once()
        count += read
        if not is_full or not read:
            return count


def claim_deliveries(most: int) -> list[Claimed]:
    """Take deliveries that are due; each has to be settled before its claim is over."""
    seconds = settings.LEVANTE_NOTIFY_SECONDS + _CLAIM_MARGIN
    ids = [row[0] for row in fetch_all(_CLAIM_SQL, [seconds, most])]
    rows = NotificationDelivery.objects.filter(pk__in=ids).select_related("execution")
    # Of the execution what names the receivers, and none of its data.
    rows = rows.only("event", "tries", "is_global", "position", "receiver", "body",
                     "execution__params")  # fmt: skip
    return [_claimed(row) for row in rows.order_by("event_id")]


def settle_delivery(claimed: Claimed, problem: str, *, is_final: bool = False) -> DeliveryState:
    """Note the outcome of a try; an empty problem is a success.

    A success counts however late it comes, a failure only while there is no later try.
    """
    now = timezone.now()
    changes: dict[str, Any] = {"claimed_until": None, "problem": problem}
    if not problem:
        state = DeliveryState.DELIVERED
    elif is_final or claimed.tries >= settings.LEVANTE_NOTIFY_TRIES:
        state = DeliveryState.FAILED
    else:
        state = DeliveryState.WAITING
        changes["next_try_at"] = now + timedelta(seconds=_gap(claimed.tries))
    if state != DeliveryState.WAITING:
        changes["ended_at"] = now
    rows = NotificationDelivery.objects.filter(pk=claimed.id, state=DeliveryState.WAITING)
    if problem:
        rows = rows.filter(tries=claimed.tries)
    rows.update(state=state, **changes)
    return state


def drop_old_deliveries() -> int:
    """Delete ended deliveries that are old enough."""
    return execute(_OLD_SQL, [settings.LEVANTE_NOTIFY_HISTORY_DAYS, _BATCH * 10])


def _gap(tries: int) -> float:
    gap = settings.LEVANTE_NOTIFY_RETRY_SECONDS * 2.0 ** min(tries - 1, 30)
    return min(float(gap), float(settings.LEVANTE_NOTIFY_LONGEST_RETRY_SECONDS))


def _collect_once() -> tuple[int, bool]:
    """Read some history. Gives how many rows were taken, and whether there may be more."""
    with transaction.atomic(durable=True):
        cursor = _lock_cursor()
        if cursor is None:
            return 0, False
        found = fetch_all(_HISTORY_SQL, [cursor.last_id, _BATCH])
        now = _Moment(*found[0][:3])
        rows = [row[3:] for row in found if row[3] is not None]
        before = (cursor.last_id, cursor.ahead_id, cursor.barrier)
        settled = _settled(cursor, [row[0] for row in rows], now)
        taken = rows[:settled]
        deliveries = [one for row in taken for one in _deliveries(row)]
        if deliveries:
            NotificationDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        if taken:
            cursor.last_id = taken[-1][0]
        if before != (cursor.last_id, cursor.ahead_id, cursor.barrier):
            cursor.save(update_fields=["last_id", "ahead_id", "barrier"])
    return len(taken), len(rows) == _BATCH and settled > 0


def _lock_cursor() -> NotificationCursor | None:
    """Lock the cursor; None if somebody else reads. The first one begins at the end."""
    cursors = NotificationCursor.objects
    locked = cursors.select_for_update(skip_locked=True).filter(pk=1).first()
    if locked is not None or cursors.filter(pk=1).exists():
        return locked
    last = HistoryEvent.objects.aggregate(last=Max("id"))["last"] or 0
    cursors.bulk_create([NotificationCursor(last_id=last)], ignore_conflicts=True)
    return cursors.select_for_update(skip_locked=True).filter(pk=1).first()


def _settled(cursor: NotificationCursor, ids: list[int], now: _Moment) -> int:
    """Tell how many of the rows cannot be followed by one with a smaller number.

    1. Those without a gap in their numbers. 2. All that were there at a gap, once the transactions
    of that time have ended: what is missing then was rolled back.
    """
    last, count = cursor.last_id, 0
    if cursor.barrier is not None and cursor.ahead_id is not None and now.oldest >= cursor.barrier:
        count = sum(1 for one in ids if one <= cursor.ahead_id)
        if count == len(ids) == _BATCH:
            return count  # more that was there may follow
        last = max(last, cursor.ahead_id)
        cursor.barrier = cursor.ahead_id = None
    while count < len(ids) and ids[count] == last + 1:
        last, count = ids[count], count + 1
    if count < len(ids) and cursor.barrier is None:
        cursor.barrier, cursor.ahead_id = now.next, now.highest
    elif count == len(ids):
        cursor.barrier = cursor.ahead_id = None
    return count


def _deliveries(row: tuple[Any, ...]) -> list[NotificationDelivery]:
    event_id, task_id, action_id, name, before, after, reason, at = row[:8]
    execution_id, workflow_id, workflow, namespace, project_id, root_id, parent_task = row[8:15]
    event = event_name(before, after, is_task=task_id is not None)
    if action_id is not None or event is None or execution_id is None:
        return []
    params = row[15] or {}
    receivers = [
        (is_global, position, receiver)
        for is_global, notify in ((False, params.get("notify")), (True, settings.LEVANTE_NOTIFY))
        for position, receiver in find_receivers(notify, settings.LEVANTE_NOTIFY_RECEIVERS)
        if wants(receiver, event)
    ]
    if not receivers:
        return []
    body = {
        "event": event,
        "sequence": event_id,
        "timestamp": at.isoformat(),
        "id": str(task_id or execution_id),
        "name": name,
        "state": after,
        "state_info": reason or None,
        "workflow_execution_id": str(execution_id),
        "workflow_id": str(workflow_id),
        "workflow_name": workflow,
        "workflow_namespace": namespace,
        "root_execution_id": str(root_id) if root_id else None,
        "task_execution_id": str(parent_task) if parent_task and task_id is None else None,
        "project_id": str(project_id),
    }
    now = timezone.now()
    return [
        NotificationDelivery(
            event_id=event_id,
            event=event,
            execution_id=execution_id,
            is_global=is_global,
            position=position,
            receiver=label(receiver),
            body=body,
            next_try_at=now,
            created_at=now,
        )
        for is_global, position, receiver in receivers
    ]


def _claimed(row: NotificationDelivery) -> Claimed:
    execution: WorkflowExecution = row.execution
    notify = settings.LEVANTE_NOTIFY if row.is_global else execution.params.get("notify")
    found = dict(find_receivers(notify, settings.LEVANTE_NOTIFY_RECEIVERS)).get(row.position)
    # The settings may have changed since; what was meant for one receiver is for no other.
    receiver = found if found is not None and label(found) == row.receiver else None
    kind = str(receiver["type"]) if receiver is not None else ""
    notification = Notification(str(row.pk), row.event, row.body)
    return Claimed(row.pk, row.tries, kind, receiver, notification)
