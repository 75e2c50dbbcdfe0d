"""Many rows in one statement. Rows come as plain values; payloads are adapted by column.

The engine writes thousands of rows a second. Building model instances for them costs more than the
statement itself, so these functions take values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import models

from workflows.models.base import PayloadField
from workflows.models.statements import Batch, as_payload

# Bounds the text of one statement.
_MAX_VALUES = 30_000


def insert_rows(
    batch: Batch,
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    on_conflict: str = "",
) -> None:
    """Insert rows given as values of `columns`; the other columns get their defaults."""
    if not rows:
        return
    names, payloads, defaults = _plan(model, tuple(columns))
    before = f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES"
    literal = batch.literal
    rest = [literal(value) for value in defaults]
    size = max(1, _MAX_VALUES // len(names))
    for start in range(0, len(rows), size):
        part = [
            [
                *(
                    literal(as_payload(value) if index in payloads else value)
                    for index, value in enumerate(row)
                ),
                *rest,
            ]
            for row in rows[start : start + size]
        ]
        batch.add_rows(before, part, on_conflict)


def update_rows(
    batch: Batch, model: type[models.Model], changes: Iterable[tuple[UUID, Mapping[str, Any]]]
) -> None:
    """Set columns of rows by id."""
    ordered = sorted(changes, key=lambda change: sorted(change[1]))
    for names, group in groupby(ordered, key=lambda change: tuple(sorted(change[1]))):
        columns, payloads = _columns(model, names)
        sql = (
            f"UPDATE {model._meta.db_table} "
            f"SET {', '.join(f'{column} = %s' for column in columns)} WHERE id = %s"
        )
        for row_id, change in group:
            values = [
                as_payload(change[name]) if index in payloads else change[name]
                for index, name in enumerate(names)
            ]
            batch.add(sql, [*values, row_id])


@cache
def _columns(
    model: type[models.Model], names: tuple[str, ...]
) -> tuple[tuple[str, ...], frozenset[int]]:
    """Give the column names of fields, and which of them hold payloads."""
    fields = [_field(model, name) for name in names]
    payloads = {index for index, one in enumerate(fields) if isinstance(one, PayloadField)}
    return tuple(str(one.column) for one in fields), frozenset(payloads)


@cache
def _plan(
    model: type[models.Model], names: tuple[str, ...]
) -> tuple[tuple[str, ...], frozenset[int], list[Any]]:
    """Add the columns that the caller leaves out, with their defaults."""
    columns, payloads = _columns(model, names)
    others = [
        one
        for one in model._meta.concrete_fields
        if one.column not in columns and not isinstance(one, models.BigAutoField)
    ]
    defaults = [
        as_payload(one.get_default()) if isinstance(one, PayloadField) else one.get_default()
        for one in others
    ]
    return (*columns, *(str(one.column) for one in others)), payloads, defaults


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name.removesuffix("_id") if _is_relation(model, name) else name)
    assert isinstance(field, models.Field)
    return field


def _is_relation(model: type[models.Model], name: str) -> bool:
    short = name.removesuffix("_id")
    return short != name and any(
        field.name == short and field.is_relation for field in model._meta.concrete_fields
    )
