"""Where a failed run began to fail: what the tab Problems, and what runs again."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest
from django.test import Client

from tests.browser import runs
from workflows.models import ActionExecution, Project, TaskExecution, WorkflowExecution
from workflows.services.pages.root_cause import find_causes

pytestmark = pytest.mark.django_db(transaction=True)

GIVEN_UP: Final = """
version: "2.0"
outer:
  tasks:
    harmless:
      action: std.fail error_data="nobody minds"
      on-error: [carry_on]
    carry_on:
      workflow: inner
      on-error: [fail]
inner:
  tasks:
    copy:
      action: std.fail error_data="the disk is full"
      on-error: [fail]
"""
CLEANED_UP: Final = """
version: "2.0"
careful:
  tasks:
    copy:
      action: std.fail error_data="the disk is full"
      on-error: [clean_up]
    clean_up:
      action: std.noop
      on-success: [fail]
"""
BY_ITSELF: Final = """
version: "2.0"
stubborn:
  tasks:
    look:
      action: std.noop
      on-success: [fail]
"""


def failed(text: str) -> WorkflowExecution:
    execution = runs.settle(runs.start(text, caller=runs.make_caller("blue")))
    assert execution.state == "ERROR"
    return execution


@pytest.fixture
def address(project: Project) -> str:
    return "/admin/executions/{}/problems/"


def test_a_failure_that_was_answered_by_failing_is_followed_down(ann: Client, address: str) -> None:
    execution = failed(GIVEN_UP)
    (cause,) = find_causes(execution)
    assert [step.task.name for step in cause.steps] == ["carry_on", "copy"]
    assert (cause.text, cause.was_handled) == ("the disk is full", True)
    page = ann.get(address.format(execution.pk)).content.decode()
    assert "The workflow dealt with this failure, but ended in an error after it." in page
    below = page.split("Failures that the workflow dealt with")[1]
    assert "harmless" in below
    assert "carry_on" not in below


def test_a_failure_with_followers_counts_where_there_is_no_other(ann: Client) -> None:
    (cause,) = find_causes(failed(CLEANED_UP))
    assert (cause.task.name, cause.text) == ("copy", "the disk is full")


def test_an_unhandled_failure_hides_handled_ones(ann: Client) -> None:
    execution = failed(CLEANED_UP)
    TaskExecution.objects.filter(execution=execution, name="clean_up").update(state="ERROR")
    (cause,) = find_causes(execution)
    assert (cause.task.name, cause.was_handled) == ("clean_up", False)


def test_a_run_that_ended_itself_says_so(ann: Client, address: str) -> None:
    execution = failed(BY_ITSELF)
    assert find_causes(execution) == []
    page = ann.get(address.format(execution.pk)).content.decode()
    assert "No task failed" in page
    assert "The workflow ended itself in an error, without saying why." in page
    assert "None" not in page.split("No task failed")[1].split("</main>")[0]


def test_it_is_run_again_from_there(ann: Client) -> None:
    execution = failed(GIVEN_UP)
    form = {"reason": "there is room now"}
    ann.post(f"/admin/executions/{execution.pk}/do/rerun/", form)
    tries = Counter(ActionExecution.objects.values_list("task__name", flat=True))
    assert tries == {"harmless": 1, "copy": 2}
