"""What people do with schedules: write one, read it in words, run it now, pause it, delete it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import CronTrigger, Project, Role, WorkflowDefinition, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_triggers import create_cron_trigger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workflow(project: Project) -> WorkflowDefinition:
    text = "version: '2.0'\nreport:\n  input: [{to: all}]\n  tasks: {t: {action: std.noop}}\n"
    return create_workflows(caller=Caller(project.pk, Role.AUTHOR), text=text)[0]


@pytest.fixture
def schedule(project: Project, workflow: WorkflowDefinition) -> CronTrigger:
    return create_cron_trigger(
        caller=Caller(project.pk, Role.AUTHOR),
        name="nightly",
        workflow=str(workflow.pk),
        pattern="30 2 * * *",
        time_zone="Europe/Prague",
    )


def test_a_schedule_is_written_and_read_in_words(
    log_in: LogIn, project: Project, workflow: Any
) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto("/admin/schedules/")
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_label("Cron pattern").fill("61 * * * *")
    expect(page.get_by_text("The specified pattern is not valid: 61 * * * *")).to_be_visible()
    page.get_by_label("Cron pattern").fill("0 8 * * 1")
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    expect(page.get_by_text("At 08:00, only on Monday (Asia/Tokyo)")).to_be_visible()
    expect(page.locator(".lv-times li")).to_have_count(10)
    expect(page.locator(".lv-times li").first).to_have_text(
        re.compile(r"^Mon \d{4}-\d\d-\d\d 08:00:00 JST$")
    )
    page.get_by_label("Name").fill("weekly")
    page.get_by_label("Workflow").select_option("report")
    page.locator(".cm-content").first.click()
    page.keyboard.insert_text('{"to": "team"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the schedule weekly.")).to_be_visible()
    made = CronTrigger.objects.get()
    assert (made.pattern, made.time_zone, made.input) == ("0 8 * * 1", "Asia/Tokyo", {"to": "team"})


def test_it_shows_its_next_times_in_its_own_zone(
    log_in: LogIn, project: Project, schedule: Any
) -> None:
    page = log_in(make_person("vic", project, Role.VIEWER))
    page.goto("/admin/schedules/")
    page.get_by_role("link", name="nightly").click()
    expect(page.get_by_text("At 02:30 (Europe/Prague)")).to_be_visible()
    expect(page.locator(".lv-times li").first).to_have_text(re.compile(r"02:30:00 CES?T$"))
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_it_is_run_now_paused_and_resumed(log_in: LogIn, project: Project, schedule: Any) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto(f"/admin/schedules/{schedule.pk}/")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("Started report.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("by hand")).to_be_visible()
    assert WorkflowExecution.objects.get().workflow_name == "report"
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("nightly is paused.")).to_be_visible()
    schedule.refresh_from_db()
    assert schedule.is_paused
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("nightly goes on with its next time.")).to_be_visible()
    schedule.refresh_from_db()
    assert not schedule.is_paused


def test_it_is_changed_and_deleted(log_in: LogIn, project: Project, schedule: Any) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto(f"/admin/schedules/{schedule.pk}/edit/")
    page.get_by_label("Cron pattern").fill("15 3 * * *")
    page.get_by_label("Number of runs").fill("5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("At 03:15 (Europe/Prague)")).to_be_visible()
    schedule.refresh_from_db()
    assert (schedule.pattern, schedule.remaining) == ("15 3 * * *", 5)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The schedule nightly is deleted.")).to_be_visible()
    assert not CronTrigger.objects.exists()


def test_an_operator_runs_but_does_not_change_and_a_stranger_sees_nothing(
    log_in: LogIn, project: Project, schedule: Any
) -> None:
    page = log_in(make_person("oli", project, Role.OPERATOR))
    page.goto(f"/admin/schedules/{schedule.pk}/")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    page.evaluate(
        "document.querySelector('.lv-buttons button').setAttribute('formaction', 'pause/')"
    )
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("insufficient permissions")).to_be_visible()
    schedule.refresh_from_db()
    assert not schedule.is_paused
    stranger = log_in(make_person("eve", Project.objects.create(name="red"), Role.AUTHOR))
    stranger.goto("/admin/schedules/")
    expect(stranger.get_by_text("No schedules yet")).to_be_visible()
    answer = stranger.goto(f"/admin/schedules/{schedule.pk}/")
    assert answer is not None
    assert answer.status == 404


@pytest.mark.parametrize("size", [(1280, 900), NARROW], ids=["wide", "narrow"])
def test_the_pages_are_accessible_and_fit(
    log_in: LogIn, project: Project, schedule: Any, size: tuple[int, int]
) -> None:
    page = log_in(make_person("root", project), size=size, dark=size == NARROW)
    for path in ("", "new/", f"{schedule.pk}/", f"{schedule.pk}/edit/"):
        page.goto(f"/admin/schedules/{path}")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
