"""The page of one execution: its tabs, its buttons, and how it keeps up to date."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import runs
from tests.browser.conftest import NARROW, LogIn
from tests.people import make_person
from workflows.engine.states import State
from workflows.models import ActionExecution, HistoryEvent, Project, Role, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state
from workflows.services.running.action_runs import complete_action

pytestmark = pytest.mark.django_db(transaction=True)


def press(page: Page, name: str, reason: str) -> None:
    """Press a button, say why in its dialog, and confirm."""
    page.get_by_role("link", name=name, exact=True).first.click()
    dialog = page.get_by_role("dialog").last
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=name).click()


def test_the_graph_shows_states_and_opens_the_panel_of_a_task(
    log_in: LogIn, project: Project
) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    node = page.locator("levante-graph a").filter(has_text="middle").first
    expect(node).to_contain_text("Error")
    node.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("heading", name="middle")).to_be_visible()
    middle = runs.task_of(execution, "middle")
    expect(page).to_have_url(
        page.url.split("/admin")[0] + f"/admin/executions/{execution.pk}/tasks/{middle.pk}/"
    )
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert page.url.endswith(f"/admin/executions/{execution.pk}/")


def test_the_root_cause_is_found_through_three_sub_workflows(
    log_in: LogIn, project: Project
) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.get_by_role("link", name="Show where it began").click()
    cause = page.locator("article").first
    chain = cause.get_by_role("listitem")
    expect(chain).to_have_text(
        [
            "run of outer",
            "task middle",
            "run of inner",
            "task deeper",
            "run of innermost",
            "task copy",
            "attempt 1 of std.fail",
        ]
    )
    expect(cause).to_contain_text("is attached elsewhere")
    expect(page.locator("article")).to_have_count(2)
    press(page, "Skip", "not needed any more")
    expect(page.get_by_text("Skip: copy.")).to_be_visible()
    copies = list(
        WorkflowExecution.objects.filter(
            workflow_name="innermost", root_execution_id=execution.pk, tasks__state="SKIPPED"
        )
    )
    assert len(copies) == 1
    event = HistoryEvent.objects.get(execution=copies[0], name="copy", state_to="SKIPPED")
    assert (event.actor, event.reason) == ("ann", "Task was skipped. (not needed any more)")


def test_rerun_from_failed_runs_what_failed_deep_down(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.get_by_role("link", name="Rerun from failed").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 tasks will run again")
    dialog.get_by_label("Reason").fill("volumes are free now")
    dialog.get_by_role("button", name="Rerun from failed").click()
    expect(page.get_by_text("Rerun from failed: done.")).to_be_visible()
    revived = HistoryEvent.objects.filter(
        state_from="ERROR", state_to="RUNNING", actor="ann", reason="volumes are free now"
    )
    assert sorted(revived.filter(name="copy").values_list("name", flat=True)) == ["copy", "copy"]
    assert revived.filter(execution=execution, task_id=None).exists()


def test_pause_resume_finish_and_delete(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    press(page, "Pause", "wait for the storage")
    expect(page.get_by_text("wait for the storage")).to_be_visible()
    execution.refresh_from_db()
    assert execution.state == "PAUSED"
    press(page, "Resume", "storage is back")
    expect(page.get_by_text("Resume: done.")).to_be_visible()
    execution.refresh_from_db()
    assert execution.state == "RUNNING"
    page.get_by_role("link", name="Finish").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Success").check()
    dialog.get_by_label("Reason").fill("settled by phone")
    dialog.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Finish: done.")).to_be_visible()
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    reasons = HistoryEvent.objects.filter(execution=execution, actor="ann")
    assert {"wait for the storage", "storage is back", "settled by phone"} <= set(
        reasons.values_list("reason", flat=True)
    )
    press(page, "Delete", "no longer of use")
    expect(page).to_have_url(page.url.split("/admin")[0] + "/admin/executions/")
    assert not WorkflowExecution.objects.filter(pk=execution.pk).exists()


def test_a_reason_cannot_be_left_out(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/do/cancel/")
    page.get_by_label("Reason").fill("   ")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("Please say why")
    execution.refresh_from_db()
    assert execution.state == "RUNNING"


def test_run_again_with_another_input(log_in: LogIn, project: Project) -> None:
    execution = runs.with_failed_items()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.get_by_role("link", name="Run again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Input")).to_have_value(
        '{\n  "names": [\n    "a",\n    "b",\n    "c"\n  ]\n}'
    )
    dialog.get_by_label("Input").fill('{"names": ["d"]}')
    dialog.get_by_label("Reason").fill("only the last one")
    dialog.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("Run again: done.")).to_be_visible()
    copy = WorkflowExecution.objects.get(source_execution_id=execution.pk)
    assert page.url.endswith(f"/admin/executions/{copy.pk}/")
    assert (copy.input, copy.started_by) == ({"names": ["d"]}, "ann")


def test_a_button_that_is_pressed_twice_opens_one_dialog(log_in: LogIn, project: Project) -> None:
    execution = runs.simple()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    asked = []
    page.on("request", lambda request: asked.append(request) if "/do/" in request.url else None)
    page.get_by_role("link", name="Run again").dblclick()
    expect(page.get_by_role("dialog")).to_have_count(1)
    assert len(asked) == 1
    page.get_by_role("dialog").get_by_role("link", name="Back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Run again").click()
    expect(page.get_by_role("dialog")).to_have_count(1)


def test_somebody_reports_the_result_of_an_action(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto("/admin/")
    page.locator("a.lv-tile").filter(has_text="wait for a result").click()
    page.get_by_role("link", name="Report").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Result").fill('{"approved": true}')
    dialog.get_by_label("Reason").fill("agreed in the meeting")
    dialog.get_by_role("button", name="Report the result").click()
    expect(page.get_by_text("was taken over")).to_be_visible()
    action = ActionExecution.objects.get(task__name="ask")
    assert (action.state, action.output) == ("SUCCESS", {"result": {"approved": True}})
    event = HistoryEvent.objects.get(execution=execution, action_id=action.pk)
    assert (event.actor, event.reason, event.state_to) == (
        "ann",
        "agreed in the meeting",
        "SUCCESS",
    )


def test_the_page_follows_the_execution_and_stops_at_its_end(
    log_in: LogIn, project: Project
) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/changes" in request.url else None
    )
    page.goto(f"/admin/executions/{execution.pk}/")
    expect(page.locator(".lv-head .lv-state").first).to_have_text("Running")
    action = ActionExecution.objects.get(task__name="ask")
    complete_action(action.pk, state=State.SUCCESS, output="yes", has_output=True)
    advance(execution.pk)
    runs.work(execution)
    expect(page.locator(".lv-head .lv-state").first).to_have_text("Success")
    expect(page.locator("levante-graph a").filter(has_text="tell")).to_contain_text("Success")
    page.wait_for_timeout(2500)
    count = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == count


def test_items_are_grouped_by_what_they_say(log_in: LogIn, project: Project) -> None:
    execution = runs.with_failed_items()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/tasks/")
    page.get_by_role("link", name="each").click()
    panel = page.get_by_role("dialog")
    expect(panel.locator(".lv-groups")).to_contain_text("item broke")
    expect(panel.locator(".lv-attempt")).to_have_count(3)
    panel.locator(".lv-attempt summary").first.click()
    expect(panel.locator(".lv-attempt").first).to_contain_text("item 0")
    panel.get_by_role("link", name="Rerun failed items").click()
    dialog = page.get_by_role("dialog").last
    dialog.get_by_label("Reason").fill("mended")
    dialog.get_by_role("button", name="Rerun failed items").click()
    expect(page.get_by_text("Rerun failed items: each.")).to_be_visible()
    again = HistoryEvent.objects.get(task_id=runs.task_of(execution, "each").pk, reason="mended")
    assert (again.actor, again.state_from, again.state_to) == ("ann", "ERROR", "RUNNING")


def test_data_of_an_execution_and_of_a_task(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/data/")
    expect(page.locator("pre").first).to_contain_text('"north"')
    page.get_by_label("What a task saw").select_option(index=2)
    expect(page.locator("details").filter(has_text="Context that it saw")).to_contain_text(
        '"greeting": "hello"'
    )


def test_timeline_events_and_definition(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    change_state(runs.waiting().pk, State.CANCELLED, actor="bob", reason="r")
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator(".lv-timeline-name")).to_contain_text(["begin", "middle"])
    expect(page.locator(".is-critical")).to_have_count(2)
    page.get_by_role("link", name="Events").click()
    expect(page.locator("tbody tr").first).to_contain_text("outer")
    page.get_by_role("link", name="What people did").click()
    expect(page.get_by_text("Nobody has changed anything by hand.")).to_be_visible()
    page.get_by_role("link", name="Definition").click()
    expect(page.locator(".lv-code")).to_contain_text("with-items: site in <% $.sites %>")


def test_why_a_task_has_not_run_yet(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    task = runs.task_of(execution, "ask")
    page.goto(f"/admin/executions/{execution.pk}/tasks/{task.pk}/")
    expect(page.locator(".lv-note")).to_contain_text("Its work is done elsewhere")


def test_hostile_names_are_text(log_in: LogIn, project: Project) -> None:
    evil = "<img src=x onerror=alert(1)>"
    execution = runs.simple()
    WorkflowExecution.objects.filter(pk=execution.pk).update(
        workflow_name=evil,
        description=evil,
        state_info=f"{evil}\n</script>{evil}",
        tags=[evil],
        state="ERROR",
        input={evil: evil},
        started_by=evil,
    )
    execution.tasks.update(name=evil, state_info=evil, state="ERROR")
    HistoryEvent.objects.filter(execution=execution).update(reason=evil, actor=evil, name=evil)
    page = log_in(make_person("ann", project))
    task = runs.task_of(execution, evil)
    tabs = (
        "",
        "timeline/",
        "tasks/",
        "data/",
        "problems/",
        "events/",
        "definition/",
        f"tasks/{task.pk}/",
    )
    for address in (
        "/admin/executions/",
        *(f"/admin/executions/{execution.pk}/{tab}" for tab in tabs),
        "/admin/",
    ):
        page.goto(address)
        page.wait_for_timeout(300)
        assert page.locator("img[src=x]").count() == 0, address
    expect(page.get_by_text(evil).first).to_be_visible()


@pytest.mark.parametrize("role", [Role.VIEWER])
def test_a_viewer_can_press_nothing(log_in: LogIn, project: Project, role: Role) -> None:
    execution = runs.waiting()
    page = log_in(make_person("vic", project, role))
    task = runs.task_of(execution, "ask")
    page.goto(f"/admin/executions/{execution.pk}/tasks/{task.pk}/")
    expect(page.get_by_role("link", name="Report the result")).to_have_count(0)
    action = ActionExecution.objects.get(task=task)
    for address in (
        f"/admin/actions/{action.pk}/complete/",
        f"/admin/executions/{execution.pk}/tasks/{task.pk}/do/rerun/",
        f"/admin/executions/{execution.pk}/do/pause/",
        "/admin/workers/",
        "/admin/system/",
        "/admin/flower/",
    ):
        assert page.goto(address).status == 403, address


def test_the_panel_follows_its_task(log_in: LogIn, project: Project) -> None:
    execution = runs.waiting()
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/")
    page.locator("levante-graph a").filter(has_text="ask").first.click()
    panel = page.get_by_role("dialog")
    expect(panel.locator(".lv-state").first).to_have_text("Running")
    action = ActionExecution.objects.get(task__name="ask")
    complete_action(action.pk, state=State.SUCCESS, output="yes", has_output=True)
    advance(execution.pk)
    runs.work(execution)
    expect(panel.locator(".lv-state").first).to_have_text("Success")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".lv-head .lv-state").first).to_have_text("Success")


def test_failed_tasks_are_skipped_together(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    execution.tasks.filter(name="begin").update(state="ERROR")
    page = log_in(make_person("ann", project))
    page.goto(f"/admin/executions/{execution.pk}/tasks/")
    page.get_by_label("Choose all failed tasks").check()
    page.get_by_role("button", name="Skip chosen").click()
    expect(page.get_by_role("heading", name="Skip: 2 failed tasks")).to_be_visible()
    page.get_by_label("Reason").fill("good enough")
    page.get_by_role("button", name="Skip 2").click()
    expect(page.get_by_text("Skip: 2 tasks.")).to_be_visible()
    skipped = HistoryEvent.objects.filter(execution=execution, state_to="SKIPPED", actor="ann")
    assert sorted(skipped.values_list("name", flat=True)) == ["begin", "middle"]


def test_on_a_small_screen_the_open_tab_is_in_sight(log_in: LogIn, project: Project) -> None:
    execution = runs.failed_deep()
    page = log_in(make_person("ann", project), size=NARROW)
    for tab in ("data", "problems", "events", "definition"):
        page.goto(f"/admin/executions/{execution.pk}/{tab}/")
        tabs = page.get_by_role("navigation", name="Views of this execution")
        expect(tabs.locator("[aria-current=page]")).to_be_in_viewport(ratio=1)


def test_on_a_small_screen_a_result_is_reported(log_in: LogIn, project: Project) -> None:
    runs.waiting()
    page = log_in(make_person("ann", project), size=NARROW)
    page.goto("/admin/open-actions/")
    expect(page.get_by_role("link", name="Report")).to_be_in_viewport(ratio=1)
