"""Counts of what happens seldom: nobody waits for them, and nobody fails by them."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from tests.factories import ready_actions, start
from workflows.actions.base import Outcome
from workflows.services.running.attempts import claim_action, record
from workflows.services.telemetry import tallies
from workflows.services.telemetry.tallies import read_tallies, tally

pytestmark = pytest.mark.django_db(transaction=True)

ONE = "version: '2.0'\none:\n  tasks:\n    rest: {action: std.sleep seconds=0}\n"
LOCKS = """
    SELECT count(*) FROM pg_locks WHERE relation = 'tallies'::regclass AND mode = 'RowExclusiveLock'
"""


def counted() -> dict[str, int]:
    """What has happened at all; what has not is told as nought."""
    return {name: count for name, count in read_tallies().items() if count}


def locks_of_counts() -> int:
    with connection.cursor() as cursor:
        cursor.execute(LOCKS)
        return int(cursor.fetchone()[0])


def test_a_refused_result_is_counted_after_the_commit() -> None:
    (action,) = ready_actions(start(ONE).id)
    claim = claim_action(action.id)
    assert claim is not None
    assert record(claim, Outcome(is_success=True, result=1))
    with transaction.atomic():
        assert not record(claim, Outcome(is_success=True, result=2))
        assert locks_of_counts() == 0
    assert counted() == {"late_results": 1}


def test_a_count_that_fails_does_not_undo_what_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_COUNT_SQL", "SELECT %s, %s FROM nowhere")
    seen: list[str] = []
    with transaction.atomic():
        tally(tallies.PARKED)
        transaction.on_commit(lambda: seen.append("rung"))
    assert seen == ["rung"]
    assert counted() == {}


def test_nothing_is_not_counted() -> None:
    tally(tallies.PARKED, 0)
    assert counted() == {}
