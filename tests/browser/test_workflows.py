"""What people do with workflows: find, write, mend, save, compare, restore, run."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser import runs
from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, WIDE, LogIn, write_in_editor
from tests.people import make_person
from workflows.models import (
    Maintenance,
    Project,
    Role,
    ServiceStatus,
    WorkflowDefinition,
    WorkflowExecution,
)
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller

pytestmark = pytest.mark.django_db(transaction=True)

TEXT: Final = """version: '2.0'
greet:
  tags: [hello]
  input:
    - names: [Ann, Bo]
    - times: 2
    - loud: false
    - to
  tasks:
    say:
      action: std.echo output=<% $.to %>
      on-success: done
    done:
      action: std.noop
"""


@pytest.fixture
def workflow(project: Project) -> WorkflowDefinition:
    caller = Caller(project.pk, Role.AUTHOR)
    return create_workflows(caller=caller, text=TEXT)[0]


def accept(page: Page, name: str) -> None:
    """Take what the editor offers; it ignores keys right after the offer has appeared."""
    offers = page.locator(".cm-tooltip-autocomplete")
    expect(offers.get_by_role("option", name=re.compile(name)).first).to_be_visible()
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")


def test_a_first_workflow_takes_three_clicks(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/workflows/")
    page.get_by_role("link", name="Write the first workflow").click()
    expect(page.get_by_text("No problems")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="greeting", exact=True)).to_be_visible()
    page.get_by_role("link", name="Run").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Started greeting.")).to_be_visible()
    run = WorkflowExecution.objects.get()
    assert run.workflow_name == "greeting"
    assert run.input == {"names": ["Ann", "Bo"]}


def test_the_list_finds_by_name_and_tag(log_in: LogIn, author: Any, workflow: Any) -> None:
    create_workflows(
        caller=Caller(workflow.project_id, Role.AUTHOR),
        text="version: '2.0'\nother:\n  tasks:\n    t: {action: std.noop}\n",
    )
    page = log_in(author)
    page.goto("/admin/workflows/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("searchbox", name="Find by name").fill("oth")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("link", name="hello").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("greet")


def test_a_mistake_is_marked_while_it_is_written_and_mended(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    expect(page.get_by_text("No problems")).to_be_visible()
    expect(page.locator(".graph-node")).to_have_count(2)
    broken = TEXT.replace("on-success: done", "on-sucess: done").replace("std.noop", "std.nop")
    write_in_editor(page, broken)
    expect(page.get_by_text("1 error")).to_be_visible()
    problem = page.get_by_role("button", name=re.compile("unknown key 'on-sucess'"))
    expect(problem).to_contain_text("Line 12:7")
    expect(problem).to_contain_text("did you mean 'on-success'?")
    expect(page.locator(".cm-lintRange-error")).to_have_text("on-sucess: done")
    page.get_by_role("button", name="Save revision").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown key 'on-sucess'")
    expect(page.locator(".cm-content")).to_contain_text("on-sucess: done")
    write_in_editor(page, broken.replace("sucess", "success"))
    warning = page.get_by_role("button", name=re.compile("no action 'std.nop' so far"))
    expect(warning).to_contain_text("Line 14:7")
    warning.click()
    expect(page.locator(".cm-activeLine")).to_have_text("      action: std.nop")
    write_in_editor(page, TEXT.replace("done", "finish"))
    expect(page.locator('[data-name="finish"]')).to_be_visible()
    page.get_by_label("What changes and why").fill("a better name")
    page.get_by_role("button", name="Save revision").click()
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    workflow.refresh_from_db()
    assert workflow.revision.text == TEXT.replace("done", "finish")
    assert (workflow.revision.comment, workflow.revision.author) == ("a better name", author)


def test_a_click_on_a_node_leads_to_its_lines_and_back(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    page.locator('[data-name="done"]').click()
    expect(page.locator(".cm-activeLine")).to_have_text("    done:")
    page.locator(".cm-line", has_text="std.echo").click()
    expect(page.locator(".graph-node.is-selected")).to_have_attribute("data-name", "say")


def test_keywords_actions_and_tasks_are_completed(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    expect(page.locator("levante-editor[data-words=known]")).to_be_attached()
    write_in_editor(page, TEXT)
    page.keyboard.type("    extra:\nact")
    accept(page, "action")
    page.keyboard.type("std.noo")
    accept(page, "std.noop")
    page.keyboard.type("\non-success: sa")
    accept(page, "say")
    expect(page.locator(".cm-content")).to_contain_text("on-success: say")
    expect(page.get_by_text("No problems")).to_be_visible()


def test_what_somebody_else_saved_meanwhile_is_not_passed_over(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    pages = [log_in(author), log_in(make_person("bob", workflow.project, Role.AUTHOR))]
    for page in pages:
        page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    write_in_editor(pages[0], TEXT.replace("done", "finish"))
    pages[0].get_by_role("button", name="Save revision").click()
    expect(pages[0].get_by_text("Saved as revision 2.")).to_be_visible()
    write_in_editor(pages[1], TEXT.replace("done", "end"))
    pages[1].get_by_role("button", name="Save revision").click()
    expect(pages[1].get_by_role("alert")).to_contain_text("somebody has stored revision 2")
    expect(pages[1].locator(".cm-content")).to_contain_text("end:")
    pages[1].get_by_role("button", name="Save revision").click()
    expect(pages[1].get_by_text("Saved as revision 3.")).to_be_visible()


def test_a_text_that_says_the_same_makes_no_revision(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    page.get_by_role("button", name="Save revision").click()
    expect(page.get_by_text("The text is as it was, so revision 1 stays.")).to_be_visible()
    assert workflow.revisions.count() == 1


def test_revisions_are_compared_and_restored(log_in: LogIn, author: Any, workflow: Any) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    write_in_editor(page, TEXT.replace("done", "finish"))
    page.get_by_role("button", name="Save revision").click()
    page.get_by_role("link", name="Revisions").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".cm-merge-a .cm-changedText").first).to_have_text("done")
    expect(page.locator(".cm-merge-b .cm-changedText").first).to_have_text("finish")
    page.get_by_role("button", name="Restore revision 1").click()
    expect(page.get_by_text("Revision 1 is in force again, as revision 3.")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("Restored revision 1")
    workflow.refresh_from_db()
    assert workflow.revision.text == TEXT


def test_a_run_takes_typed_inputs_and_shows_itself_as_rest_and_cli(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/run/")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("A value is needed.")).to_be_visible()
    page.get_by_label("to needed").fill("the world's end")
    page.get_by_label("times").fill("3")
    page.get_by_label("yes").check()
    command = "mistral execution-create greet"
    expect(page.locator("#as-command")).to_contain_text(command)
    expect(page.locator("#as-command")).to_contain_text('"times": 3, "loud": true')
    expect(page.locator("#as-request")).to_contain_text("/v2/executions")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Started greet.")).to_be_visible()
    run = WorkflowExecution.objects.get()
    assert run.input == {
        "names": ["Ann", "Bo"], "times": 3, "loud": True, "to": "the world's end",
    }  # fmt: skip
    shown = json.loads(json.dumps(run.params))
    assert "env" in shown


def test_nobody_sees_what_belongs_to_others(log_in: LogIn, workflow: Any) -> None:
    stranger = make_person("eve", Project.objects.create(name="red"), Role.AUTHOR)
    page = log_in(stranger)
    page.goto("/admin/workflows/")
    expect(page.get_by_text("No workflows yet")).to_be_visible()
    for path in ("", "edit/", "revisions/", "revisions/1/", "run/", "delete/"):
        answer = page.goto(f"/admin/workflows/{workflow.pk}/{path}")
        assert answer is not None
        assert answer.status == 404, path


def test_a_viewer_reads_and_changes_nothing(log_in: LogIn, workflow: Any) -> None:
    page = log_in(make_person("vic", workflow.project, Role.VIEWER))
    page.goto(f"/admin/workflows/{workflow.pk}/")
    expect(page.get_by_role("link", name="Run")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    for path in ("edit/", "run/", "delete/"):
        answer = page.goto(f"/admin/workflows/{workflow.pk}/{path}")
        assert answer is not None
        assert answer.status == 403, path


def test_texts_of_users_are_never_markup(log_in: LogIn, author: Any, project: Project) -> None:
    text = (
        "version: '2.0'\n"
        '"<b>x</b>":\n'
        "  description: '</script><img src=x onerror=alert(1)>'\n"
        "  tags: ['<i>tag</i>']\n"
        "  input: ['<u>in</u>': '</textarea><b>']\n"
        "  tasks:\n    '<s>t</s>': {action: std.noop}\n"
    )
    made = create_workflows(caller=Caller(project.pk, Role.AUTHOR), text=text)[0]
    page = log_in(author)
    paths = ["", *(f"{made.pk}/{part}" for part in ("", "edit/", "revisions/", "run/", "delete/"))]
    for path in paths:
        page.goto(f"/admin/workflows/{path}")
        expect(page.locator("h1, td", has_text="<b>x</b>").first).to_be_visible()
        assert page.locator("main b:text-is('x'), i:text-is('tag'), img[src=x]").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_have_no_serious_faults_of_accessibility(
    log_in: LogIn, author: Any, workflow: Any, dark: bool
) -> None:
    page = log_in(author, dark=dark)
    own = f"/admin/workflows/{workflow.pk}/"
    for path in ("/admin/workflows/", own, f"{own}edit/", f"{own}revisions/", f"{own}run/"):
        page.goto(path)
        check_accessibility(page)


def test_the_pages_fit_on_a_small_screen(log_in: LogIn, author: Any, workflow: Any) -> None:
    page = log_in(author, size=NARROW)
    own = f"/admin/workflows/{workflow.pk}/"
    for path in ("/admin/workflows/", own, f"{own}edit/", f"{own}revisions/", f"{own}run/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], path


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_long_name_widens_no_page(
    log_in: LogIn, author: Any, project: Project, size: tuple[int, int]
) -> None:
    name = "made_of_" + "_".join(["parts"] * 25)
    runs.simple(name=name)
    page = log_in(author, size=size)
    identity = WorkflowDefinition.objects.get(name=name).pk
    for address in ("", f"{identity}/", f"{identity}/edit/", f"{identity}/run/"):
        page.goto(f"/admin/workflows/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address
    page.goto("/admin/workflows/")
    expect(page.get_by_role("link", name=f"Run {name}")).to_be_in_viewport()


def test_in_maintenance_nothing_is_checked_and_no_text_is_lost(
    log_in: LogIn, author: Any, workflow: Any
) -> None:
    page = log_in(author)
    page.goto(f"/admin/workflows/{workflow.pk}/edit/")
    expect(page.locator(".editor-summary")).to_have_text("No problems")
    Maintenance.objects.update_or_create(
        pk=1, defaults={"status": ServiceStatus.PAUSED, "changed_at": timezone.now()}
    )
    write_in_editor(page, f"{TEXT}# more")
    expect(page.locator(".editor-summary")).to_contain_text("The service is in maintenance")
    page.get_by_role("button", name="Save revision").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "the whole service is paused", ignore_case=True
    )
    expect(page.get_by_role("heading", name="What you have written")).to_be_visible()
    expect(page.locator("main pre")).to_contain_text("# more")
