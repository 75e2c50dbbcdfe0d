"""The frame of all pages: log-in, sidebar, light and dark, without code inside of pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NARROW, LogIn, make_person
from workflows.models import Project, Role

pytestmark = pytest.mark.django_db(transaction=True)


def test_somebody_logs_in_and_is_on_the_dashboard(browser: Browser, live_server, project) -> None:
    make_person("ann", project)
    page = browser.new_page(base_url=live_server.url)
    page.goto("/admin")
    page.fill("[name=username]", "ann")
    page.fill("[name=password]", "secret")
    page.click("[type=submit]")
    expect(page).to_have_title("Dashboard | Levante")
    page.context.close()


def test_the_theme_works_under_the_content_security_policy(log_in: LogIn, project) -> None:
    page = log_in(make_person("ann", project))
    answer = page.goto("/admin/")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    html = page.locator("html")
    expect(html).not_to_have_class("dark")
    page.keyboard.press("Control+e")  # from that of the system to light
    page.keyboard.press("Control+e")
    expect(html).to_have_class("dark")
    page.reload()
    expect(html).to_have_class("dark")


def test_the_sidebar_opens_on_a_small_screen(log_in: LogIn, project) -> None:
    page = log_in(make_person("ann", project), size=NARROW)
    page.goto("/admin/")
    link = page.get_by_role("link", name="Users")
    expect(link).to_be_hidden()
    page.locator("h1").locator("xpath=..").locator("span.material-symbols-outlined").last.click()
    expect(link).to_be_visible()


def test_somebody_without_a_project_is_told_so(log_in: LogIn, transactional_db: None) -> None:
    person = make_person("eve", None, Role.VIEWER)
    page = log_in(person)
    page.goto("/admin/")
    expect(page.get_by_role("alert")).to_contain_text("not a member of any project")


def test_a_viewer_sees_no_entries_of_administrators(log_in: LogIn, project: Project) -> None:
    page = log_in(make_person("vic", project, Role.VIEWER))
    page.goto("/admin/")
    expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    expect(page.get_by_role("link", name="System")).to_have_count(0)
    assert page.goto("/admin/auth/user/").status == 403
