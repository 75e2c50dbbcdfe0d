"""The list of executions: what a person looks for, and changes of many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import runs
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import HistoryEvent, Project, Role, WorkflowExecution

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_empty_list_says_what_an_execution_is(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("ann", project))
    page.goto("/admin/executions/")
    expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()


def test_filters_narrow_the_list_and_can_be_cleared(log_in: LogIn, project: Project) -> None:
    failed, good = runs.failed_deep(), runs.simple()
    page = log_in(make_person("ann", project))
    page.goto("/admin/executions/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("State").select_option("ERROR")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("outer")
    page.get_by_label("Depth").select_option("any")
    expect(page.locator("tbody tr")).to_have_count(5)
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Id begins with").fill(str(good.pk)[:8])
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Id begins with").fill("")
    page.get_by_label("Tag").fill("restore")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text(str(failed.pk)[:8])
    page.get_by_label("Workflow").fill("nobody")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()


def test_the_list_is_paged_forth_and_back(log_in: LogIn, project: Project) -> None:
    first = runs.simple()
    copies = []
    for number in range(119):
        copy = WorkflowExecution.objects.get(pk=first.pk)
        copy.pk, copy._state.adding = None, True
        copy.id = WorkflowExecution._meta.pk.get_default()
        # Every ten of them start at the same moment.
        copy.created_at = first.created_at + timedelta(seconds=1 + number // 10)
        copies.append(copy)
    WorkflowExecution.objects.bulk_create(copies)
    page = log_in(make_person("ann", project))
    page.goto("/admin/executions/")
    seen: list[str] = []
    sizes = []
    while True:
        links = page.locator("tbody a[aria-label^='Execution ']")
        rows = [link.get_attribute("aria-label") or "" for link in links.all()]
        sizes.append(len(rows))
        seen += rows
        older = page.get_by_role("link", name="Older")
        if not older.count():
            break
        older.click()
    assert sizes == [50, 50, 20]
    assert len(set(seen)) == 120
    page.get_by_role("link", name="Newer").click()
    links = page.locator("tbody a[aria-label^='Execution ']")
    assert [link.get_attribute("aria-label") for link in links.all()] == seen[50:100]


def test_many_are_cancelled_after_a_preview_and_with_a_reason(
    log_in: LogIn, project: Project
) -> None:
    waiting = [runs.waiting(team) for team in ("blue",)]
    done = runs.simple()
    page = log_in(make_person("ann", project, Role.OPERATOR))
    page.goto("/admin/executions/")
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancel: 1 execution")).to_be_visible()
    expect(page.get_by_text("Left alone")).to_contain_text("Success")
    page.get_by_label("Reason").fill("ordered by the night shift")
    page.get_by_role("button", name="Cancel 1").click()
    expect(page.get_by_text("Cancel: 1 execution.")).to_be_visible()
    execution = WorkflowExecution.objects.get(pk=waiting[0].pk)
    assert execution.state == "CANCELLED"
    event = HistoryEvent.objects.filter(execution=execution, state_to="CANCELLED").first()
    assert event is not None
    assert (event.actor, event.reason) == ("ann", "ordered by the night shift")
    assert WorkflowExecution.objects.get(pk=done.pk).state == "SUCCESS"


def test_all_that_fit_the_filter_are_deleted(log_in: LogIn, project: Project) -> None:
    runs.simple()
    kept = runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto("/admin/executions/?state=SUCCESS")
    page.get_by_label("Choose all on this page").check()
    page.get_by_label("all that fit the filter").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Reason").fill("old")
    page.get_by_role("button", name="Delete 1").click()
    expect(page.get_by_text("Delete: 1 execution.")).to_be_visible()
    assert list(WorkflowExecution.objects.values_list("pk", flat=True)) == [kept.pk]


def test_a_viewer_sees_only_own_executions_and_no_buttons(log_in: LogIn, project: Project) -> None:
    own, other = runs.simple(), runs.simple("red", "secret_plan")
    page = log_in(make_person("vic", project, Role.VIEWER))
    page.goto("/admin/executions/")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody input[type=checkbox]")).to_have_count(0)
    assert page.goto(f"/admin/executions/{other.pk}/").status == 404
    assert page.goto(f"/admin/executions/{other.pk}/changes").status == 404
    assert page.goto(f"/admin/data/executions/{other.pk}/input/").status == 404
    page.goto(f"/admin/executions/{own.pk}/")
    expect(page.locator(".lv-buttons a")).to_have_count(0)
    assert page.goto(f"/admin/executions/{own.pk}/do/delete/").status == 403


def test_it_fits_a_small_screen(log_in: LogIn, project: Project) -> None:
    failed = runs.failed_deep()
    page = log_in(make_person("ann", project), size=NARROW)
    tabs = ("", "timeline/", "tasks/", "data/", "problems/", "events/", "definition/")
    for address in ("", f"{failed.pk}/", *(f"{failed.pk}/{tab}" for tab in tabs)):
        page.goto(f"/admin/executions/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], address
