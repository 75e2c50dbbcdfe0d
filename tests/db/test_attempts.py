"""Claims and results: one owner of an attempt, whatever is delivered twice or late."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.factories import ready_actions, start, states, work
from workflows.actions.base import Outcome
from workflows.models import ActionExecution
from workflows.services.advancing.advance import advance
from workflows.services.running.attempts import claim_action, perform, record

pytestmark = pytest.mark.django_db

ONE = """
version: '2.0'
one:
  tasks:
    rest: {action: std.sleep seconds=0, publish: {done: yes}}
"""


def test_an_action_can_be_claimed_once() -> None:
    (action,) = ready_actions(start(ONE).id)
    assert claim_action(action.id) is not None
    assert claim_action(action.id) is None


def test_a_cancelled_action_cannot_be_claimed() -> None:
    (action,) = ready_actions(start(ONE).id)
    ActionExecution.objects.filter(id=action.id).update(state="CANCELLED", is_closed=True)
    assert claim_action(action.id) is None


def test_a_result_with_another_token_is_refused() -> None:
    (action,) = ready_actions(start(ONE).id)
    claim = claim_action(action.id)
    assert claim is not None
    ActionExecution.objects.filter(id=action.id).update(token=uuid4())
    assert record(claim, Outcome(is_success=True, result=1)) is False
    action.refresh_from_db()
    assert (action.state, action.output) == ("RUNNING", None)


def test_a_result_is_recorded_once() -> None:
    (action,) = ready_actions(start(ONE).id)
    claim = claim_action(action.id)
    assert claim is not None
    assert record(claim, perform(claim)) is True
    assert record(claim, Outcome(is_success=False, result="again")) is False
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": None})


def test_a_recorded_result_moves_the_execution_on() -> None:
    execution = work(start(ONE))
    assert (execution.state, execution.output) == ("SUCCESS", {"done": True})


def test_a_doubled_advance_changes_nothing() -> None:
    execution = work(start(ONE))
    before = execution.updated_at
    advance(execution.id)
    execution.refresh_from_db()
    assert execution.updated_at == before


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "NaN"),
        ("a\0b", "U+0000"),
        ("\ud800", "surrogate"),
        ({1: 2}, "key"),
        (object(), "object"),
    ],
)
def test_a_result_that_cannot_be_stored_is_an_error_of_the_action(
    value: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workflows.services.running.attempts.perform_action",
        lambda action, context, given: Outcome(is_success=True, result=value),  # type: ignore[arg-type]
    )
    execution = work(start(ONE))
    action = ActionExecution.objects.get(execution=execution)
    assert action.state == "ERROR"
    assert words in action.output["result"]
    assert states(execution) == {"rest": "ERROR"}


@pytest.mark.parametrize("items", ["", "with-items: i in <% range(2) %>, "])
def test_an_action_that_gives_up_cancels_its_task_and_the_execution(
    items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workflows.services.running.attempts.perform_action",
        lambda action, context, given: Outcome(False, "half", is_cancelled=True),
    )
    execution = work(start(ONE.replace("{action", f"{{{items}action")))
    action = ActionExecution.objects.filter(execution=execution).order_by("item_index")[0]
    assert (action.state, action.output) == ("CANCELLED", {"result": "half"})
    assert states(execution) == {"rest": "CANCELLED"}
    assert execution.state == "CANCELLED"
