"""What an administrator does with stored code, and what everybody sees where it is off."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from playwright.sync_api import Page, expect
from pytest_django import Settings

from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import CodeSource, DynamicAction, Project, Role
from workflows.services.definitions.code_sources import create_code_source, create_dynamic_action
from workflows.services.identity.identity import Caller

pytestmark = pytest.mark.django_db(transaction=True)

CODE = """\
class Twice:
    def __init__(self, x):
        self.x = x

    def run(self, context):
        return 2 * self.x
"""


@pytest.fixture(autouse=True)
def _on(settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True


def write(page: Page, text: str) -> None:
    page.locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_where_it_is_off_the_page_says_how_to_switch_it_on(
    log_in: LogIn, project: Project, settings: Settings
) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = False
    page = log_in(make_person("root", project))
    page.goto("/admin/code/")
    expect(page.get_by_text("LEVANTE_DYNAMIC_ACTIONS=true")).to_be_visible()
    expect(page.get_by_role("link", name="Store the first module")).to_have_count(0)
    page.goto("/admin/code/new/")
    expect(page.get_by_text("switched off on this server")).to_be_visible()


def test_code_is_stored_mended_used_and_deleted(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("root", project))
    page.goto("/admin/workflows/")
    page.get_by_role("link", name="Stored code").click()
    page.get_by_role("link", name="Store the first module").click()
    page.get_by_label("Name", exact=True).fill("maths")
    write(page, "class Twice:\n    pass\n\ndef (:\n")
    expect(page.get_by_role("button", name="Error Line 4:5")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("(line 4)")
    write(page, "x = 1\n")
    expect(page.get_by_text("No class has a method run")).to_be_visible()
    write(page, CODE)
    expect(page.get_by_text("No problems")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the code maths.")).to_be_visible()
    assert CodeSource.objects.get().content == CODE

    page.get_by_label("Name", exact=True).fill("std.echo")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("std.echo")
    page.get_by_label("Name", exact=True).fill("twice")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Made the action twice.")).to_be_visible()
    page.get_by_role("link", name="Try twice").click()
    expect(page.get_by_label("x needed")).to_be_visible()
    page.go_back()

    write(page, CODE.replace("Twice", "Thrice"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved maths as version 2.")).to_be_visible()
    expect(page.get_by_text("not in the code")).to_be_visible()
    page.get_by_role("link", name="twice", exact=True).click()
    page.get_by_label("Class in maths").select_option("Thrice")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the action twice.")).to_be_visible()
    assert DynamicAction.objects.get().class_name == "Thrice"

    page.locator("header").get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The actions made of it go with it: twice.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The code maths is deleted.")).to_be_visible()
    assert not DynamicAction.objects.exists()
    entries = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    assert list(entries) == [
        ("maths", ""), ("twice", ""), ("maths", "Version 2"), ("twice", ""), ("maths", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_of_code_are_accessible_and_fit(
    log_in: LogIn, project: Project, dark: bool, settings: Settings
) -> None:
    caller = Caller(project.pk, Role.ADMIN)
    source = create_code_source(
        caller=caller, name="maths", namespace="", scope="private", content=CODE
    )
    action = create_dynamic_action(
        caller=caller, name="twice", class_name="Twice", source=str(source.pk), namespace="",
        scope="private",
    )  # fmt: skip
    page = log_in(make_person("root", project), dark=dark, size=NARROW)
    for address in ("", "new/", f"{source.pk}/", f"actions/{action.pk}/"):
        page.goto(f"/admin/code/{address}")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], address
    settings.LEVANTE_DYNAMIC_ACTIONS = False
    page.goto("/admin/code/")
    check_accessibility(page)
