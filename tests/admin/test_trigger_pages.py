"""Pages of schedules and event triggers without a browser: what they do not show."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.browser import runs
from tests.factories import make_caller
from workflows.models import CronTrigger, Project, WorkflowDefinition, WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_triggers import create_event_trigger

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = "{version: '2.0', hello: {tasks: {greet: {action: std.noop}}}}"
RECEIVER = {"type": "webhook", "url": "https://example.org/?t=t0k3n", "secret": "s3cr3t"}
PARAMS: dict[str, Any] = {"notify": [RECEIVER]}


@pytest.fixture
def author(project: Project) -> Caller:
    caller = make_caller(project.name)
    create_workflows(caller=caller, text=HELLO)
    return caller


def check_hidden(client: Client, *addresses: str) -> None:
    for address in addresses:
        text = client.get(address).content.decode()
        assert "example.org" in text
        assert "t0k3n" not in text
        assert "s3cr3t" not in text


def test_a_schedule_shows_no_secret_and_keeps_it_when_it_is_saved(
    ann: Client, author: Caller
) -> None:
    made = create_cron_trigger(
        caller=author, name="t", workflow="hello", pattern="0 * * * *", params=PARAMS
    )
    page = f"/admin/schedules/{made.pk}/"
    check_hidden(ann, page, f"{page}edit/")
    form = ann.get(f"{page}edit/").context["form"]
    given = {name: getattr(form, name) for name in form.__slots__}
    assert ann.post(f"{page}edit/", given | {"name": "other"}).status_code == 302
    kept = CronTrigger.objects.get()
    assert (kept.name, kept.params) == ("other", PARAMS)


def test_an_event_trigger_shows_no_secret(ann: Client, author: Caller) -> None:
    workflow = WorkflowDefinition.objects.get(name="hello")
    made = create_event_trigger(
        caller=author, workflow_id=workflow.pk, exchange="e", topic="t", event="e", params=PARAMS
    )
    page = f"/admin/triggers/{made.pk}/"
    check_hidden(ann, page, f"{page}edit/")


def test_a_run_shows_no_secret_of_its_start(ann: Client) -> None:
    run = runs.simple()
    WorkflowExecution.objects.filter(pk=run.pk).update(params=PARAMS)
    check_hidden(ann, f"/admin/data/executions/{run.pk}/params/")
