"""Safeguards of the service, each of which can be switched off, to see that the tests notice.

They are replaced from outside: the product has no switch for any of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workflows.models.statements import execute
from workflows.services.advancing import store
from workflows.services.operation.sweep import Sweep
from workflows.services.running import attempts, broker_mark, lanes

# What is unique among some rows alone is an index, the others are constraints of their tables.
UNIQUE_INDEX: Final = "task_executions_unique_key"
UNIQUE_KEYS: Final = {
    "join_arrivals_once": "join_arrivals",
    "timers_one_per_kind": "timers",
}

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A safeguard that is off: attributes that are replaced, and a change of the database."""

    patches: Callable[[], list[Patch]]
    change_database: Callable[[], None] = lambda: None

    def install(self) -> None:
        """Switch it off for as long as this process lives."""
        for target, name, value in self.patches():
            setattr(target, name, value)


def _without_token() -> list[Patch]:
    def forget(sql: str) -> str:
        changed = re.sub(r"(a\.)?token = %s AND", "%s::uuid IS NOT NULL AND", sql)
        assert changed != sql, "the statement has another form by now"
        return changed

    return [
        (attempts, "RECORD_SQL", forget(attempts.RECORD_SQL)),
        (attempts, "_RECORD_SEEN_SQL", forget(attempts._RECORD_SEEN_SQL)),
        (lanes, "_RECORD_AND_CLAIM_SQL", forget(lanes._RECORD_AND_CLAIM_SQL)),
    ]


def _without_claim() -> list[Patch]:
    changed = attempts._CLAIM_SQL.replace("AND a.token IS NULL", "")
    assert changed != attempts._CLAIM_SQL, "the statement has another form by now"
    return [(attempts, "_CLAIM_SQL", changed)]


def _without_lock() -> list[Patch]:
    # What is appended to it becomes part of the comment.
    changed = store._LOCK_SQL.replace("FOR NO KEY UPDATE OF e", "").rstrip() + " -- "
    assert "FOR NO KEY UPDATE" not in changed
    assert "FOR NO KEY UPDATE OF e" in store._LOCK_SQL, "the statement has another form by now"
    return [(store, "_LOCK_SQL", changed)]


def _drop_unique_keys() -> None:
    execute(f"DROP INDEX {UNIQUE_INDEX}")
    for name, table in UNIQUE_KEYS.items():
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


MUTATIONS: Final[dict[str, Mutation]] = {
    "sweep": Mutation(lambda: [(Sweep, "run", lambda self: 0)]),
    "token": Mutation(_without_token),
    "claim": Mutation(_without_claim),
    "lock": Mutation(_without_lock),
    "mark": Mutation(lambda: [(broker_mark, "has_lost_its_mark", lambda: False)]),
    "unique keys": Mutation(list, _drop_unique_keys),
}
