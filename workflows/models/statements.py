"""Statements written by hand: how they are sent, and how user data goes into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.types.json import Json

from workflows.models.base import dump_json

# Bounds the text that a batch sends at once.
_MOST_VALUES_AT_ONCE = 30_000

Values = Sequence[Any] | Mapping[str, Any]


def fetch_all(sql: str, values: Values = ()) -> list[Any]:
    """Give all rows of a statement, each a tuple."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def fetch_one(sql: str, values: Values = ()) -> Any:
    """Give the first row of a statement as a tuple, or None."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def execute(sql: str, values: Values = ()) -> int:
    """Carry out a statement and give the number of its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


class Batch:
    """Statements whose rows nobody reads, sent in one go: each trip to the server takes its time.

    They are carried out in the order in which they were added.
    """

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._values: list[Any] = []

    def add(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._statements.append(sql)
        self._values += values
        if len(self._values) >= _MOST_VALUES_AT_ONCE:
            self.send()

    def send(self) -> None:
        """Carry out what was added since the last time."""
        if not self._statements:
            return
        sql, values = ";\n".join(self._statements), self._values
        self._statements, self._values = [], []
        with connection.cursor() as cursor:
            cursor.execute(sql, values)


def as_payload(value: object) -> Any:
    """Make user data a value for a statement; None becomes NULL."""
    return None if value is None else Json(value, dumps=dump_json)
