"""A person writes a workbook, finds what was made of it, mends it and deletes it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import Project, Role, WorkbookDefinition, WorkflowDefinition
from workflows.services.definitions.workbook_uploads import create_workbook
from workflows.services.identity.identity import Caller

pytestmark = pytest.mark.django_db(transaction=True)

BOOK = """version: '2.0'
name: greetings
actions:
  hail: {base: std.echo, base-input: {output: hello}}
workflows:
  greet:
    tasks:
      say: {action: hail}
"""


def write(page: Page, text: str) -> None:
    page.locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_workbook_is_written_mended_and_deleted(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto("/admin/workflows/")
    page.get_by_role("link", name="Workbooks").click()
    page.get_by_role("link", name="Write the first one").click()
    write(page, BOOK.replace("base:", "bass:"))
    expect(page.locator(".editor-problem").first).to_be_visible()
    write(page, BOOK)
    expect(page.get_by_text("No problems")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved the workbook greetings and what it holds.")).to_be_visible()
    expect(page.get_by_role("link", name="greetings.hail")).to_be_visible()

    write(page, BOOK.replace("greetings", "others"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("this one is greetings")
    write(page, BOOK.replace("greet:", "meet:"))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="greetings.meet").click()
    expect(page.get_by_text("workbook greetings")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The workbook greetings is deleted.")).to_be_visible()
    assert not WorkbookDefinition.objects.exists()
    assert WorkflowDefinition.objects.count() == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_of_workbooks_are_accessible_and_fit(
    log_in: LogIn, project: Project, dark: bool
) -> None:
    book: Any = create_workbook(caller=Caller(project.pk, Role.AUTHOR), text=BOOK)
    page = log_in(make_person("ann", project, Role.AUTHOR), dark=dark, size=NARROW)
    for address in ("", "new/", f"{book.pk}/"):
        page.goto(f"/admin/workbooks/{address}")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], address
