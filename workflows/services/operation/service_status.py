"""Whether the service works or is in maintenance, for whoever is about to start something."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from workflows.errors import InMaintenance
from workflows.models import Maintenance, ServiceStatus
from workflows.models.statements import fetch_one

_STATUS_SQL = "SELECT status FROM maintenance WHERE id = 1"
# The weakest lock that `set_status` has to wait for; starts do not wait for one another.
_HOLD_SQL = f"{_STATUS_SQL} FOR KEY SHARE"


def get_status() -> ServiceStatus:
    """Return whether the service works or is in maintenance."""
    row = fetch_one(_STATUS_SQL)
    return ServiceStatus.RUNNING if row is None else ServiceStatus(row[0])


def require_running(*also: ServiceStatus) -> None:
    """Refuse to start anything during maintenance, or in none of the statuses in `also`.

    Within a transaction this also keeps the status as it is until the commit.
    """
    _refuse(_hold_status(), also)


def require_status(*also: ServiceStatus) -> None:
    """Refuse a request that comes during maintenance, without holding the status."""
    _refuse(get_status(), also)


def make_row() -> None:
    Maintenance.objects.bulk_create([Maintenance(changed_at=timezone.now())], ignore_conflicts=True)


def _hold_status() -> ServiceStatus:
    """Read the status so that it cannot change before the end of the transaction."""
    row = fetch_one(_HOLD_SQL)
    if row is None:
        make_row()
        row = fetch_one(_HOLD_SQL)
    return ServiceStatus(row[0])


def _refuse(status: ServiceStatus, also: Sequence[ServiceStatus]) -> None:
    if status != ServiceStatus.RUNNING and status not in also:
        raise InMaintenance(f"Current Mistral state is {status}. Method is not allowed")
