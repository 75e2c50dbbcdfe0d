"""What the parts are for together: a workflow is written, run, watched, mended and stopped."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from tests.admin.test_fleet_pages import flower
from tests.browser import runs
from tests.browser.conftest import LogIn, write_in_editor
from tests.people import make_person
from workflows.models import (
    ActionExecution,
    Project,
    Role,
    TaskExecution,
    WorkerProcess,
    WorkflowExecution,
    WorkflowRevision,
)
from workflows.services.advancing.advance import advance

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["flower"]

# What is promised for a large drawing and for a change to be seen; the tests share their machine
# with others, so they give it as much again.
SECONDS: Final = 2 * 2.0
WRONG: Final = """version: '2.0'
change:
  input:
    - number
    - urgent: false
  tasks:
    ask:
      action: std.async_noop
      publish:
        answer: <% task().result %>
      on-success: tel
    tell:
      action: std.echo output=<% $.answer %>
"""
RIGHT: Final = WRONG.replace("on-success: tel\n", "on-success: tell\n")


def node(page: Page, name: str) -> Any:
    return page.locator(f"levante-graph [data-name='{name}']")


def wait_in_graph(page: Page, name: str, state: str) -> float:
    """Wait until a task has a state in the graph, by colour and word; answer how long it took."""
    began = time.monotonic()
    expect(node(page, name)).to_have_class(re.compile(f"state-{state.lower()}"))
    expect(node(page, name)).to_contain_text(state.capitalize())
    return time.monotonic() - began


def test_a_change_is_written_approved_and_watched(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/workflows/new/")
    write_in_editor(page, WRONG)
    expect(page.locator(".cm-lintRange-error")).to_be_visible()
    problem = page.get_by_role("button", name="Error Line 11")
    expect(problem).to_contain_text("tel")
    problem.click()
    write_in_editor(page, RIGHT)
    expect(page.locator(".editor-summary")).to_have_text("No problems")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Edit").click()
    write_in_editor(page, RIGHT.replace("std.echo output", "std.echo delay=0 output"))
    page.get_by_label("What changes and why").fill("tell it at once")
    page.get_by_role("button", name="Save revision").click()
    assert list(WorkflowRevision.objects.values_list("comment", flat=True))[-1] == "tell it at once"

    page.get_by_role("link", name="Run").first.click()
    page.get_by_label("number needed").fill("17")
    page.get_by_role("button", name="Run", exact=True).click()
    execution = WorkflowExecution.objects.get()
    assert execution.input == {"number": "17", "urgent": False}
    advance(execution.pk, force=True)
    wait_in_graph(page, "ask", "RUNNING")
    expect(node(page, "tell")).to_contain_text("Not reached")

    page.goto("/admin/open-actions/")
    page.get_by_role("link", name="Report").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Result").fill('"agreed"')
    dialog.get_by_label("Reason").fill("all have read it")
    dialog.get_by_role("button", name="Report the result").click()
    expect(page.get_by_text("was taken over")).to_be_visible()
    page.goto(f"/admin/executions/{execution.pk}/")
    advance(execution.pk)
    runs.work(execution)
    assert wait_in_graph(page, "tell", "SUCCESS") < SECONDS
    assert wait_in_graph(page, "ask", "SUCCESS") < SECONDS
    assert ActionExecution.objects.get(task__name="tell").output == {"result": "agreed"}


def test_only_the_task_that_failed_deep_down_runs_again(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project, Role.OPERATOR))
    page.goto(f"/admin/executions/{execution.pk}/problems/")
    cause = page.locator("article").filter(has_text="volume of south")
    cause.get_by_role("link", name="Rerun this task").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("south is free again")
    dialog.get_by_role("button", name="Rerun this task").click()
    expect(page.get_by_text("Rerun this task: copy.")).to_be_visible()
    tries = {
        copy.execution.input["site"]: copy.actions.count()
        for copy in TaskExecution.objects.filter(name="copy").select_related("execution")
    }
    assert tries == {"north": 1, "south": 2}


def test_one_that_runs_is_cancelled(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project, Role.OPERATOR))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("nobody needs it")
    dialog.get_by_role("button", name="Cancel").click()
    wait_in_graph(page, "ask", "CANCELLED")
    expect(page.locator(".lv-note")).to_contain_text("nobody needs it")
    execution.refresh_from_db()
    assert execution.state == "CANCELLED"


def test_a_thousand_tasks_are_drawn_in_time_and_followed(log_in: LogIn, project: Project) -> None:
    lines = ['version: "2.0"', "large:", "  tasks:", "    first:", "      action: std.async_noop"]
    lines += ["      on-success: [t1]"]
    for number in range(1, 1000):
        lines += [f"    t{number}:", "      action: std.noop"]
        lines += [f"      on-success: [t{number + 1}]"] if number % 25 and number < 999 else []
    execution = runs.start("\n".join(lines), caller=runs.make_caller("blue"))
    page = log_in(make_person("ann", project))
    page.goto("/admin/executions/")  # what is the same for all pages is there
    began = time.monotonic()
    page.goto(f"/admin/executions/{execution.pk}/")
    expect(node(page, "first")).to_contain_text("Running")
    assert time.monotonic() - began < SECONDS
    action = ActionExecution.objects.get(task__name="first")
    page.goto(f"/admin/executions/{execution.pk}/")
    expect(node(page, "first")).to_contain_text("Running")
    runs.complete(action)
    assert wait_in_graph(page, "first", "SUCCESS") < SECONDS


def test_the_way_leads_into_flower(
    log_in: LogIn,
    project: Project,
    settings: Settings,
    flower: list[tuple[str, str]],
) -> None:
    now = timezone.now()
    WorkerProcess.objects.create(host="box", pid=7, queues="actions", started_at=now, beat_at=now)
    page = log_in(make_person("root", project))
    page.goto("/admin/workers/")
    page.get_by_role("link", name="Flower", exact=True).click()
    expect(page.get_by_role("heading", name="Flower")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="In Flower", exact=True).click()
    expect(page.get_by_role("heading", name="Flower")).to_be_visible()
    assert [path for path, _ in flower if "worker/" in path]
