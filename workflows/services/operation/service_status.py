"""Whether the service works or is in maintenance, for whoever is about to start something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import connection
from django.utils import timezone

from workflows.errors import InMaintenance
from workflows.models import Maintenance, ServiceStatus
from workflows.models.statements import execute, fetch_one

_STATUS_SQL = "SELECT status FROM maintenance WHERE id = 1"
# Starts share a lock, a change has it alone. Who waits for it is before those who ask later, so a
# stream of starts does not keep a change waiting, as it would by locks of the row. Two statements
# in one trip: the second one sees what was committed while the first one waited.
_LOCK: Final = "hashtext('levante service status')"
_HOLD_SQL = f"SELECT pg_advisory_xact_lock_shared({_LOCK}); {_STATUS_SQL}"
_LOCK_SQL = f"SELECT pg_advisory_xact_lock({_LOCK})"


def get_status() -> ServiceStatus:
    """Return whether the service works or is in maintenance."""
    return _status_of(fetch_one(_STATUS_SQL))


def require_running(*also: ServiceStatus) -> None:
    """Refuse to start anything during maintenance, or in none of the statuses in `also`.

    Within a transaction this also keeps the status as it is until the commit.
    """
    _refuse(_hold_status(), also)


def require_status(*also: ServiceStatus) -> None:
    """Refuse a request that comes during maintenance, without holding the status."""
    _refuse(get_status(), also)


def lock_row() -> Maintenance:
    """Lock the status for a change, which waits for the starts that came before it."""
    execute(_LOCK_SQL)
    Maintenance.objects.bulk_create([Maintenance(changed_at=timezone.now())], ignore_conflicts=True)
    return Maintenance.objects.select_for_update().get(pk=1)


def _hold_status() -> ServiceStatus:
    """Read the status so that it cannot change before the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_SQL)
        cursor.nextset()
        return _status_of(cursor.fetchone())


def _status_of(row: tuple[str] | None) -> ServiceStatus:
    return ServiceStatus.RUNNING if row is None else ServiceStatus(row[0])


def _refuse(status: ServiceStatus, also: Sequence[ServiceStatus]) -> None:
    if status != ServiceStatus.RUNNING and status not in also:
        raise InMaintenance(f"Current Mistral state is {status}. Method is not allowed")
