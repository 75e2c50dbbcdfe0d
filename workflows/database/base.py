"""The database backend that the settings name as ENGINE.

What every task needs is asked by statements that the server parses and plans once for each
connection: for short statements that is more than half of their cost.
"""

from __future__ import annotations

import select
from typing import Any, cast

import psycopg
from django.db import connection
from django.db.backends.postgresql import base, operations
from django.db.backends.utils import CursorWrapper


class PreparedCursor(psycopg.Cursor[Any]):
    """Has the server prepare each statement at its first use, and keep it with the connection."""

    def execute(self, query: Any, params: Any = None, **_options: Any) -> PreparedCursor:
        return super().execute(query, params, prepare=True)


class DatabaseOperations(operations.DatabaseOperations):
    """Knows what a prepared statement was, for logs and tests."""

    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> str:
        if isinstance(cursor, PreparedCursor):
            return str(self.compose_sql(sql, params))
        return super().last_executed_query(cursor, sql, params)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection to PostgreSQL, and prepared statements."""

    ops_class = DatabaseOperations

    def prepared_cursor(self) -> CursorWrapper:
        """Give a cursor for statements whose text is always the same."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = PreparedCursor(self.connection)
        return cast("CursorWrapper", self._prepare_cursor(cursor))  # type: ignore[attr-defined]

    def is_usable(self) -> bool:
        """Tell whether the connection works, without a trip to the server if nothing says no.

        A server that has ended a connection has said so, and what it said can be read. Where it
        has fallen silent, a question would wait as long as the statement that it comes before.
        """
        if self.connection is None or self.errors_occurred or _has_news(self.connection):
            return bool(super().is_usable())
        return True


def prepared_cursor() -> CursorWrapper:
    """Give a cursor of this thread's connection for statements whose text is always the same."""
    return cast("DatabaseWrapper", connection).prepared_cursor()


def _has_news(opened: psycopg.Connection[Any]) -> bool:
    if opened.closed:
        return True
    looker = select.poll()
    looker.register(opened.fileno(), select.POLLIN)
    return bool(looker.poll(0))
