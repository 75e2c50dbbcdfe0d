"""Pages of executions without a browser: what they cost, what they tell, whom they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.browser import runs
from tests.people import log_in, make_person
from workflows.admin import run_list
from workflows.admin.run_buttons import RUN_BUTTONS
from workflows.models import (
    ActionExecution,
    HistoryEvent,
    Membership,
    Project,
    Role,
    TaskExecution,
    WorkflowExecution,
)
from workflows.services.advancing import advance
from workflows.services.executions import executions
from workflows.services.pages import timeline
from workflows.services.pages.root_cause import find_causes
from workflows.services.pages.run_bulk import FITTING
from workflows.services.running import action_runs

pytestmark = pytest.mark.django_db(transaction=True)


def count_queries(ask: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        ask()
    return len(captured)


def statements(ask: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        ask()
    return [query["sql"] for query in captured.captured_queries]


def test_the_list_costs_the_same_for_any_number_of_rows(ann: Client) -> None:
    first = runs.simple()
    ann.get("/admin/executions/")
    few = count_queries(lambda: ann.get("/admin/executions/"))
    copies = []
    for _ in range(40):
        copy = WorkflowExecution.objects.get(pk=first.pk)
        copy.id, copy._state.adding = uuid4(), True
        copies.append(copy)
    WorkflowExecution.objects.bulk_create(copies)
    many = count_queries(lambda: ann.get("/admin/executions/"))
    assert many == few
    assert few <= 6


def test_the_list_counts_nothing_and_reads_no_payload(ann: Client) -> None:
    runs.failed_deep()
    ann.get("/admin/executions/")
    asked = " ".join(statements(lambda: ann.get("/admin/executions/?state=ERROR&depth=any")))
    assert "COUNT(" not in asked.upper()
    for column in ("input", "output", "params", "globals", "backlog"):
        assert f'"workflow_executions"."{column}"' not in asked


def test_tabs_cost_the_same_for_any_number_of_tasks(ann: Client) -> None:
    small = runs.settle(runs.start(_chain(2), caller=runs.make_caller("blue")))
    large = runs.settle(runs.start(_chain(30), caller=runs.make_caller("blue")))
    for tab in ("", "timeline/", "tasks/", "problems/", "events/", "changes"):
        for run in (small, large):
            ann.get(f"/admin/executions/{run.pk}/{tab}")
        few = count_queries(lambda tab=tab: ann.get(f"/admin/executions/{small.pk}/{tab}"))
        many = count_queries(lambda tab=tab: ann.get(f"/admin/executions/{large.pk}/{tab}"))
        assert many == few, tab
        assert few <= 20, (tab, few)


def _chain(length: int) -> str:
    tasks = [
        f"    t{number}:\n      action: std.noop\n"
        + (f"      on-success: [t{number + 1}]\n" if number + 1 < length else "")
        for number in range(length)
    ]
    return f'version: "2.0"\nchain{length}:\n  tasks:\n{"".join(tasks)}'


def test_pages_read_no_payload_that_they_do_not_show(ann: Client) -> None:
    execution = runs.failed_deep()
    for tab in ("", "timeline/", "tasks/", "data/", "events/", "definition/", "changes"):
        ann.get(f"/admin/executions/{execution.pk}/{tab}")
        asked = " ".join(
            statements(lambda tab=tab: ann.get(f"/admin/executions/{execution.pk}/{tab}"))
        )
        for column in ("input", "output", "globals"):
            assert f'"workflow_executions"."{column}"' not in asked, tab
        assert '"action_executions"."output"' not in asked, tab


def test_changes_since_a_sequence_number(ann: Client) -> None:
    execution = runs.waiting()
    address = f"/admin/executions/{execution.pk}/changes"
    everything = ann.get(f"{address}?after=0")
    body = everything.json()
    assert [task["name"] for task in body["tasks"]] == ["ask"]
    assert body["execution"]["state"] == "RUNNING"
    assert not body["execution"]["is_final"]
    again = ann.get(f"{address}?after={body['seq']}")
    assert again.json()["tasks"] == []
    tag = again.headers["ETag"]
    unchanged = ann.get(f"{address}?after={body['seq']}", headers={"if-none-match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    action = ActionExecution.objects.get(task__name="ask")
    action_runs.complete_action(
        action.pk, state=executions.State.SUCCESS, output="yes", has_output=True
    )
    advance.advance(execution.pk)
    runs.work(execution)
    answer = ann.get(f"{address}?after={body['seq']}", headers={"if-none-match": tag})
    later = answer.json()
    assert later["seq"] > body["seq"]
    assert {task["name"]: task["state"] for task in later["tasks"]} == {
        "ask": "SUCCESS",
        "tell": "SUCCESS",
    }
    assert later["execution"]["is_final"]


def test_changes_show_how_far_items_are(ann: Client) -> None:
    execution = runs.with_failed_items()
    body = ann.get(f"/admin/executions/{execution.pk}/changes?after=0").json()
    assert body["tasks"][0]["items"] == {"total": 3, "done": 3, "failed": 3}


def test_what_is_deleted_leaves_a_note_of_who_and_why(ann: Client) -> None:
    execution = runs.simple()
    answer = ann.post(f"/admin/executions/{execution.pk}/do/delete/", {"reason": "a test"})
    assert answer.status_code == 302
    note = LogEntry.objects.get()
    assert (note.object_id, note.change_message) == (str(execution.pk), "a test")
    assert note.user.get_username() == "ann"


def test_only_what_was_deleted_is_noted(ann: Client) -> None:
    gone, foreign, unfinished = runs.simple(), runs.simple("red"), runs.waiting()
    chosen = [str(key) for key in (gone.pk, foreign.pk, unfinished.pk, uuid4())]
    form = {"change": "delete", "confirmed": "1", "reason": "old", "chosen": chosen}
    assert ann.post("/admin/executions/bulk/", form).status_code == 302
    kept = set(WorkflowExecution.objects.values_list("pk", flat=True))
    assert kept == {foreign.pk, unfinished.pk}
    assert LogEntry.objects.get().object_id == str(gone.pk)


def test_a_refusal_of_the_engine_is_shown(ann: Client) -> None:
    execution = runs.simple()
    answer = ann.post(f"/admin/executions/{execution.pk}/do/pause/", {"reason": "too late"})
    assert answer.status_code == 400
    assert "SUCCESS to PAUSED" in answer.content.decode()


def test_the_project_of_a_person_is_that_of_the_membership(project: Project) -> None:
    person = make_person("cat", project, Role.OPERATOR)
    red = Project.objects.create(name="red")
    Membership.objects.create(user=person, project=red, role=Role.VIEWER)
    runs.simple("blue", "blue_one")
    runs.simple("red", "red_one")
    client = Client()
    client.force_login(person)
    assert "blue_one" in client.get("/admin/executions/").content.decode()
    client.post("/admin/project/", {"project": str(red.pk)})
    shown = client.get("/admin/executions/").content.decode()
    assert "red_one" in shown
    assert "blue_one" not in shown
    # The role is that of the chosen project.
    run = WorkflowExecution.objects.get(workflow_name="red_one")
    assert client.post(f"/admin/executions/{run.pk}/do/delete/", {"reason": "x"}).status_code == 403
    foreign = Project.objects.create(name="green")
    client.post("/admin/project/", {"project": str(foreign.pk)})
    assert "red_one" in client.get("/admin/executions/").content.decode()


def test_nothing_changes_without_a_form_token(project: Project) -> None:
    execution = runs.waiting()
    client = log_in("ann", project, enforce_csrf_checks=True)
    answer = client.post(f"/admin/executions/{execution.pk}/do/cancel/", {"reason": "x"})
    assert answer.status_code == 403
    execution.refresh_from_db()
    assert execution.state == "RUNNING"


def test_a_form_leads_to_no_other_server(ann: Client) -> None:
    execution = runs.waiting()
    answer = ann.post(
        f"/admin/executions/{execution.pk}/do/pause/",
        {"reason": "x", "next": "https://evil.example/"},
    )
    assert answer.headers["Location"] == f"/admin/executions/{execution.pk}/"


def test_a_payload_is_downloaded_as_it_is(ann: Client) -> None:
    execution = runs.failed_deep()
    answer = ann.get(f"/admin/data/executions/{execution.pk}/input/?download=1")
    assert json.loads(answer.content) == {"sites": ["north", "south"]}
    assert "attachment" in answer.headers["Content-Disposition"]
    assert ann.get(f"/admin/data/executions/{execution.pk}/revision/").status_code == 404
    assert ann.get(f"/admin/data/secrets/{execution.pk}/input/").status_code == 404


def test_somebody_who_has_not_logged_in_is_asked_to(transactional_db: None) -> None:
    run = uuid4()
    for address in ("/admin/executions/", f"/admin/executions/{run}/changes", "/admin/flower/"):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")


def test_events_keep_the_order_and_are_paged(ann: Client) -> None:
    execution = runs.settle(runs.start(_chain(60), caller=runs.make_caller("blue")))
    first = ann.get(f"/admin/executions/{execution.pk}/events/")
    numbers = [event.pk for event in first.context["events"]]
    assert numbers == sorted(numbers, reverse=True)
    rest = ann.get(f"/admin/executions/{execution.pk}/events/?before={first.context['more']}")
    assert (
        len(numbers) + len(rest.context["events"])
        == HistoryEvent.objects.filter(execution=execution).count()
    )


def _read_pages(client: Client, address: str, query: str = "") -> list[list[str]]:
    """Read a list to its end; give the ids of each page."""
    pages, after = [], ""
    while True:
        context = client.get(f"{address}?after={after}{query}").context
        rows = [row[0] for row in context["rows"]]
        pages.append([str(getattr(row, "action", row).pk) for row in rows])
        after = context["more"]
        if not after:
            return pages


def test_tasks_that_came_up_together_are_each_listed_once(ann: Client) -> None:
    execution = runs.simple()
    task = execution.tasks.get()
    copies = []
    for number in range(150):
        copy = TaskExecution.objects.get(pk=task.pk)
        copy.id, copy._state.adding, copy.name = uuid4(), True, f"t{number}"
        copies.append(copy)
    TaskExecution.objects.bulk_create(copies)
    assert execution.tasks.values("created_at").distinct().count() == 1
    address = f"/admin/executions/{execution.pk}/tasks/"
    pages = _read_pages(ann, address)
    assert [len(page) for page in pages] == [100, 51]
    assert len({key for page in pages for key in page}) == 151
    # The row at the end of a page may have left the filter when the next page is read.
    execution.tasks.filter(pk=pages[0][-1]).update(state="ERROR")
    rest = ann.get(f"{address}?after={pages[0][-1]}&state=SUCCESS").context["rows"]
    assert [str(row[0].pk) for row in rest] == pages[1]


def test_attempts_of_one_item_are_each_listed_once(ann: Client) -> None:
    execution = runs.with_failed_items()
    task = runs.task_of(execution, "each")
    action = ActionExecution.objects.filter(task=task, item_index=1).get()
    copies = []
    for number in range(70):
        copy = ActionExecution.objects.get(pk=action.pk)
        copy.id, copy._state.adding, copy.attempt = uuid4(), True, 2 + number // 35
        copy.is_accepted = False
        copies.append(copy)
    ActionExecution.objects.bulk_create(copies)
    pages = _read_pages(ann, f"/admin/executions/{execution.pk}/tasks/{task.pk}/items/")
    assert [len(page) for page in pages] == [50, 23]
    assert len({key for page in pages for key in page}) == 73


@pytest.mark.parametrize("tab", ["tasks/", "tasks/{task}/items/"])
def test_a_place_that_is_not_in_the_list_is_told(ann: Client, tab: str) -> None:
    execution, other = runs.with_failed_items(), runs.simple()
    tab = tab.format(task=runs.task_of(execution, "each").pk)
    address = f"/admin/executions/{execution.pk}/{tab}?after="
    assert ann.get(f"{address}{other.tasks.get().pk}").status_code == 404
    assert ann.get(f"{address}7").status_code == 400


def test_the_cause_of_a_failure_reads_one_attempt_of_each_task(ann: Client) -> None:
    execution = runs.with_failed_items()
    action = ActionExecution.objects.filter(task__execution=execution, item_index=0).get()
    copies = []
    for number in range(1200):
        copy = ActionExecution.objects.get(pk=action.pk) if not copies else copies[0]
        values = {
            field.attname: getattr(copy, field.attname) for field in copy._meta.concrete_fields
        }
        values |= {"id": uuid4(), "attempt": 2 + number, "output": {"result": f"try {number}"}}
        copies.append(ActionExecution(**values))
    ActionExecution.objects.bulk_create(copies)
    (cause,) = find_causes(execution)
    assert (cause.text, cause.failed_attempts) == ("try 1199", 1203)
    asked = statements(lambda: find_causes(execution))
    reading = [sql for sql in asked if '"action_executions"."output"' in sql]
    assert len(reading) == 1
    assert "DISTINCT ON" in reading[0]


def test_the_critical_path_is_that_of_all_tasks(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = runs.settle(runs.start(_chain(320), caller=runs.make_caller("blue")))
    address = f"/admin/executions/{execution.pk}/timeline/"
    page = ann.get(address)
    found = page.context["timeline"]
    assert len(found.rows) == sum(row.is_critical for row in found.rows) == 300
    assert found.critical_below == 20
    assert "The critical path goes on with 20 more tasks." in page.content.decode()
    monkeypatch.setattr(timeline, "_MOST_LINKS", 310)
    page = ann.get(address)
    assert not any(row.is_critical for row in page.context["timeline"].rows)
    assert "There are too many to find the critical path." in page.content.decode()


def test_what_is_confirmed_is_not_previewed(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = runs.waiting()
    monkeypatch.setattr(run_list, "preview_bulk", None)
    form = {"change": "cancel", "confirmed": "1", "reason": "x", "chosen": str(execution.pk)}
    assert ann.post("/admin/executions/bulk/", form).status_code == 302
    execution.refresh_from_db()
    assert execution.state == "CANCELLED"


def test_many_are_offered_what_one_is(ann: Client) -> None:
    buttons = {button.name: button for button in RUN_BUTTONS}
    for change, button in run_list.BULK.items():
        assert button is buttons[change]
        assert button.states == FITTING[change]


def test_a_failure_in_a_run_that_went_well_cannot_be_chosen(ann: Client) -> None:
    execution = runs.simple()
    execution.tasks.update(state="ERROR")
    address = f"/admin/executions/{execution.pk}/tasks/"
    assert 'name="chosen"' not in ann.get(address).content.decode()
    WorkflowExecution.objects.filter(pk=execution.pk).update(state="ERROR")
    assert 'name="chosen"' in ann.get(address).content.decode()


@pytest.mark.parametrize("page", ["", "revisions/", "revisions/1/", "run/", "edit/", "delete/"])
def test_runs_of_a_workflow_are_read_where_they_are_shown(ann: Client, page: str) -> None:
    workflow = runs.simple().workflow_id
    ann.get(f"/admin/workflows/{workflow}/{page}")
    asked = " ".join(statements(lambda: ann.get(f"/admin/workflows/{workflow}/{page}")))
    assert ("LATERAL" in asked) == (page == "")


def test_badges_and_progress_of_items_are_counted_once(ann: Client) -> None:
    execution = runs.with_failed_items()
    asked = statements(lambda: ann.get(f"/admin/executions/{execution.pk}/tasks/"))
    assert sum('"action_executions"."task_id"' in sql for sql in asked) == 1
