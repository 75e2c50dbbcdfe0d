"""What each new row costs in the database: its indexes, and what is looked up for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

OFTEN_WRITTEN = ["action_executions", "history_events", "join_arrivals", "task_executions"]

# Full indexes by their columns and how these are compared, and whether they are there for a rule.
_INDEXES = """
    SELECT indrelid::regclass::text, indexrelid::regclass::text,
           (SELECT array_agg(key || ' ' || class)
            FROM unnest(indkey::int2[], indclass::oid[]) AS parts (key, class)),
           indisunique OR indpred IS NOT NULL
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_am ON pg_am.oid = relam AND amname = 'btree'
    WHERE indrelid = ANY(%s::regclass[]) AND 0 <> ALL(indkey::int2[]) AND indpred IS NULL
"""
_REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
"""


def fetch(sql: str, names: list[str]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [names])
        return list(cursor.fetchall())


def test_no_index_is_the_beginning_of_another() -> None:
    indexes = fetch(_INDEXES, [*OFTEN_WRITTEN, "context_nodes", "timers", "workflow_executions"])
    assert [
        (name, other)
        for table, name, columns, is_needed in indexes
        for other_table, other, other_columns, _ in indexes
        if name != other and table == other_table and not is_needed
        if other_columns[: len(columns)] == columns
    ] == []


def test_what_is_written_all_the_time_looks_up_only_what_it_is_a_part_of() -> None:
    assert sorted(fetch(_REFERENCES, OFTEN_WRITTEN)) == [
        ("action_executions", "task_executions"),
        ("join_arrivals", "task_executions"),
        ("task_executions", "workflow_executions"),
    ]
