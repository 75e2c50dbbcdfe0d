"""Two projects share a workflow: one offers it, the other one accepts, runs it and gives it up."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from playwright.sync_api import expect

from tests.browser import runs
from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import MemberStatus, Project, Role, WorkflowDefinition, WorkflowMember

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = "version: '2.0'\nhello:\n  tasks:\n    greet: {action: std.noop}\n"


@pytest.fixture
def red(transactional_db: None) -> Project:
    return Project.objects.create(name="red")


def test_a_workflow_is_offered_accepted_and_taken_back(
    log_in: LogIn, project: Project, red: Project
) -> None:
    runs.upload(HELLO)
    ours = log_in(make_person("ann", project, Role.AUTHOR))
    theirs = log_in(make_person("bob", red, Role.AUTHOR))
    ours.goto("/admin/workflows/")
    ours.get_by_role("link", name="hello", exact=True).click()
    ours.get_by_role("link", name="Sharing").click()
    expect(ours.get_by_role("heading", name="Not shared")).to_be_visible()
    ours.get_by_label("Project").fill("rde")
    ours.get_by_role("button", name="Offer").click()
    expect(ours.get_by_role("alert")).to_contain_text("There is no project named 'rde'.")
    ours.get_by_label("Project").fill("red")
    ours.get_by_role("button", name="Offer").click()
    expect(ours.get_by_text("not answered")).to_be_visible()

    theirs.goto("/admin/workflows/")
    expect(theirs.get_by_role("link", name="hello", exact=True)).to_have_count(0)
    theirs.get_by_role("link", name="Shared by others 1 not answered").click()
    theirs.get_by_role("button", name="Accept hello").click()
    expect(theirs.get_by_text("hello: accepted.")).to_be_visible()
    theirs.get_by_role("link", name="hello", exact=True).click()
    expect(theirs.get_by_role("link", name="Run").first).to_be_visible()
    expect(theirs.get_by_role("link", name="Edit")).to_have_count(0)
    expect(theirs.get_by_role("link", name="Sharing")).to_have_count(0)
    theirs.goto("/admin/workflows/offers/")
    theirs.get_by_role("button", name="Give up hello").click()
    expect(theirs.get_by_text("hello: refused.")).to_be_visible()
    assert WorkflowMember.objects.get().status == MemberStatus.REJECTED

    ours.reload()
    expect(ours.get_by_text("refused")).to_be_visible()
    ours.get_by_role("link", name="End the sharing with red").click()
    ours.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(ours.get_by_text("hello is not shared with red any more.")).to_be_visible()
    assert not WorkflowMember.objects.exists()
    entries = LogEntry.objects.order_by("pk").values_list("user__username", "change_message")
    assert list(entries) == [
        ("ann", "Offered to red"),
        ("bob", "Offer accepted"),
        ("bob", "Offer refused"),
        ("ann", "No longer shared with red"),
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_of_sharing_are_accessible_and_fit(
    log_in: LogIn, project: Project, red: Project, dark: bool
) -> None:
    runs.upload(HELLO)
    runs.upload(HELLO.replace("hello", "bye"), "red")
    for workflow in WorkflowDefinition.objects.all():
        other = red if workflow.project_id == project.pk else project
        WorkflowMember.objects.create(
            workflow=workflow, member_id=other.pk, created_at=workflow.created_at
        )
    ours = WorkflowDefinition.objects.get(name="hello")
    page = log_in(make_person("ann", project, Role.AUTHOR), dark=dark, size=NARROW)
    for address in (f"/admin/workflows/{ours.pk}/sharing/", "/admin/workflows/offers/"):
        page.goto(address)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
