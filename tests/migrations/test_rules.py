"""Migrations can run while the release before them is at work, and say what the models say."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.core.management import call_command
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from tests.migrations.rules import find_faults

APP = "workflows"


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", "--skip-checks", verbosity=0)


def test_no_migration_stops_running_workers() -> None:
    loader = MigrationLoader(None)
    found = [key for key in loader.disk_migrations if key[0] == APP]
    assert found
    for key in found:
        before = loader.project_state(key, at_end=False)
        assert find_faults(loader.disk_migrations[key], before) == [], key


def test_migrations_stand_in_one_line() -> None:
    assert len(MigrationLoader(None).graph.leaf_nodes(APP)) == 1


# --- the rules themselves


def before() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=100, null=True)),
        ("size", models.IntegerField(null=True)),
    ]
    state.add_model(ModelState(APP, "Box", fields))
    return state


def faults(*found: Operation, name: str = "0002_box_things", atomic: bool = True) -> list[str]:
    migration = Migration(name, APP)
    migration.operations = list(found)
    migration.atomic = atomic
    return find_faults(migration, before())


INDEX = models.Index(fields=["size"], name="box_size")
CHECK = models.CheckConstraint(condition=models.Q(size__gt=0), name="box_size_positive")
UNIQUE = models.UniqueConstraint(fields=["name"], name="box_name")


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (
            migrations.AddField("box", "weight", models.IntegerField(default=0)),
            "old code leaves the column out",
        ),
        (migrations.RemoveField("box", "size"), "only a migration named _contract"),
        (migrations.DeleteModel("box"), "only a migration named _contract"),
        (migrations.RenameField("box", "size", "length"), "the old name"),
        (migrations.RenameModel("box", "crate"), "the old name"),
        (migrations.AlterModelTable("box", "crates"), "the old name"),
        (migrations.AddIndex("box", INDEX), "locked while the index is made"),
        (migrations.AddConstraint("box", CHECK), "locked while all rows are checked"),
        (migrations.AddConstraint("box", UNIQUE), "locked while all rows are checked"),
        (
            migrations.AlterField("box", "size", models.IntegerField()),
            "may still write null",
        ),
        (
            migrations.AlterField("box", "size", models.BigIntegerField(null=True)),
            "written anew",
        ),
        (
            migrations.AlterField("box", "name", models.CharField(max_length=50, null=True)),
            "longer values",
        ),
        (AddIndexConcurrently("box", INDEX), "needs atomic = False"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Operation) else "",
)
def test_what_would_stop_them_is_found(operation: Operation, fault: str) -> None:
    (found,) = faults(operation)
    assert fault in found


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        (migrations.AddField("box", "weight", models.IntegerField(null=True)), {}),
        (migrations.AddField("box", "weight", models.IntegerField(db_default=0)), {}),
        (migrations.RemoveField("box", "size"), {"name": "0009_box_size_contract"}),
        (AddIndexConcurrently("box", INDEX), {"atomic": False}),
        (AddConstraintNotValid("box", CHECK), {}),
        (migrations.AlterField("box", "name", models.CharField(max_length=200, null=True)), {}),
        (migrations.AlterField("box", "name", models.TextField(null=True)), {}),
        (migrations.RunPython(migrations.RunPython.noop), {}),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Operation) else "",
)
def test_what_does_no_harm_is_allowed(operation: Operation, options: dict[str, Any]) -> None:
    assert faults(operation, **options) == []


def test_a_new_table_may_have_everything_at_once() -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())]
    assert (
        faults(
            migrations.CreateModel("crate", fields),
            migrations.AddIndex("crate", INDEX),
            migrations.AddField("crate", "weight", models.IntegerField(default=0)),
        )
        == []
    )


def test_data_and_schema_are_changed_apart() -> None:
    found = faults(
        migrations.AddField("box", "weight", models.IntegerField(null=True)),
        migrations.RunPython(migrations.RunPython.noop),
    )
    assert found == ["it changes data and schema at once"]


def test_a_name_says_what_a_migration_is_for() -> None:
    found = faults(name="0002_auto_20261125_2100")
    assert found == ["its name does not say what it is for"]
