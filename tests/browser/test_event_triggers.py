"""What people do with event triggers: make one, watch what it sees, pause and delete it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check_accessibility
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.models import EventTrigger, Project, Role, WorkflowDefinition, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller
from workflows.services.triggers.event_intake import take_event
from workflows.services.triggers.event_triggers import create_event_trigger
from workflows.services.triggers.incoming_events import parse_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workflow(project: Project) -> WorkflowDefinition:
    text = "version: '2.0'\nheal:\n  input: [machine]\n  tasks: {t: {action: std.noop}}\n"
    return create_workflows(caller=Caller(project.pk, Role.AUTHOR), text=text)[0]


@pytest.fixture
def trigger(project: Project, workflow: WorkflowDefinition) -> EventTrigger:
    return create_event_trigger(
        caller=Caller(project.pk, Role.AUTHOR),
        name="broken machines",
        workflow_id=workflow.pk,
        exchange="nova",
        topic="notifications",
        event="instance.error",
        condition="<% $.payload.size > 3 %>",
        event_input={"machine": "<% $.payload.id %>"},
    )


def send(project: Project, number: int, **payload: Any) -> None:
    body = {
        "event_type": "instance.error", "payload": payload, "project_id": str(project.pk),
        "message_id": f"m{number}",
    }  # fmt: skip
    take_event(parse_event(json.dumps(body), exchange="nova", topic="notifications"))


def test_a_trigger_is_made_and_its_mistakes_are_told(
    log_in: LogIn, project: Project, workflow: Any
) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto("/admin/triggers/")
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_label("Exchange").fill("nova")
    page.get_by_label("Topic").fill("notifications")
    page.get_by_label("Type of event").fill("instance.error")
    page.get_by_label("Workflow").select_option("heal")
    page.get_by_label("Only if").fill("<% $.payload.size > %>")
    # The editor takes the place of the plain field when its script has come.
    page.locator("levante-editor[label='Input from the event'] .cm-content").click()
    page.keyboard.insert_text('{"machine": "<% $.payload.id %>"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Only if").fill("<% $.payload.size > 3 %>")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the trigger nova/notifications/instance.error.")).to_be_visible()
    made = EventTrigger.objects.get()
    assert made.event_input == {"machine": "<% $.payload.id %>"}
    assert (made.workflow_id, made.condition) == (workflow.pk, "<% $.payload.size > 3 %>")


def test_the_last_events_say_what_became_of_them_and_why(
    log_in: LogIn, project: Project, trigger: Any
) -> None:
    send(project, 1, id="vm-1", size=2)
    send(project, 2, id="vm-2", size=4)
    page = log_in(make_person("vic", project, Role.VIEWER))
    page.goto("/admin/triggers/")
    page.get_by_role("link", name="broken machines").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("started")
    expect(rows.nth(1)).to_contain_text("not matched")
    rows.nth(1).get_by_text("Payload").click()
    expect(rows.nth(1).locator("pre")).to_contain_text('"id": "vm-1"')
    assert WorkflowExecution.objects.get().input == {"machine": "vm-2"}
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_it_is_paused_changed_and_deleted(log_in: LogIn, project: Project, trigger: Any) -> None:
    page = log_in(make_person("ann", project, Role.AUTHOR))
    page.goto(f"/admin/triggers/{trigger.pk}/")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("broken machines is paused.")).to_be_visible()
    send(project, 3, id="vm-3", size=9)
    assert not WorkflowExecution.objects.exists()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("broken machines listens again.")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Only if").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the trigger broken machines.")).to_be_visible()
    trigger.refresh_from_db()
    assert trigger.condition == ""
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The trigger broken machines is deleted.")).to_be_visible()
    assert not EventTrigger.objects.exists()


def test_a_stranger_sees_nothing_and_an_operator_changes_nothing(
    log_in: LogIn, project: Project, trigger: Any
) -> None:
    stranger = log_in(make_person("eve", Project.objects.create(name="red"), Role.AUTHOR))
    stranger.goto("/admin/triggers/")
    expect(stranger.get_by_text("No event triggers yet")).to_be_visible()
    operator = log_in(make_person("oli", project, Role.OPERATOR))
    for page, path, status in (
        (stranger, "", 404), (stranger, "edit/", 404), (operator, "edit/", 403),
        (operator, "delete/", 403),
    ):  # fmt: skip
        answer = page.goto(f"/admin/triggers/{trigger.pk}/{path}")
        assert answer is not None
        assert answer.status == status, path


@pytest.mark.parametrize("size", [(1280, 900), NARROW], ids=["wide", "narrow"])
def test_the_pages_are_accessible_and_fit(
    log_in: LogIn, project: Project, trigger: Any, size: tuple[int, int]
) -> None:
    send(project, 1, id="vm-1", size=2)
    page = log_in(make_person("root", project), size=size, dark=size == NARROW)
    for path in ("", "new/", f"{trigger.pk}/", f"{trigger.pk}/edit/"):
        page.goto(f"/admin/triggers/{path}")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
