"""The frame of all pages: log-in, sidebar, light and dark, without code inside of pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
import unfold
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import Project, Role

ROOT: Final = Path(__file__).resolve().parents[2]
ATTRIBUTE: Final = re.compile(r'\s(x-[a-z:.-]+)="([^"]*(?:\{%[^%]*%\}[^"]*)*)"')
BRANCH: Final = re.compile(r"\{% if [^%]*%\}(.*?)\{% else %\}.*?\{% endif %\}", re.DOTALL)
TAG: Final = re.compile(r"\{%[^%]*%\}")
VALUE: Final = re.compile(r"\{\{[^}]*\}\}")
# These take no expression of ours: Alpine reads them by itself.
NO_EXPRESSIONS: Final = ("x-for", "x-ref", "x-cloak", "x-transition", "x-teleport", "x-anchor")

PARSE_ALL = """([code, expressions]) => {
  const module = {};
  new Function("module", "document", code)(module, undefined);
  const faults = [];
  for (const one of expressions) {
    try { module.exports.parse(one); } catch (error) { faults.push(`${one}: ${error}`); }
  }
  return faults;
}"""
EVALUATE = """([code, expressions]) => {
  const module = {};
  new Function("module", "document", code)(module, undefined);
  const data = { open: false, items: [1, 2], fn: () => 1 };
  return expressions.map((one) => {
    try { return module.exports.parse(one)({ find: () => data }); }
    catch (error) { return String(error); }
  });
}"""
THEME_SCRIPT = ROOT / "workflows" / "static" / "levante" / "js" / "theme.js"

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


def test_every_expression_of_the_theme_is_understood(browser: Browser) -> None:
    """Another version of the theme may bring expressions that our interpreter does not know."""
    page = browser.new_page()
    faults = page.evaluate(PARSE_ALL, [THEME_SCRIPT.read_text(encoding="utf-8"), expressions()])
    page.close()
    assert faults == []


def test_the_interpreter_reaches_no_code(browser: Browser) -> None:
    page = browser.new_page()
    outcome = page.evaluate(
        EVALUATE,
        [
            THEME_SCRIPT.read_text(encoding="utf-8"),
            ["open = !open", "items.length > 1 ? 'many' : 'few'", "fn.constructor('return 1')()"],
        ],
    )
    page.close()
    assert outcome[:2] == [True, "many"]
    assert "out of reach" in outcome[2]


def expressions() -> list[str]:
    """Every expression in the templates of the theme, with values in the place of tags."""
    found = set()
    for template in Path(unfold.__file__).parent.glob("templates/**/*.html"):
        for name, value in ATTRIBUTE.findall(template.read_text(encoding="utf-8")):
            if not name.startswith(NO_EXPRESSIONS):
                found.add(VALUE.sub("1", TAG.sub("", BRANCH.sub(r"\1", value))).strip())
    # A quotation mark inside of a tag ends the attribute for our eyes.
    return sorted(one for one in found if one and "{%" not in one)
