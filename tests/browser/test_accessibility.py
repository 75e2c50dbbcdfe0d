"""No page of executions has serious faults of accessibility, in light and in dark."""

from __future__ import annotations

import pytest

from tests.browser import runs
from tests.browser.axe import check_accessibility
from tests.browser.conftest import LogIn
from tests.people import make_person
from workflows.models import ActionExecution, Project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_of_executions(log_in: LogIn, project: Project, dark: bool) -> None:
    failed, waiting, items = runs.failed_deep(), runs.waiting(), runs.with_failed_items()
    action = ActionExecution.objects.get(task__name="ask")
    task = runs.task_of(items, "each")
    one = f"/admin/executions/{failed.pk}/"
    page = log_in(make_person("ann", project), dark=dark)
    for address in (
        "/admin/",
        "/admin/executions/",
        "/admin/executions/?workflow=nobody",
        one,
        *(f"{one}{tab}/" for tab in ("timeline", "tasks", "data", "problems", "events")),
        f"{one}definition/",
        f"{one}do/rerun/",
        f"/admin/executions/{waiting.pk}/do/finish/",
        f"/admin/executions/{items.pk}/tasks/{task.pk}/",
        f"/admin/actions/{action.pk}/complete/",
        "/admin/open-actions/",
        "/admin/workers/",
        "/admin/system/",
    ):
        page.goto(address)
        check_accessibility(page)
