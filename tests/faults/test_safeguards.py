"""Every safeguard is needed: with it all is well, without it a test goes red.

So no safeguard is there for nothing, and no test of it passes whatever the service does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from tests.faults.mutations import MUTATIONS, UNIQUE_INDEX, UNIQUE_KEYS
from tests.faults.scenarios import SCENARIOS
from workflows.models.statements import execute, fetch_all

pytestmark = pytest.mark.django_db(transaction=True)

_DEFINITION_SQL = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"


def test_each_safeguard_has_its_scenario() -> None:
    assert SCENARIOS.keys() == MUTATIONS.keys()


@pytest.mark.parametrize("name", MUTATIONS)
def test_with_its_safeguard_all_is_well(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SCENARIOS[name](tmp_path, monkeypatch)


@pytest.mark.parametrize("name", [name for name in MUTATIONS if name != "unique keys"])
def test_without_its_safeguard_it_goes_red(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target, attribute, value in MUTATIONS[name].patches():
        monkeypatch.setattr(target, attribute, value)
    with pytest.raises(AssertionError):
        SCENARIOS[name](tmp_path, monkeypatch)


def test_without_unique_keys_it_goes_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definitions = {name: fetch_all(_DEFINITION_SQL, [name])[0][0] for name in UNIQUE_KEYS}
    index = fetch_all("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [UNIQUE_INDEX])[0][0]
    MUTATIONS["unique keys"].change_database()
    try:
        with pytest.raises((AssertionError, DatabaseError)):
            SCENARIOS["unique keys"](tmp_path, monkeypatch)
    finally:
        connection.close()
        execute("TRUNCATE workflow_executions, task_executions, join_arrivals, timers CASCADE")
        execute(index)
        for name, definition in definitions.items():
            execute(f"ALTER TABLE {UNIQUE_KEYS[name]} ADD CONSTRAINT {name} {definition}")
