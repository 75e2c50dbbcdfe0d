"""What pages refuse in maintenance: what the API refuses, and they say what goes on."""

from __future__ import annotations

from typing import Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.admin.routes_of_pages import address_of, list_pages
from tests.browser import runs
from tests.people import log_in
from workflows.models import ActionExecution, Maintenance, Project, ServiceStatus

pytestmark = pytest.mark.django_db(transaction=True)

# They change nothing of the service, or decide by what they are asked for.
OPEN: Final = {
    "action_complete",
    "choose_project",
    "execution_do",
    "executions_bulk",
    "flower_tasks",
    "maintenance",
    "token_revoke",
    "workflow_run_preview",
}


def enter(status: ServiceStatus) -> None:
    Maintenance.objects.update_or_create(
        pk=1, defaults={"status": status, "changed_at": timezone.now()}
    )


@pytest.fixture
def root(project: Project) -> Client:
    return log_in("root", project)


def test_all_that_changes_something_is_refused_unless_it_is_listed(root: Client) -> None:
    enter(ServiceStatus.PAUSED)
    answers = {page.name: root.post(address_of(page)).status_code for page in list_pages()}
    taking_posts = {name for name, status in answers.items() if status != 405}
    assert {name for name in taking_posts if answers[name] == 423} == taking_posts - OPEN
    assert taking_posts > OPEN


def test_the_answer_says_what_goes_on(root: Client) -> None:
    enter(ServiceStatus.PAUSED)
    answer = root.post("/admin/projects/", {"name": "late"})
    assert answer.status_code == 423
    page = answer.content.decode()
    assert "The whole service is paused, and nothing is at work." in page
    assert "you can look at everything and cancel executions." in page
    enter(ServiceStatus.PAUSING)
    page = root.post("/admin/projects/", {"name": "late"}).content.decode()
    assert "report the results of asynchronous actions" in page
    assert not Project.objects.filter(name="late").exists()


@pytest.mark.parametrize("verb", ["pause", "resume", "rerun", "finish", "clone", "delete"])
def test_executions_are_not_changed(root: Client, verb: str) -> None:
    execution = runs.waiting()
    enter(ServiceStatus.PAUSING)
    form = {"reason": "x", "result": "SUCCESS"}
    address = f"/admin/executions/{execution.pk}/do/{verb}/"
    assert root.get(address).status_code == 200
    assert root.post(address, form).status_code == 423
    execution.refresh_from_db()
    assert execution.state == "RUNNING"


@pytest.mark.parametrize("change", ["pause", "resume", "rerun", "delete"])
def test_nor_are_many(root: Client, change: str) -> None:
    execution = runs.waiting()
    enter(ServiceStatus.PAUSED)
    form = {"change": change, "confirmed": "1", "reason": "x", "chosen": str(execution.pk)}
    assert root.post("/admin/executions/bulk/", form).status_code == 423


@pytest.mark.parametrize("is_bulk", [False, True])
def test_executions_are_cancelled(root: Client, is_bulk: bool) -> None:
    execution = runs.waiting()
    enter(ServiceStatus.PAUSED)
    form = {"change": "cancel", "confirmed": "1", "reason": "x", "chosen": str(execution.pk)}
    place = "bulk" if is_bulk else f"{execution.pk}/do/cancel"
    assert root.post(f"/admin/executions/{place}/", form).status_code == 302
    execution.refresh_from_db()
    assert execution.state == "CANCELLED"


def test_a_result_is_taken_until_all_has_come_to_rest(root: Client) -> None:
    runs.waiting()
    action = ActionExecution.objects.get()
    address = f"/admin/actions/{action.pk}/complete/"
    form = {"outcome": "SUCCESS", "reason": "x"}
    enter(ServiceStatus.PAUSED)
    assert root.post(address, form).status_code == 423
    enter(ServiceStatus.PAUSING)
    assert root.post(address, form).status_code == 302
    action.refresh_from_db()
    assert action.state == "SUCCESS"


def test_what_django_makes_of_models_is_closed_as_well(root: Client) -> None:
    user = User.objects.get(username="root")
    addresses = [
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{user.pk}/change/",
        f"/admin/auth/user/{user.pk}/delete/",
        f"/admin/auth/user/{user.pk}/password/",
        "/admin/auth/group/add/",
    ]
    enter(ServiceStatus.PAUSED)
    assert {root.get(address).status_code for address in addresses} == {200}
    answers = [root.post(address, {"name": "late", "username": "late"}) for address in addresses]
    assert {answer.status_code for answer in answers} == {423}
    assert "The whole service is paused" in answers[1].content.decode()
    assert root.post("/admin/logout/").status_code == 200
