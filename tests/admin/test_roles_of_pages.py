"""Who may open which page of what is defined: each role, and somebody of another project."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.people import log_in
from workflows.models import EventTrigger, Project, Role, WorkflowDefinition, WorkflowMember
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.code_sources import create_code_source
from workflows.services.definitions.environments import create_environment
from workflows.services.definitions.workbook_uploads import create_workbook
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_triggers import create_event_trigger

pytestmark = pytest.mark.django_db(transaction=True)

BOOK: Final = "version: '2.0'\nname: book\nactions: {a: {base: std.noop}}\n"
READ: Final = (Role.VIEWER, Role.OPERATOR, Role.AUTHOR, Role.ADMIN)
RUN: Final = (Role.OPERATOR, Role.AUTHOR, Role.ADMIN)
WRITE: Final = (Role.AUTHOR, Role.ADMIN)
MANAGE: Final = (Role.ADMIN,)

# Path below /admin/ -> who may open it. A stranger may open what names no object.
PAGES: Final = {
    "workflows/": READ,
    "workflows/new/": WRITE,
    "workflows/{workflow}/": READ,
    "workflows/{workflow}/edit/": WRITE,
    "workflows/{workflow}/revisions/": READ,
    "workflows/{workflow}/revisions/1/": READ,
    "workflows/{workflow}/revisions/1/text/": READ,
    "workflows/{workflow}/run/": RUN,
    "workflows/{workflow}/delete/": WRITE,
    "workflows/{workflow}/sharing/": READ,
    "workflows/{workflow}/sharing/{member}/remove/": WRITE,
    "workflows/offers/": READ,
    "workbooks/": READ,
    "workbooks/new/": WRITE,
    "workbooks/{workbook}/": READ,
    "workbooks/{workbook}/delete/": WRITE,
    "editor/words/": READ,
    "actions/": READ,
    "actions/python/std.echo/": READ,
    "actions/new/": WRITE,
    "actions/{action}/": READ,
    "actions/{action}/edit/": WRITE,
    "actions/{action}/delete/": WRITE,
    "code/": MANAGE,
    "code/new/": MANAGE,
    "code/{code}/": MANAGE,
    "code/{code}/delete/": MANAGE,
    "environments/": READ,
    "environments/new/": WRITE,
    "environments/{environment}/": READ,
    "environments/{environment}/delete/": WRITE,
    "schedules/": READ,
    "schedules/new/": WRITE,
    "schedules/preview/": READ,
    "schedules/{schedule}/": READ,
    "schedules/{schedule}/edit/": WRITE,
    "schedules/{schedule}/delete/": WRITE,
    "triggers/": READ,
    "triggers/new/": WRITE,
    "triggers/{trigger}/": READ,
    "triggers/{trigger}/edit/": WRITE,
    "triggers/{trigger}/delete/": WRITE,
    "projects/": MANAGE,
    "projects/{project}/": MANAGE,
    "tokens/": READ,
}

# What changes something: path -> who may send it.
CHANGES: Final = {
    "workflows/{workflow}/edit/": WRITE,
    "workflows/{workflow}/revisions/1/restore/": WRITE,
    "workflows/{workflow}/run/": RUN,
    "workflows/{workflow}/run/preview/": RUN,
    "workflows/{workflow}/delete/": WRITE,
    "workflows/{workflow}/sharing/": WRITE,
    "workflows/{workflow}/sharing/{member}/remove/": WRITE,
    "workflows/offers/{workflow}/": WRITE,
    "workbooks/{workbook}/": WRITE,
    "workbooks/{workbook}/delete/": WRITE,
    "actions/{action}/": RUN,
    "actions/{action}/edit/": WRITE,
    "actions/{action}/delete/": WRITE,
    "code/check/": MANAGE,
    "code/{code}/": MANAGE,
    "code/{code}/actions/": MANAGE,
    "code/{code}/delete/": MANAGE,
    "environments/{environment}/": WRITE,
    "environments/{environment}/delete/": WRITE,
    "schedules/{schedule}/run/": RUN,
    "schedules/{schedule}/pause/": WRITE,
    "schedules/{schedule}/resume/": WRITE,
    "schedules/{schedule}/edit/": WRITE,
    "schedules/{schedule}/delete/": WRITE,
    "triggers/{trigger}/pause/": WRITE,
    "triggers/{trigger}/edit/": WRITE,
    "triggers/{trigger}/delete/": WRITE,
    "projects/": MANAGE,
    "projects/{project}/": MANAGE,
}


@pytest.fixture(autouse=True)
def _stored_code(settings: Settings) -> None:
    """What is off at first has its pages, too."""
    settings.LEVANTE_DYNAMIC_ACTIONS = True


@pytest.fixture
def ids(project: Project) -> dict[str, Any]:
    """One object of each kind, in the project blue."""
    caller = Caller(project.pk, Role.AUTHOR)
    text = "version: '2.0'\nflow:\n  tasks: {t: {action: std.noop}}\n"
    workflow = create_workflows(caller=caller, text=text)[0]
    action = create_actions(caller=caller, text="version: '2.0'\nshout: {base: std.noop}\n")[0]
    trigger = create_event_trigger(
        caller=caller, workflow_id=workflow.pk, exchange="e", topic="t", event="x"
    )
    schedule = create_cron_trigger(
        caller=caller, name="daily", workflow=str(workflow.pk), pattern="0 6 * * *"
    )
    code = create_code_source(
        caller=caller, name="maths", namespace="", scope="private", content="x = 1\n"
    )
    return {
        "project": project.pk,
        "workflow": workflow.pk,
        "action": action.pk,
        "environment": create_environment(caller=caller, name="north").pk,
        "schedule": schedule.pk,
        "trigger": trigger.pk,
        "code": code.pk,
        "workbook": create_workbook(caller=caller, text=BOOK).pk,
        "member": _offer(workflow.pk).member_id,
    }


def _offer(workflow_id: UUID) -> WorkflowMember:
    """What is offered to a project that has not accepted."""
    green = Project.objects.create(name="green")
    return WorkflowMember.objects.create(
        workflow_id=workflow_id, member_id=green.pk, created_at=timezone.now()
    )


def stranger() -> Client:
    return log_in("eve", Project.objects.create(name="red"), Role.AUTHOR)


@pytest.mark.parametrize("role", list(Role))
def test_a_page_opens_for_the_roles_that_it_is_for(
    project: Project, ids: dict[str, Any], role: Role
) -> None:
    client = log_in("ann", project, role)
    wrong = {
        path: status
        for path, roles in PAGES.items()
        if (status := client.get(f"/admin/{path.format(**ids)}").status_code)
        != (200 if role in roles else 403)
    }
    assert not wrong


@pytest.mark.parametrize("role", list(Role))
def test_nothing_is_changed_below_the_role_that_it_takes(
    project: Project, ids: dict[str, Any], role: Role
) -> None:
    client = log_in("ann", project, role)
    for path, roles in CHANGES.items():
        if role not in roles:
            assert client.post(f"/admin/{path.format(**ids)}").status_code == 403, path
    if role not in WRITE:
        assert WorkflowDefinition.objects.get().revision.number == 1
        assert EventTrigger.objects.filter(is_paused=False).exists()


def test_what_belongs_to_others_is_not_there(ids: dict[str, Any]) -> None:
    client = stranger()
    for path, roles in PAGES.items():
        if "{" in path and "{project}" not in path:
            status = 404 if Role.AUTHOR in roles else 403
            assert client.get(f"/admin/{path.format(**ids)}").status_code == status, path
    for path in CHANGES:
        if "{" in path and "{project}" not in path:
            status = client.post(
                f"/admin/{path.format(**ids)}", {"name": "x", "status": "accepted"}
            ).status_code
            assert status in (403, 404), path
    assert WorkflowDefinition.objects.get().revision.number == 1


def test_a_workflow_is_downloaded_as_it_was_written(ids: dict[str, Any]) -> None:
    client = log_in("ann", Project.objects.get(pk=ids["project"]), Role.VIEWER)
    answer = client.get(f"/admin/workflows/{ids['workflow']}/revisions/1/text/")
    assert answer.content.decode() == WorkflowDefinition.objects.get().revision.text
    assert answer["Content-Disposition"] == 'attachment; filename="flow.yaml"'
    missing = client.get(f"/admin/workflows/{ids['workflow']}/revisions/2/text/")
    assert missing.status_code == 404


def test_nothing_is_changed_by_opening_a_page(project: Project, ids: dict[str, Any]) -> None:
    client = log_in("ann", project, Role.ADMIN)
    only_post = {path for path in CHANGES if path not in PAGES}
    for path in only_post:
        assert client.get(f"/admin/{path.format(**ids)}").status_code == 405, path


def test_a_form_from_elsewhere_is_refused(ids: dict[str, Any]) -> None:
    client = log_in("root", enforce_csrf_checks=True)
    for path in CHANGES:
        assert client.post(f"/admin/{path.format(**ids)}").status_code == 403, path


def test_what_is_changed_on_pages_is_in_the_log_of_the_admin(
    project: Project, ids: dict[str, Any]
) -> None:
    client = log_in("ann", project, Role.ADMIN)
    text = "version: '2.0'\nflow:\n  tasks: {t: {action: std.fail}}\n"
    sent: list[tuple[str, dict[str, str]]] = [
        ("workflows/{workflow}/edit/", {"text": text, "base": "1", "scope": "private"}),
        ("workflows/{workflow}/revisions/1/restore/", {}),
        ("environments/{environment}/", {"variables": "{}", "scope": "private"}),
        ("actions/{action}/delete/", {}),
        ("schedules/{schedule}/pause/", {}),
        ("triggers/{trigger}/pause/", {"is_paused": "true"}),
        ("projects/{project}/", {"what": "rename", "name": "navy"}),
        ("tokens/", {"name": "laptop", "role": "viewer", "days": "1"}),
    ]
    for path, form in sent:
        assert client.post(f"/admin/{path.format(**ids)}", form).status_code in (200, 302), path
    entries = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    assert list(entries) == [
        ("flow", "Saved as revision 2."),
        ("flow", "Revision 1 is in force again, as revision 3."),
        ("north", ""),
        ("shout", ""),
        ("daily", "pause"),
        ("e/t/x", "pause"),
        ("navy", "The project is called navy now."),
        ("ann", "Token made: laptop (viewer)"),
    ]
