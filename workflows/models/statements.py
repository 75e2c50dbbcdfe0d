"""Statements written by hand: how they are sent, and how user data goes into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.adapt import Transformer
from psycopg.types.json import Json

from workflows.database.base import prepared_cursor
from workflows.engine.states import FINAL, UNFINISHED
from workflows.models.base import dump_json

# As statements take them. Who asks for one state by a partial index of these names both.
OPEN_STATES: Final = [str(state) for state in sorted(UNFINISHED)]
FINAL_STATES: Final = [str(state) for state in sorted(FINAL)]
# As the text of a prepared statement has them.
OPEN_LIST: Final = str(tuple(OPEN_STATES))
FINAL_LIST: Final = str(tuple(FINAL_STATES))

# Bounds the text that a batch sends at once.
_MOST_VALUES_AT_ONCE = 30_000

Values = Sequence[Any] | Mapping[str, Any]


def fetch_all(sql: str, values: Values = (), *, prepared: bool = False) -> list[Any]:
    """Give all rows of a statement, each a tuple.

    `prepared` is for what many tasks ask: the server keeps the plan. It must be good for all
    values, so what a partial index needs to know stands in the text, not among the values.
    """
    with _cursor(prepared) as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def fetch_one(sql: str, values: Values = (), *, prepared: bool = False) -> Any:
    """Give the first row of a statement as a tuple, or None."""
    with _cursor(prepared) as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def execute(sql: str, values: Values = (), *, prepared: bool = False) -> int:
    """Carry out a statement and give the number of its rows."""
    with _cursor(prepared) as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def _cursor(prepared: bool) -> CursorWrapper:
    return prepared_cursor() if prepared else connection.cursor()


class Batch:
    """Statements whose rows nobody reads, sent in one go: each trip to the server takes its time.

    They are carried out in the order in which they were added. The values are put into the text
    here, since the driver would search the text of thousands of rows for its placeholders.
    """

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._number_of_values = 0
        connection.ensure_connection()
        self._literal = Transformer.from_context(connection.connection).as_literal

    def add(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Add a statement with `%s` for each value."""
        parts = _split(sql)
        assert len(parts) == len(values) + 1
        pieces = [parts[0]]
        for value, part in zip(values, parts[1:], strict=True):
            pieces.append(self.literal(value))
            pieces.append(part)
        self._take("".join(pieces), len(values))

    def add_rows(self, before: str, rows: Sequence[Sequence[str]], after: str) -> None:
        """Add a statement around a list of rows, whose values are literals."""
        groups = [f"({', '.join(row)})" for row in rows]
        number = sum(map(len, rows))
        self._take(f"{before} {', '.join(groups)} {after}", number)

    def literal(self, value: object) -> str:
        """Give the text of a value in a statement."""
        return self._literal(value).decode()

    def send(self) -> None:
        """Carry out what was added since the last time."""
        if not self._statements:
            return
        sql = ";\n".join(self._statements)
        self._statements, self._number_of_values = [], 0
        with connection.cursor() as cursor:
            cursor.execute(sql)

    def _take(self, statement: str, number_of_values: int) -> None:
        self._statements.append(statement)
        self._number_of_values += number_of_values
        if self._number_of_values >= _MOST_VALUES_AT_ONCE:
            self.send()


@lru_cache(maxsize=256)
def _split(sql: str) -> tuple[str, ...]:
    return tuple(sql.split("%s"))


def as_payload(value: object) -> Any:
    """Make user data a value for a statement; None becomes NULL."""
    return None if value is None else Json(value, dumps=dump_json)


def violated_constraint(error: IntegrityError) -> str:
    """Return the name of the constraint that refused a row; empty if the server names none."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
