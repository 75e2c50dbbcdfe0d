"""How often something has happened, kept in the database so that every process counts together.

For what is rare, such as a repair: each count is a statement. It is sent after the commit: within
a transaction it would hold its row, and whoever counts the same would wait for that commit.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction

from workflows.models.statements import execute, fetch_all

CLAIMS_RELEASED: Final = "claims_released"  # a safe action whose process was lost runs again
CLAIMS_FAILED: Final = "claims_failed"  # an action whose process was lost is in ERROR
LATE_RESULTS: Final = "late_results"
PARKED: Final = "parked_executions"
ADVANCE_FAILURES: Final = "advance_failures"
DEAD_PROCESSES: Final = "dead_processes"
EXPIRED: Final = "expired_executions"
SWEEP: Final = "sweep_"  # and the name of a rule: what it found

# Shown from the beginning: Prometheus sees no growth in the first number that it is given.
_SHOWN: Final = (
    CLAIMS_RELEASED,
    CLAIMS_FAILED,
    LATE_RESULTS,
    PARKED,
    ADVANCE_FAILURES,
    DEAD_PROCESSES,
    EXPIRED,
)

_COUNT_SQL = """
    INSERT INTO tallies (name, value) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET value = tallies.value + excluded.value
"""


def tally(name: str, count: int = 1) -> None:
    """Add to a count, once what is counted is committed; that it fails hurts nobody."""

    def add() -> None:
        execute(_COUNT_SQL, [name, count])

    if count:
        transaction.on_commit(add, robust=True)


def read_tallies() -> dict[str, int]:
    """Give all counts since the database was made; 0 for what has not happened yet."""
    return dict.fromkeys(_SHOWN, 0) | dict(fetch_all("SELECT name, value FROM tallies"))
