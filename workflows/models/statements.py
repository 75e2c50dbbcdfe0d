"""Statements written by hand: how they are sent, and how user data goes into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.types.json import Json

from workflows.models.base import dump_json

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


def as_payload(value: object) -> Any:
    """Make user data a value for a statement; None becomes NULL."""
    return None if value is None else Json(value, dumps=dump_json)
