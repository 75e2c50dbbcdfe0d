"""What people do with actions, environments, projects and tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn, write_in_editor
from tests.people import make_person
from workflows.models import (
    ActionDefinition,
    ApiToken,
    Environment,
    Membership,
    Project,
    Role,
    WorkflowDefinition,
)
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.environments import create_environment
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller, find_caller, issue_token
from workflows.services.triggers.cron_triggers import create_cron_trigger

pytestmark = pytest.mark.django_db(transaction=True)

SHOUT = """version: '2.0'
shout:
  description: Says `text` loudly.
  input: [text, {mark: "!"}]
  base: std.echo
  base-input:
    output: <% $.text.toUpper() %><% $.mark %>
"""


@pytest.fixture
def action(project: Project) -> ActionDefinition:
    return create_actions(caller=Caller(project.pk, Role.AUTHOR), text=SHOUT)[0]


@pytest.fixture
def environment(project: Project) -> Environment:
    return create_environment(
        caller=Caller(project.pk, Role.AUTHOR), name="north", variables={"region": "north"}
    )


def test_an_action_is_found_and_tried(log_in: LogIn, author: Any, action: Any) -> None:
    page = log_in(author)
    page.goto("/admin/actions/")
    page.get_by_role("searchbox").fill("loudly")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="shout").click()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("A value is needed.")).to_be_visible()
    page.get_by_label("text needed").fill("hello")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("pre")).to_have_text('"HELLO!"')


def test_a_built_in_action_shows_its_parameters_and_errors(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/actions/python/std.fail/")
    expect(page.get_by_role("cell", name="error_data")).to_be_visible()
    page.get_by_label("error_data", exact=True).fill('{"code": 7}')
    page.get_by_label("Kind of error_data").select_option("json")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.locator('.lv-state[data-state="ERROR"]')).to_be_visible()
    assert json.loads(page.locator("pre").inner_text()) == {"code": 7}


def test_an_adhoc_action_is_written_mended_and_deleted(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/actions/new/")
    write_in_editor(page, SHOUT.replace("base: std.echo", "bass: std.echo"))
    expect(page.get_by_text("2 errors")).to_be_visible()
    write_in_editor(page, SHOUT)
    expect(page.get_by_text("No problems")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="shout", exact=True)).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    write_in_editor(page, SHOUT.replace("toUpper", "toLower"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved shout.")).to_be_visible()
    assert "toLower" in ActionDefinition.objects.get().text
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The action shout is deleted.")).to_be_visible()
    assert not ActionDefinition.objects.exists()


def test_an_environment_is_made_changed_and_checked(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/environments/")
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_label("Name").fill("north")
    write_in_editor(page, "[1]")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("must be a JSON object")
    write_in_editor(page, '{"size": 3}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the environment north.")).to_be_visible()
    assert Environment.objects.get().variables == {"size": 3}
    write_in_editor(page, '{"size": 4}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the environment north.")).to_be_visible()
    assert Environment.objects.get().variables == {"size": 4}


def test_an_environment_tells_who_uses_it(
    log_in: LogIn, author: Any, environment: Any, project: Project
) -> None:
    caller = Caller(project.pk, Role.AUTHOR)
    text = "version: '2.0'\nflow:\n  tasks: {t: {action: std.noop}}\n"
    create_workflows(caller=caller, text=text)
    for name, params in (("with", {"env": "north"}), ("without", {})):
        create_cron_trigger(
            caller=caller, name=name, workflow="flow", pattern=f"{len(name)} 1 * * *", params=params
        )
    page = log_in(author)
    page.goto(f"/admin/environments/{environment.pk}/")
    expect(page.locator("section li")).to_have_text("schedule with")
    page.get_by_role("link", name="with").click()
    expect(page.get_by_role("heading", name="with", exact=True)).to_be_visible()


def test_a_token_is_shown_once_works_and_is_revoked(log_in: LogIn, author: Any) -> None:
    page = log_in(author)
    page.goto("/admin/tokens/")
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_label("It may").select_option("operator")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#secret").inner_text()
    caller = find_caller(secret)
    assert caller is not None
    assert (caller.role, caller.user_id) == (Role.OPERATOR, author.pk)
    page.goto("/admin/tokens/")
    expect(page.get_by_text("laptop")).to_be_visible()
    assert secret not in page.content()
    page.get_by_role("link", name="Revoke laptop").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The token laptop is revoked.")).to_be_visible()
    assert find_caller(secret) is None


def test_nobody_makes_a_token_that_can_do_more_or_ends_that_of_others(
    log_in: LogIn, author: Any, project: Project
) -> None:
    other = make_person("bob", project, Role.OPERATOR)
    issue_token(other, project, Role.OPERATOR, name="bob's")
    page = log_in(author)
    page.goto("/admin/tokens/?all=1")
    expect(page.get_by_text("bob's")).to_have_count(0)
    roles = page.get_by_label("It may").locator("option").all_inner_texts()
    assert roles == ["viewer", "operator", "author"]
    page.evaluate("document.querySelector('#role option').value = 'admin'")
    page.get_by_label("It may").select_option("admin")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text("insufficient permissions")).to_be_visible()
    token = ApiToken.objects.get()
    page.goto(f"/admin/tokens/{token.pk}/revoke/")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("heading", name="Not found").last).to_be_visible()
    token.refresh_from_db()
    assert token.revoked_at is None


def test_members_of_a_project_are_added_changed_and_removed(
    log_in: LogIn, project: Project
) -> None:
    admin = make_person("root")
    bob = make_person("bob", Project.objects.create(name="other"), Role.VIEWER)
    page = log_in(admin)
    page.goto("/admin/projects/")
    page.get_by_role("link", name="blue").click()
    page.get_by_label("User").fill("nobody")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("There is no user named nobody.")).to_be_visible()
    page.get_by_label("User").fill("bob")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("bob is author of this project.")).to_be_visible()
    token = issue_token(bob, project, Role.AUTHOR)
    page.get_by_label("Role of bob").select_option("viewer")
    expect(page.get_by_text("bob is viewer of this project.")).to_be_visible()
    assert Membership.objects.get(user=bob, project=project).role == Role.VIEWER
    caller = find_caller(token)
    assert caller is not None
    assert caller.role == Role.VIEWER
    page.get_by_role("button", name="Remove bob").click()
    expect(page.get_by_text("bob is no member any more.")).to_be_visible()
    assert find_caller(token) is None
    assert Membership.objects.filter(user=bob).count() == 1


def test_nobody_sees_what_belongs_to_others(
    log_in: LogIn, action: Any, environment: Any, project: Project
) -> None:
    page = log_in(make_person("eve", Project.objects.create(name="red"), Role.AUTHOR))
    for path, status in (
        (f"actions/{action.pk}/", 404),
        (f"actions/{action.pk}/edit/", 404),
        (f"environments/{environment.pk}/", 404),
        ("projects/", 403),
        (f"projects/{project.pk}/", 403),
    ):
        answer = page.goto(f"/admin/{path}")
        assert answer is not None
        assert answer.status == status, path
    page.goto("/admin/actions/")
    expect(page.get_by_role("link", name="shout")).to_have_count(0)
    page.goto("/admin/environments/")
    expect(page.get_by_text("No environments yet")).to_be_visible()


def test_a_viewer_reads_and_changes_nothing(
    log_in: LogIn, action: Any, environment: Any, project: Project
) -> None:
    page = log_in(make_person("vic", project, Role.VIEWER))
    page.goto(f"/admin/actions/{action.pk}/")
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)
    page.goto(f"/admin/environments/{environment.pk}/")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    for path in (f"actions/{action.pk}/edit/", f"environments/{environment.pk}/delete/"):
        answer = page.goto(f"/admin/{path}")
        assert answer is not None
        assert answer.status == 403, path
    assert not WorkflowDefinition.objects.exists()


@pytest.mark.parametrize("size", [(1280, 900), NARROW], ids=["wide", "narrow"])
def test_the_pages_are_accessible_and_fit(
    log_in: LogIn, action: Any, environment: Any, project: Project, size: tuple[int, int]
) -> None:
    page = log_in(make_person("root", project), size=size, dark=size == NARROW)
    for path in (
        "actions/", f"actions/{action.pk}/", "actions/python/std.http/", "actions/new/",
        "environments/", f"environments/{environment.pk}/", "projects/", f"projects/{project.pk}/",
        "tokens/",
    ):  # fmt: skip
        page.goto(f"/admin/{path}")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
