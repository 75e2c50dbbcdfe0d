"""The tables of beat: to look at, without what runs are given."""

from __future__ import annotations

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from tests.browser import runs
from tests.people import log_in
from workflows.models import Project, Role
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_triggers import create_cron_trigger

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "hunter2"


@pytest.fixture
def root(project: Project) -> Client:
    return log_in("root", project)


@pytest.mark.usefixtures("rung")
def test_no_page_shows_what_runs_are_given(root: Client, project: Project) -> None:
    run = runs.simple()
    create_cron_trigger(
        caller=Caller(project.pk, Role.AUTHOR),
        name="daily",
        workflow=str(run.workflow_id),
        pattern="0 6 * * *",
        params={"notify": [{"type": "webhook", "url": "https://x.example/", "secret": SECRET}]},
    )
    tasks = PeriodicTask.objects.filter(kwargs__contains=SECRET)
    assert tasks, "the test looks at nothing"
    table = "/admin/django_celery_beat/periodictask/"
    for address in (table, *(f"{table}{task.pk}/change/" for task in tasks)):
        answer = root.get(address)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "daily" in page
        assert SECRET not in page
    assert root.post(f"{table}add/").status_code == 403
