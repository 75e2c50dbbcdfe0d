"""The database backend: plans that are kept, and connections that have been ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import psycopg
import pytest
from django.db import DataError, connection, transaction
from django.db.backends.postgresql import base
from django.test.utils import CaptureQueriesContext

from workflows.database.base import DatabaseWrapper
from workflows.models.statements import execute, fetch_all, fetch_one

SQL = "SELECT %s::int + 1"
_KEPT_SQL = "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement = %s"


@pytest.mark.django_db
def test_a_prepared_statement_is_planned_once_for_a_connection() -> None:
    assert [fetch_one(SQL, [number], prepared=True)[0] for number in (1, 2, 3)] == [2, 3, 4]
    assert fetch_all(_KEPT_SQL, ["SELECT $1::int + 1"]) == [(3,)]


@pytest.mark.django_db
def test_no_other_statement_is_kept() -> None:
    for number in range(10):
        assert fetch_one("SELECT %s::int + 2", [number])[0] == number + 2
    assert fetch_all("SELECT 1 FROM pg_prepared_statements WHERE statement LIKE %s", ["%+ 2"]) == []


@pytest.mark.django_db
def test_the_log_of_statements_shows_the_values_of_a_prepared_one() -> None:
    with CaptureQueriesContext(connection) as queries:
        fetch_one(SQL, [41], prepared=True)
    assert [one["sql"] for one in queries] == ["SELECT 41::int + 1"]


@pytest.mark.django_db
def test_a_prepared_statement_goes_on_after_a_rollback() -> None:
    for number in (1, 2):
        assert fetch_one(SQL, [number], prepared=True)[0] == number + 1
        with pytest.raises(DataError, match="division by zero"), transaction.atomic():
            execute("SELECT 1 / 0", prepared=True)


@pytest.fixture
def fresh_connection(transactional_db: None) -> Iterator[DatabaseWrapper]:
    connection.close()
    connection.ensure_connection()
    yield cast("DatabaseWrapper", connection)
    connection.close()


def test_a_connection_that_the_server_has_ended_is_not_used_again(
    fresh_connection: DatabaseWrapper,
) -> None:
    before = fetch_one("SELECT pg_backend_pid()")[0]
    _end_session(before)
    assert not fresh_connection.is_usable()
    fresh_connection.health_check_enabled = True
    fresh_connection.close_if_unusable_or_obsolete()  # before a request, and before a job
    assert fetch_one("SELECT pg_backend_pid()", prepared=True)[0] != before


def test_the_server_is_asked_only_where_something_says_that_the_connection_is_broken(
    fresh_connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    ask = base.DatabaseWrapper.is_usable
    monkeypatch.setattr(
        base.DatabaseWrapper, "is_usable", lambda self: asked.append(True) or ask(self)
    )
    assert fresh_connection.is_usable()
    assert asked == []
    with pytest.raises(DataError):
        execute("SELECT 1 / 0")
    fresh_connection.errors_occurred = True
    assert fresh_connection.is_usable()
    assert asked == [True]
    _end_session(fetch_one("SELECT pg_backend_pid()")[0])
    assert not fresh_connection.is_usable()


def _end_session(pid: int) -> None:
    given = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    address = {name: given[name] for name in names if name in given}
    with psycopg.connect(**address, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
