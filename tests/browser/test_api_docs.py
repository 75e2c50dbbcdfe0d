"""The page of the API's description: complete, and able to send a request, under its policy."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.people import make_person
from workflows.models import Project, Role
from workflows.services.identity.identity import issue_token


def test_a_request_is_tried_out_with_a_token(log_in: LogIn, project: Project) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    page = log_in(ann)
    page.set_default_timeout(30_000)  # a large page
    page.goto("/api/docs/")
    expect(page.locator(".opblock-tag[data-tag=executions]")).to_be_visible(timeout=30_000)
    page.locator("button.authorize").first.click()
    form = page.locator(".auth-container", has_text="X-Auth-Token")
    form.locator("input").fill(issue_token(ann, project, Role.AUTHOR))
    form.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    page.locator(".opblock-tag[data-tag=environments]").click()
    block = page.locator("#operations-environments-create_environments")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table tbody td.response-col_status")
    expect(answer).to_contain_text("201", timeout=30_000)
