"""The dashboard, the workers, the system: what somebody does who keeps the service running."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser import runs
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import Maintenance, Project, Role, WorkerProcess, WorkflowExecution

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forget_figures() -> None:
    cache.clear()


def test_an_empty_dashboard_leads_to_the_first_workflow(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("ann", project))
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Your first workflow")).to_be_visible()
    page.get_by_role("link", name="To the workflows").click()
    assert page.url.endswith("/admin/workflows/")


def test_each_number_leads_to_the_list_behind_it(log_in: LogIn, project: Project) -> None:
    failed, waiting = runs.failed_deep(), runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto("/admin/")
    tile = page.locator("a.lv-tile")
    expect(tile.filter(has_text="running now")).to_have_text("1 running now")
    expect(tile.filter(has_text="failed")).to_have_text("1 failed, 24 h")
    tile.filter(has_text="failed").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text(str(failed.pk)[:8])
    page.go_back()
    page.locator("a.lv-tile").filter(has_text="running now").click()
    expect(page.locator("tbody")).to_contain_text(str(waiting.pk)[:8])
    page.go_back()
    row = page.locator("tr").filter(has_text="volume of north")
    expect(row).to_contain_text("1")
    row.get_by_role("link").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("innermost")


def test_the_chart_shows_another_range(log_in: LogIn, project: Project) -> None:
    run = runs.simple()
    old = WorkflowExecution.objects.get(pk=run.pk)
    old.pk, old._state.adding = uuid4(), True
    old.created_at = timezone.now() - timedelta(hours=5)
    old.finished_at = old.created_at + timedelta(minutes=1)
    old.save()
    page = log_in(make_person("ann", project))
    page.goto("/admin/")
    chart = page.locator("levante-series")
    expect(chart).to_have_attribute("aria-label", "Started 1, succeeded 1, failed 0")
    page.get_by_role("button", name="24 hours").click()
    expect(chart).to_have_attribute("aria-label", "Started 2, succeeded 2, failed 0")
    expect(page.get_by_role("button", name="24 hours")).to_have_attribute("aria-pressed", "true")
    row = page.locator("tr").filter(has_text="simple")
    expect(row).to_contain_text("100 %")


def test_somebody_acts_for_another_project(log_in: LogIn, project: Project) -> None:
    runs.simple("blue", "blue_one")
    runs.simple("red", "red_one")
    person = make_person("cat", project, Role.OPERATOR)
    person.memberships.create(project=Project.objects.get(name="red"), role=Role.VIEWER)
    page = log_in(person)
    page.goto("/admin/")
    page.get_by_label("You act for the project").select_option(label="red")
    page.get_by_role("link", name="Executions").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("red_one")


def test_workers_and_queues(log_in: LogIn, project: Project) -> None:
    now = timezone.now()
    WorkerProcess.objects.create(
        host="box-1", pid=41, queues="actions,engine", started_at=now, beat_at=now
    )
    page = log_in(make_person("ann", project, Role.OPERATOR))
    page.goto("/admin/")
    page.get_by_role("link", name="Workers and queues").click()
    expect(page.get_by_role("heading", name="box-1")).to_be_visible()
    expect(page.locator("tr").filter(has_text="41")).to_contain_text("alive")
    expect(page.locator("tr").filter(has_text="engine").first).to_contain_text("1")
    expect(page.get_by_role("link", name="Flower")).to_have_count(0)


def test_maintenance_is_begun_and_ended(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("ann", project))
    page.goto("/admin/system/")
    expect(page.locator("tr").filter(has_text="PostgreSQL")).to_contain_text("well")
    expect(page.locator("tr").filter(has_text="LEVANTE_DEAD_SECONDS")).to_be_visible()
    page.get_by_text("Begin maintenance").click()
    page.get_by_role("button", name="Pause the whole service").click()
    expect(page.get_by_text("about to pause")).to_be_visible()
    assert Maintenance.objects.get().status == "PAUSING"
    page.goto("/admin/")
    expect(page.get_by_role("status")).to_contain_text("Maintenance")
    page.goto("/admin/system/")
    page.get_by_role("button", name="End maintenance").click()
    expect(page.get_by_text("In maintenance every execution is paused")).to_be_visible()
    assert Maintenance.objects.get().status == "RUNNING"


def test_they_fit_a_small_screen(log_in: LogIn, project: Project) -> None:
    runs.failed_deep()
    runs.waiting()
    page = log_in(make_person("ann", project), size=NARROW)
    for address in ("", "workers/", "system/", "open-actions/"):
        page.goto(f"/admin/{address}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], address
