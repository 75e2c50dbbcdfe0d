"""What a migration may not do while workers of the release before it go on with their work.

Old code does not know the new columns, and still asks for the old ones; and nobody may wait long
for a lock on a large table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import connection, models
from django.db.migrations import operations
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

# A migration that takes something away is named so, and comes one release after the code that has
# stopped to use it.
CONTRACT = "_contract"

_RENAMES = (operations.RenameField, operations.RenameModel, operations.AlterModelTable)
_REMOVALS = (operations.RemoveField, operations.DeleteModel)
_CONCURRENT = (AddIndexConcurrently, RemoveIndexConcurrently)
_DATA = (operations.RunPython, operations.RunSQL)


def find_faults(migration: Migration, before: ProjectState) -> list[str]:
    """Name what is wrong with a migration, given the models as they are before it."""
    return [*_faults_of_whole(migration), *_faults_of_operations(migration, before.clone())]


def _faults_of_whole(migration: Migration) -> Iterator[str]:
    if re.search(r"_auto_|^\d+_\d{8}", migration.name):
        yield "its name does not say what it is for"
    kinds = {isinstance(one, _DATA) for one in migration.operations}
    if len(kinds) > 1:
        yield "it changes data and schema at once"
    is_concurrent = any(isinstance(one, _CONCURRENT) for one in migration.operations)
    if is_concurrent and migration.atomic:
        yield "an index is made concurrently, which needs atomic = False"


def _faults_of_operations(migration: Migration, state: ProjectState) -> Iterator[str]:
    label = migration.app_label
    new: set[str] = set()  # tables of this migration: nobody uses them yet
    for one in migration.operations:
        name = str(getattr(one, "model_name", "") or getattr(one, "name", "")).lower()
        if isinstance(one, operations.CreateModel):
            new.add(name)
        elif name not in new:
            yield from _faults_of_operation(one, migration, state)
        one.state_forwards(label, state)


def _faults_of_operation(
    one: Operation, migration: Migration, state: ProjectState
) -> Iterator[str]:
    what = one.describe()
    if isinstance(one, _RENAMES):
        yield f"{what}: old code asks for the old name"
    elif isinstance(one, _REMOVALS) and not migration.name.endswith(CONTRACT):
        yield f"{what}: only a migration named {CONTRACT} takes away, one release later"
    elif isinstance(one, operations.AddField):
        if not one.field.null and one.field.db_default is NOT_PROVIDED:
            yield f"{what}: old code leaves the column out, so it needs null or db_default"
    elif isinstance(one, operations.AlterField):
        yield from _faults_of_change(one, migration.app_label, state)
    elif isinstance(one, operations.AddConstraint | ValidateConstraint):
        if not isinstance(one, AddConstraintNotValid | ValidateConstraint):
            yield f"{what}: the table is locked while all rows are checked"
    elif isinstance(one, operations.AddIndex) and not isinstance(one, AddIndexConcurrently):
        yield f"{what}: the table is locked while the index is made"


def _faults_of_change(one: operations.AlterField, label: str, state: ProjectState) -> Iterator[str]:
    what = one.describe()
    old = state.models[label, one.model_name.lower()].fields[one.name]
    if old.null and not one.field.null:
        yield f"{what}: old code may still write null"
    before, after = (_column(field) for field in (old, one.field))
    lengths = [re.fullmatch(r"varchar\((\d+)\)", column) for column in (before, after)]
    if all(lengths):
        if int(lengths[0][1]) > int(lengths[1][1]):  # type: ignore[index]
            yield f"{what}: old code may still write longer values"
    elif before != after and after != "text":
        yield f"{what}: the whole table is written anew"


def _column(field: models.Field) -> str:
    return str(field.db_parameters(connection)["type"])
