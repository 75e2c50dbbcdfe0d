"""The benchmark of lists: what it fills the table with, and what it holds against its goal."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection

from benchmarks import lists, report
from tests.factories import make_caller
from workflows.models import WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows


@pytest.mark.django_db
def test_the_table_is_filled_with_what_looks_like_work_of_a_hundred_days() -> None:
    create_workflows(caller=make_caller(), text=lists._document(), namespace="", scope="private")
    with connection.cursor() as cursor:
        cursor.execute(lists._PROJECTS_SQL, [4])
        values = {"count": 4_000, "workflows": lists._WORKFLOWS, "days": lists._DAYS}
        cursor.execute(lists._FILL_SQL, values)
    rows = WorkflowExecution.objects.values_list("state", "workflow_name", "project_id")
    states, names, projects = (Counter(column) for column in zip(*rows, strict=True))
    assert states == {"SUCCESS": 3_794, "ERROR": 200, "CANCELLED": 4, "PAUSED": 2}
    assert set(names.values()) == {4_000 // lists._WORKFLOWS}
    assert set(projects.values()) == {800}
    for execution in WorkflowExecution.objects.select_related("revision")[:20]:
        assert execution.revision.name == execution.workflow_name
    first, last = (WorkflowExecution.objects.order_by(key)[0] for key in ("created_at", "-id"))
    assert first.created_at <= last.created_at


def test_a_slow_list_is_named() -> None:
    times = {"p50": 10.0, "p95": 101.0, "p99": 110.0}
    results = {"shapes": [], "lists": {"list: newest": times, "list: oldest": {**times, "p95": 99}}}
    assert report.missed_goals(results) == ["list: newest: p95 101 ms, not 100"]
    assert ["list: newest", "10.0", "101.0", "110.0"] in report.time_rows(results)


def test_a_slow_page_is_named() -> None:
    times = {"p50": 10.0, "p95": 301.0, "p99": 310.0}
    results = {"shapes": [], "pages": {"page: dashboard": times}}
    assert report.missed_goals(results) == ["page: dashboard: p95 301 ms, not 300"]
    assert ["page: dashboard", "10.0", "301.0", "310.0"] in report.time_rows(results)


def test_a_link_is_followed_as_it_is() -> None:
    url = "http://h:1/v2/executions?limit=2&created_at=gte:2026-01-01%2012:00:00&marker=x"
    assert lists._path_of(url) == url.partition("/v2/")[2]
