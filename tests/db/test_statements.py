"""Statements that go to the server together."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from workflows.models import Project, statements
from workflows.models.statements import Batch

pytestmark = pytest.mark.django_db


def names() -> list[str]:
    return sorted(Project.objects.filter(name__startswith="batch").values_list("name", flat=True))


def test_statements_are_carried_out_in_order_in_one_trip() -> None:
    project = Project.objects.create(name="batch 0")
    batch = Batch()
    for before in range(3):
        values = [f"batch {before + 1}", f"batch {before}"]
        batch.add("UPDATE projects SET name = %s WHERE name = %s", values)
    assert names() == ["batch 0"]
    with CaptureQueriesContext(connection) as queries:
        batch.send()
        batch.send()
    assert len(queries) == 1
    project.refresh_from_db()
    assert project.name == "batch 3"


def test_values_may_look_like_statements() -> None:
    project = Project.objects.create(name="batch")
    batch = Batch()
    for name in ("batch'; DELETE FROM projects; --", "batch %s %% \\"):
        batch.add("UPDATE projects SET name = %s WHERE id = %s", [name, project.id])
    batch.send()
    assert names() == ["batch %s %% \\"]


def test_a_batch_that_gets_large_is_sent_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_MOST_VALUES_AT_ONCE", 2)
    project = Project.objects.create(name="batch")
    batch = Batch()
    batch.add("UPDATE projects SET name = %s WHERE id = %s", ["batch again", project.id])
    assert names() == ["batch again"]
