"""LEVANTE_PERMISSIONS on the pages: what a rule forbids is not shown, and is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.browser import runs
from tests.people import make_person
from workflows.models import ActionExecution, Project, Role, WorkflowDefinition, WorkflowMember
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.code_sources import create_code_source, create_dynamic_action
from workflows.services.definitions.environments import create_environment
from workflows.services.definitions.workbook_uploads import create_workbook
from workflows.services.identity.identity import Caller
from workflows.services.identity.rules import LEAST_ROLES
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_triggers import create_event_trigger

pytestmark = pytest.mark.django_db(transaction=True)

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"
# Rules of the API that have no page.
WITHOUT_PAGE: Final = {
    "action_executions:delete",
    "cron_triggers:publicize",
    "event_triggers:publicize",
    "events:create",
    "members:get",
    "metrics:get",
}


@dataclass(frozen=True)
class Act:
    """What a rule allows: where it is offered, by which text of the page, and its own address.

    A `form` is sent by POST; without one the address is opened. Addresses are those below /admin/.
    """

    rule: str
    at: str
    offer: str
    address: str = ""
    form: dict[str, str] | None = None


BOOK: Final = "version: '2.0'\nname: book\nworkflows: {w: {tasks: {t: {action: std.noop}}}}\n"
CODE: Final = "class A:\n    def run(self, context): return 1\n"
OFFERED: Final = "version: '2.0'\noffered:\n  tasks: {t: {action: std.noop}}\n"
SIDEBAR: Final = "tokens/"
ACTS: Final = (
    Act("action_executions:create", "actions/{action}/", "Run now", "actions/{action}/", {}),
    Act("action_executions:get", "", "", "data/actions/{waiting}/input/"),
    Act("action_executions:list", SIDEBAR, "/admin/open-actions/", "open-actions/"),
    Act("action_executions:list", "", "", "executions/{failed}/tasks/{failed_task}/items/"),
    Act(
        "action_executions:update",
        "open-actions/",
        "actions/{waiting}/complete/",
        "actions/{waiting}/complete/",
        {"reason": "x"},
    ),
    Act("actions:create", "actions/", "actions/new/", "actions/new/", {"text": "x"}),
    Act("actions:delete", "actions/{action}/", "{action}/delete/", "actions/{action}/delete/", {}),
    Act("actions:get", "", "", "actions/{action}/"),
    Act("actions:list", SIDEBAR, "/admin/actions/", "actions/"),
    Act("actions:publicize", "actions/new/", 'value="public"'),
    Act("actions:update", "actions/{action}/", "{action}/edit/", "actions/{action}/edit/", {}),
    Act("actions:validate", "", "", "editor/check/?kind=action", {}),
    Act("code_sources:create", "code/", "code/new/", "code/new/", {"text": "x = 1"}),
    Act("code_sources:delete", "code/{code}/", "{code}/delete/", "code/{code}/delete/", {}),
    Act("code_sources:get", "", "", "code/{code}/"),
    Act("code_sources:list", SIDEBAR, "/admin/code/", "code/"),
    Act("code_sources:list", "", "", "code/check/", {}),
    Act("code_sources:publicize", "code/new/", 'value="public"'),
    Act("code_sources:update", "code/{code}/", "</svg> Save", "code/{code}/", {"text": "x = 1"}),
    Act("dynamic_actions:create", "code/{code}/", "Make it", "code/{code}/actions/", {}),
    Act(
        "dynamic_actions:delete",
        "code/{code}/",
        "{twice}/delete/",
        "code/actions/{twice}/delete/",
        {},
    ),
    Act("dynamic_actions:get", "code/{code}/", '{twice}/">', "code/actions/{twice}/"),
    Act("dynamic_actions:list", "code/{code}/", "Actions made of it"),
    Act("dynamic_actions:publicize", "code/actions/{twice}/", 'value="public"'),
    Act(
        "dynamic_actions:update",
        "code/actions/{twice}/",
        "</svg> Save",
        "code/actions/{twice}/",
        {"class_name": "B"},
    ),
    Act("cron_triggers:create", "schedules/", "schedules/new/", "schedules/new/", {}),
    Act("cron_triggers:create", "schedules/{schedule}/", "/edit/", "schedules/{schedule}/edit/"),
    Act(
        "cron_triggers:create",
        "schedules/{schedule}/",
        "{schedule}/pause/",
        "schedules/{schedule}/pause/",
        {},
    ),
    Act(
        "cron_triggers:delete",
        "schedules/{schedule}/",
        "{schedule}/delete/",
        "schedules/{schedule}/delete/",
        {},
    ),
    Act("cron_triggers:get", "", "", "schedules/{schedule}/"),
    Act("cron_triggers:list", SIDEBAR, "/admin/schedules/", "schedules/"),
    Act("cron_triggers:list", "", "Next schedules", "dashboard/schedules/"),
    Act("environments:create", "environments/", "environments/new/", "environments/new/", {}),
    Act(
        "environments:delete",
        "environments/{environment}/",
        "{environment}/delete/",
        "environments/{environment}/delete/",
        {},
    ),
    Act("environments:get", "", "", "environments/{environment}/"),
    Act("environments:list", SIDEBAR, "/admin/environments/", "environments/"),
    Act("environments:publicize", "environments/new/", 'value="public"'),
    Act(
        "environments:update",
        "environments/{environment}/",
        "</svg> Save",
        "environments/{environment}/",
        {"variables": "{}"},
    ),
    Act("event_triggers:create", "triggers/", "triggers/new/", "triggers/new/", {}),
    Act(
        "event_triggers:delete",
        "triggers/{trigger}/",
        "{trigger}/delete/",
        "triggers/{trigger}/delete/",
        {},
    ),
    Act("event_triggers:get", "", "", "triggers/{trigger}/"),
    Act("event_triggers:list", SIDEBAR, "/admin/triggers/", "triggers/"),
    Act("event_triggers:update", "triggers/{trigger}/", "/edit/", "triggers/{trigger}/edit/", {}),
    Act("event_triggers:update", "triggers/{trigger}/", " Pause", "triggers/{trigger}/pause/", {}),
    Act("executions:create", "workflows/", "/run/", "workflows/{workflow}/run/", {}),
    Act(
        "executions:create",
        "schedules/{schedule}/",
        "Run now",
        "schedules/{schedule}/run/",
        {},
    ),
    Act(
        "executions:create",
        "executions/{failed}/",
        "do/clone/",
        "executions/{failed}/do/clone/",
        {"reason": "x"},
    ),
    Act(
        "executions:delete",
        "executions/{failed}/",
        "do/delete/",
        "executions/{failed}/do/delete/",
        {},
    ),
    Act(
        "executions:delete",
        "executions/",
        'value="delete"',
        "executions/bulk/",
        {"change": "delete"},
    ),
    Act("executions:get", "", "", "executions/{failed}/"),
    Act("executions:get", "", "", "executions/{failed}/graph.json"),
    Act("executions:get", "", "", "executions/{failed}/changes"),
    Act("executions:get", "", "", "data/executions/{failed}/input/"),
    Act("executions:list", SIDEBAR, "/admin/executions/", "executions/"),
    Act("executions:list", "", "levante-series", "dashboard/series/1h/"),
    Act("executions:list", "", "What fails most", "dashboard/failures/"),
    Act("executions:list", "workflows/", "Last runs", "dashboard/workflows/"),
    Act("executions:list", "workflows/{workflow}/", "Last runs", "dashboard/now/"),
    Act("executions:report", "executions/{failed}/", "/problems/", "executions/{failed}/problems/"),
    Act(
        "executions:update",
        "executions/{run}/",
        "do/pause/",
        "executions/{run}/do/pause/",
        {"reason": "x"},
    ),
    Act(
        "executions:update",
        "executions/",
        'value="cancel"',
        "executions/bulk/",
        {"change": "cancel"},
    ),
    Act("maintenance:get", SIDEBAR, "/admin/system/", "system/"),
    Act("maintenance:update", "", "", "system/maintenance/", {"status": "RUNNING"}),
    Act("members:create", "{sharing}", " Offer<", "{sharing}", {"project": "red"}),
    Act("members:delete", "{sharing}", "{member}/remove/", "{sharing}{member}/remove/", {}),
    Act("members:list", "workflows/{workflow}/", "/sharing/", "{sharing}"),
    Act("members:list", "workflows/", "/offers/", "workflows/offers/"),
    Act("members:update", "workflows/offers/", "Accept", "workflows/offers/{offered}/", {}),
    Act("tasks:get", "", "", "executions/{failed}/tasks/{failed_task}/"),
    Act("tasks:get", "", "", "data/tasks/{failed_task}/result/"),
    Act(
        "tasks:list", "executions/{failed}/", "{failed}/timeline/", "executions/{failed}/timeline/"
    ),
    Act("tasks:list", "", "", "executions/{failed}/tasks/"),
    Act(
        "tasks:update",
        "executions/{failed}/tasks/{failed_task}/",
        "do/rerun/",
        "executions/{failed}/tasks/{failed_task}/do/rerun/",
        {},
    ),
    Act(
        "tasks:update",
        "executions/{failed}/",
        "do/rerun/",
        "executions/{failed}/do/rerun/",
        {},
    ),
    Act(
        "tasks:update",
        "executions/{failed}/tasks/",
        "Skip chosen",
        "executions/{failed}/tasks/bulk/",
        {"change": "skip"},
    ),
    Act("workbooks:create", "workbooks/", "workbooks/new/", "workbooks/new/", {"text": "x"}),
    Act("workbooks:delete", "{book}", "{book}delete/", "{book}delete/", {}),
    Act("workbooks:get", "", "", "{book}"),
    Act("workbooks:list", SIDEBAR, "/admin/workbooks/", "workbooks/"),
    Act("workbooks:publicize", "workbooks/new/", 'value="public"'),
    Act("workbooks:update", "{book}", "</svg> Save", "{book}", {"text": "x"}),
    Act("workbooks:validate", "", "", "editor/check/?kind=workbook", {}),
    Act("workflows:create", "workflows/", "workflows/new/", "workflows/new/", {"text": "x"}),
    Act(
        "workflows:delete",
        "workflows/{workflow}/",
        "{workflow}/delete/",
        "workflows/{workflow}/delete/",
    ),
    Act("workflows:get", "", "", "workflows/{workflow}/"),
    Act("workflows:get", "", "", "workflows/{workflow}/revisions/"),
    Act("workflows:get", "executions/{failed}/", "/definition/", "executions/{failed}/definition/"),
    Act("workflows:list", SIDEBAR, "/admin/workflows/", "workflows/"),
    Act("workflows:publicize", "workflows/new/", 'value="public"'),
    Act("workflows:update", "workflows/{workflow}/", "/edit/", "workflows/{workflow}/edit/", {}),
    Act("workflows:update", "", "", "workflows/{workflow}/revisions/1/restore/", {}),
    Act("workflows:validate", "", "", "editor/check/?kind=workflow", {}),
)


@pytest.fixture(autouse=True)
def _stored_code(settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True


# What the pages of code need beside the rule that is tried.
CODE_RULES: Final = {
    rule: "author" for rule in LEAST_ROLES if rule.startswith(("code_sources:", "dynamic_actions:"))
}


@pytest.fixture
def ids() -> dict[str, Any]:
    """One object of each kind, in the project blue."""
    failed, run = runs.with_failed_items(), runs.waiting()
    caller = Caller(run.project_id, Role.AUTHOR)
    workflow = run.workflow_id
    action = create_actions(caller=caller, text="version: '2.0'\nshout: {base: std.noop}\n")[0]
    trigger = create_event_trigger(
        caller=caller, workflow_id=workflow, exchange="e", topic="t", event="x"
    )
    schedule = create_cron_trigger(
        caller=caller, name="daily", workflow=str(workflow), pattern="0 6 * * *"
    )
    red = Project.objects.create(name="red")
    runs.upload(OFFERED, "red")
    offered = WorkflowDefinition.objects.get(name="offered").pk
    for shared, project in ((workflow, red.pk), (offered, run.project_id)):
        WorkflowMember.objects.create(
            workflow_id=shared, member_id=project, created_at=timezone.now()
        )
    code = create_code_source(
        caller=caller, name="maths", namespace="", scope="private", content=CODE
    )
    twice = create_dynamic_action(
        caller=caller,
        name="twice",
        class_name="A",
        source=str(code.pk),
        namespace="",
        scope="private",
    )
    book = create_workbook(caller=caller, text=BOOK)
    return {
        "book": f"workbooks/{book.pk}/",
        "code": code.pk,
        "twice": twice.pk,
        "sharing": f"workflows/{workflow}/sharing/",
        "member": red.pk,
        "offered": offered,
        "failed": failed.pk,
        "failed_task": runs.task_of(failed, "each").pk,
        "waiting": ActionExecution.objects.get(execution=run).pk,
        "run": run.pk,
        "workflow": workflow,
        "action": action.pk,
        "environment": create_environment(caller=caller, name="north").pk,
        "schedule": schedule.pk,
        "trigger": trigger.pk,
    }


def ask(client: Client, act: Act, ids: dict[str, Any]) -> int:
    path = f"/admin/{act.address.format(**ids)}"
    if act.form is None:
        return client.get(path).status_code
    return client.post(path, act.form).status_code


def is_offered(client: Client, act: Act, ids: dict[str, Any]) -> bool:
    answer = client.get(f"/admin/{act.at.format(**ids)}")
    assert answer.status_code == 200, act.at
    return act.offer.format(**ids) in answer.content.decode()


def test_what_a_rule_forbids_is_neither_offered_nor_done(
    ids: dict[str, Any], settings: Settings
) -> None:
    client = Client()
    client.force_login(make_person("ann", Project.objects.get(name="blue"), Role.AUTHOR))
    wrong = []
    for act in ACTS:
        settings.LEVANTE_PERMISSIONS = CODE_RULES | {act.rule: "admin"}
        if act.offer and is_offered(client, act, ids):
            wrong.append(f"{act.rule}: {act.offer} is on {act.at}")
        if act.address and (status := ask(client, act, ids)) != 403:
            wrong.append(f"{act.rule}: {act.address} answers {status}")
    assert not wrong


def test_what_a_rule_allows_is_offered(ids: dict[str, Any], settings: Settings) -> None:
    client = Client()
    client.force_login(make_person("ann", Project.objects.get(name="blue"), Role.AUTHOR))
    wrong = []
    for act in ACTS:
        settings.LEVANTE_PERMISSIONS = CODE_RULES | {act.rule: "author"}
        if act.offer and not is_offered(client, act, ids):
            wrong.append(f"{act.rule}: {act.offer} is not on {act.at}")
        # What would change something was looked at above; here it would be gone for the next one.
        if act.address and act.form is None and ask(client, act, ids) != 200:
            wrong.append(f"{act.rule}: {act.address} does not open")
    assert not wrong


def test_a_viewer_may_do_what_a_rule_lowers(ids: dict[str, Any], settings: Settings) -> None:
    client = Client()
    client.force_login(make_person("eve", Project.objects.get(name="blue"), Role.VIEWER))
    settings.LEVANTE_PERMISSIONS = {"environments:create": "viewer", "executions:update": "viewer"}
    form = {"name": "south", "variables": "{}", "scope": "private"}
    assert client.post("/admin/environments/new/", form).status_code == 302
    pause = f"/admin/executions/{ids['run']}/do/pause/"
    assert client.post(pause, {"reason": "x"}).status_code == 302
    assert client.post(f"/admin/executions/{ids['run']}/do/delete/").status_code == 403


def test_each_rule_has_a_page_or_is_known_to_have_none() -> None:
    assert {act.rule for act in ACTS} | WITHOUT_PAGE == set(LEAST_ROLES)
    assert not {act.rule for act in ACTS} & WITHOUT_PAGE


def test_templates_ask_for_rules_that_there_are() -> None:
    asked = {
        f"{kind}:{verb}"
        for path in TEMPLATES.rglob("*.html")
        for kind, verb in re.findall(r"\bmay\.(\w+)\.(\w+)", path.read_text())
    }
    assert asked
    assert asked <= set(LEAST_ROLES)
