"""Actions that the operator does not allow, or has not switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.actions.base import Action, ActionContext, perform_action
from workflows.actions.permission import is_allowed
from workflows.actions.registry import list_actions
from workflows.errors import ActionNotAllowed, NotPermitted, SpecInvalid
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.workbook_uploads import create_workbook
from workflows.services.executions.executions import start_execution
from workflows.services.running.action_runs import start_action_run
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

SLEEPS = """
version: '2.0'
naps:
  tasks:
    first: {action: std.noop}
    nap: {action: std.sleep seconds=0}
"""
NAP = """
version: '2.0'
nap: {base: std.sleep, base-input: {seconds: 0}}
"""
BY_EXPRESSION = """
version: '2.0'
naps:
  input: [name]
  tasks:
    nap: {action: '<% $.name %>', on-error: mend}
    mend: {action: std.noop}
"""


@pytest.mark.parametrize(
    ("allowed", "denied", "answer"),
    [
        ([], [], True),
        (["std.*"], [], True),
        (["std.echo", "std.http"], [], False),
        ([], ["std.s*"], False),
        ([], ["std.echo"], True),
        (["std.sleep"], ["std.sleep"], True),  # as in Mistral the first list is all that counts
    ],
)
def test_the_lists_decide_by_name_or_pattern(
    settings: Any, allowed: list[str], denied: list[str], answer: bool
) -> None:
    settings.LEVANTE_ALLOWED_ACTIONS, settings.LEVANTE_DENIED_ACTIONS = allowed, denied
    assert is_allowed("std.sleep") is answer
    assert ("std.sleep" in [action.name for action in list_actions()]) is answer


def test_a_definition_with_a_denied_action_is_refused_with_its_place(settings: Any) -> None:
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    with pytest.raises(SpecInvalid) as error:
        start(SLEEPS)
    (problem,) = error.value.problems
    assert (problem.path, problem.line) == ("tasks.nap.action", 6)
    assert problem.message == (
        "The action std.sleep is not allowed here"
        " (LEVANTE_ALLOWED_ACTIONS, LEVANTE_DENIED_ACTIONS)."
    )


def test_actions_and_workbooks_are_looked_at_as_well(settings: Any) -> None:
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    with pytest.raises(SpecInvalid):
        create_actions(caller=make_caller(), text=NAP)
    with pytest.raises(SpecInvalid):
        create_workbook(
            caller=make_caller(),
            text="version: '2.0'\nname: b\nactions: {nap: {base: std.sleep}}",
        )


def test_the_command_that_validates_says_so_too(settings: Any, tmp_path: Path) -> None:
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    file = tmp_path / "naps.yaml"
    file.write_text(SLEEPS)
    with pytest.raises(CommandError, match="1 error"):
        call_command("validate", str(file))


def test_what_was_stored_before_is_not_started(settings: Any) -> None:
    start(SLEEPS)
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    with pytest.raises(NotPermitted, match=r"std\.sleep is not allowed"):
        start_execution(project_id=make_caller().project_id, workflow="naps", input={}, params={})


def test_what_an_expression_names_is_refused_when_it_starts(settings: Any) -> None:
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    execution = start(BY_EXPRESSION, input={"name": "std.sleep"})
    assert execution.state == "ERROR"
    assert "std.sleep is not allowed" in (execution.state_info or "")


def test_an_adhoc_action_does_not_lead_around_it(settings: Any) -> None:
    create_actions(caller=make_caller(), text=NAP)
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    assert start(BY_EXPRESSION, input={"name": "nap"}).state == "ERROR"


def test_what_is_ready_already_is_not_run(settings: Any) -> None:
    execution = start(SLEEPS)
    (action,) = ready_actions(execution.id)
    settings.LEVANTE_DENIED_ACTIONS = ["std.sleep"]
    take_turn(action.id)
    action.refresh_from_db()
    assert action.state == "ERROR"
    assert "is not allowed here" in action.output["result"]


def test_a_single_action_is_refused(settings: Any) -> None:
    settings.LEVANTE_DENIED_ACTIONS = ["std.echo"]
    with pytest.raises(ActionNotAllowed):
        start_action_run(
            project_id=make_caller().project_id,
            name="std.echo",
            namespace="",
            input={"output": 1},
            params={},
            description="",
        )


# --- guarded actions


class Guarded(Action):
    """Is dangerous."""

    name = "std.guarded"
    is_guarded = True

    def run(self, context: ActionContext) -> str:
        return "done"


@pytest.mark.parametrize(
    ("entries", "answer"),
    [
        ([], False),
        (["std.guarded"], True),
        (["std.*"], True),
        (["std.ssh"], False),
        (["std.guarded@p1"], True),
        (["std.guarded@p2"], False),
        (["std.guarded@"], False),
    ],
)
def test_a_guarded_action_runs_only_where_it_is_switched_on(
    settings: Any, entries: list[str], answer: bool
) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = entries
    outcome = perform_action(Guarded(), ActionContext(project_id="p1"), {})
    assert outcome.is_success is answer


def test_a_guarded_action_says_how_to_switch_it_on() -> None:
    outcome = perform_action(Guarded(), ActionContext(project_id="p1"), {})
    assert outcome.result == (
        "The action std.guarded is switched off. The operator can switch it on for all projects by "
        "LEVANTE_ENABLED_ACTIONS=std.guarded, or for one by std.guarded@PROJECT_ID."
    )


# --- what an action says of itself


@pytest.mark.parametrize(("written", "expected"), [("", True), (", safe-rerun: false", False)])
def test_an_action_is_safe_to_rerun_if_it_says_so_and_the_task_does_not_object(
    monkeypatch: pytest.MonkeyPatch, written: str, expected: bool
) -> None:
    monkeypatch.setattr("workflows.actions.std.sleep.SleepAction.is_safe_rerun", True)
    execution = start(SLEEPS.replace("seconds=0}", f"seconds=0{written}}}"))
    (action,) = ready_actions(execution.id)
    assert action.is_safe_rerun is expected
    assert states(work(execution)) == {"first": "SUCCESS", "nap": "SUCCESS"}
