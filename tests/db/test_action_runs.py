"""Single actions: what a request runs, what it stores, and results from outside."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.canvas import ReadyAction, Work
from workflows.engine.states import State
from workflows.errors import (
    ActionInputInvalid,
    ActionUnknown,
    NotFound,
    NotPermitted,
    RequestInvalid,
    StateChangeNotAllowed,
)
from workflows.jsontypes import JSONObject
from workflows.models import ActionExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.executions.executions import change_state
from workflows.services.running.action_runs import (
    complete_action,
    delete_action_run,
    start_action_run,
)
from workflows.services.running.turn import take_turn

pytestmark = pytest.mark.django_db

ADHOC = """
version: '2.0'
greet:
  input: [name, greeting: Hello]
  base: std.echo
  base-input: {output: '<% $.greeting %>, <% $.name %>'}
  output: {said: <% $ %>}
ask:
  base: std.async_noop
  output: <% $.answer + 1 %>
"""
WAITS = """
version: '2.0'
job:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: std.async_noop, on-error: mend}
    mend: {action: std.noop}
"""
ASKS = """
version: '2.0'
job:
  tasks:
    act: {action: ask, on-error: mend}
    mend: {action: std.noop}
"""


def run(name: str, /, input: dict[str, Any] | None = None, **params: Any) -> ActionExecution:
    return start_action_run(
        project_id=make_caller().project_id,
        name=name,
        namespace="",
        input=input or {},
        params=params,
        description="",
    )


@pytest.fixture
def adhoc() -> None:
    create_actions(caller=make_caller(), text=ADHOC, namespace="", scope="private")


def is_stored(action: ActionExecution) -> bool:
    return ActionExecution.objects.filter(id=action.id).exists()


# --- what a request runs


@pytest.mark.parametrize("params", [{}, {"run_sync": True}])
def test_an_ordinary_action_runs_in_the_request_and_is_not_stored(params: dict[str, bool]) -> None:
    action = run("std.echo", {"output": "hi"}, **params)
    assert (action.state, action.output) == ("SUCCESS", {"result": "hi"})
    assert not is_stored(action)


def test_a_run_in_the_request_is_stored_if_that_is_asked_for(rung: list[Work]) -> None:
    action = run("std.echo", {"output": "hi"}, run_sync=True, save_result=True)
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": "hi"})
    assert action.is_accepted
    assert rung == []


def test_a_run_to_be_stored_goes_to_a_worker(rung: list[Work]) -> None:
    action = run("std.echo", {"output": "hi"}, save_result=True, target="depot", timeout=7)
    assert is_stored(action)
    assert (action.state, action.output, action.is_accepted) == ("RUNNING", None, False)
    assert (action.timeout, action.dispatched_at is not None) == (7.0, True)
    assert rung == [Work(actions=(ReadyAction(action.id, None, "depot"),))]
    take_turn(action.id)
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": "hi"})
    assert (action.is_accepted, action.is_handled) == (True, True)


@pytest.mark.parametrize("params", [{}, {"save_result": True}])
def test_an_asynchronous_action_is_always_stored_and_started(
    params: dict[str, bool], rung: list[Work]
) -> None:
    action = run("std.async_noop", **params)
    assert is_stored(action)
    assert action.state == "RUNNING"
    assert rung == [Work(actions=(ReadyAction(action.id, None, ""),))]
    take_turn(action.id)
    action.refresh_from_db()
    assert (action.state, action.process_id) == ("RUNNING", None)


def test_an_asynchronous_action_cannot_run_within_the_request() -> None:
    with pytest.raises(RequestInvalid, match=r"^Action does not support synchronous execution\.$"):
        run("std.async_noop", run_sync=True)


def test_a_failing_action_is_an_error_of_the_run() -> None:
    action = run("std.fail")
    assert action.state == "ERROR"
    assert "Fail action expected exception" in action.output["result"]


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ActionUnknown, match=r"action_name=std\.nothing"):
        run("std.nothing")


def test_a_wrong_input_is_refused_before_the_rest_is_looked_at() -> None:
    with pytest.raises(ActionInputInvalid, match="unexpected=\\['size'\\]"):
        run("std.async_noop", {"size": 1}, run_sync=True)


@pytest.mark.parametrize("timeout", ["soon", True, -1, float("nan"), 1e300])
def test_a_timeout_that_is_no_time_is_refused(timeout: object) -> None:
    with pytest.raises(RequestInvalid, match="timeout"):
        run("std.echo", {"output": 1}, timeout=timeout)


def test_a_run_that_takes_too_long_is_answered_in_time() -> None:
    started = time.monotonic()
    action = run("std.sleep", {"seconds": 1}, timeout=0.2)
    assert time.monotonic() - started < 0.9
    assert (action.state, action.output) == ("ERROR", {"result": "Timeout after 0.2 seconds"})


def test_an_input_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(RequestInvalid, match=r"U\+0000"):
        run("std.echo", {"output": "a\0b"}, save_result=True)


@pytest.mark.usefixtures("adhoc")
def test_an_action_made_from_another_runs_with_its_defaults_and_its_output() -> None:
    action = run("greet", {"name": "Ann"}, run_sync=True, save_result=True)
    assert (action.name, action.base_name) == ("greet", "std.echo")
    assert action.input == {"name": "Ann"}
    assert action.output == {"result": {"said": "Hello, Ann"}}


# --- results from outside


@pytest.mark.parametrize(
    ("state", "output", "has_output", "stored"),
    [
        (State.SUCCESS, {"answer": 42}, True, {"answer": 42}),
        (State.SUCCESS, None, True, None),
        (State.SUCCESS, None, False, {}),
        (State.ERROR, {"why": "no"}, True, {"why": "no"}),
        (State.ERROR, None, False, "Unknown error"),
        (State.CANCELLED, {"ignored": 1}, True, None),
    ],
)
def test_a_result_is_stored_as_it_was_sent(
    state: State, output: Any, has_output: bool, stored: Any
) -> None:
    action = run("std.async_noop")
    complete_action(action.id, state=state, output=output, has_output=has_output)
    action.refresh_from_db()
    assert (action.state, action.output) == (state, {"result": stored})
    assert action.is_accepted
    assert action.finished_at is not None


def test_the_first_result_counts() -> None:
    action = run("std.async_noop")
    complete_action(action.id, state=State.SUCCESS, output={"first": 1}, has_output=True)
    with pytest.raises(StateChangeNotAllowed, match=f"Action {action.id} is already completed"):
        complete_action(action.id, state=State.ERROR, output={"second": 2}, has_output=True)
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": {"first": 1}})


def test_a_result_of_an_unknown_action_is_refused() -> None:
    unknown: UUID = uuid4()
    with pytest.raises(NotFound, match=f"ActionExecution not found \\[id={unknown}\\]"):
        complete_action(unknown, state=State.SUCCESS, output={}, has_output=True)


def test_a_result_moves_its_execution_on(rung: list[Work]) -> None:
    execution = start(WAITS)
    (action,) = ready_actions(execution.id)
    rung.clear()
    complete_action(action.id, state=State.SUCCESS, output={"n": 1}, has_output=True)
    assert rung == [Work(executions=(execution.id,))]
    advance(execution.id)
    execution.refresh_from_db()
    assert (execution.state, execution.output) == ("SUCCESS", {"got": {"n": 1}})


def test_a_result_may_come_while_the_action_is_paused() -> None:
    (action,) = ready_actions(start(WAITS).id)
    ActionExecution.objects.update(state="PAUSED")
    complete_action(action.id, state=State.SUCCESS, output={}, has_output=True)
    action.refresh_from_db()
    assert action.state == "SUCCESS"


def test_a_result_that_comes_after_the_end_is_kept_and_starts_nothing() -> None:
    execution = start(WAITS)
    (action,) = ready_actions(execution.id)
    change_state(execution.id, State.CANCELLED)
    action.refresh_from_db()
    assert (action.state, action.is_closed) == ("CANCELLED", True)
    complete_action(action.id, state=State.ERROR, output={"late": 1}, has_output=True)
    advance(execution.id)
    action.refresh_from_db()
    execution.refresh_from_db()
    assert (action.state, action.output) == ("ERROR", {"result": {"late": 1}})
    assert (action.is_accepted, execution.state) == (True, "CANCELLED")
    assert "mend" not in states(execution)


@pytest.mark.parametrize("state", [State.SUCCESS, State.ERROR])
def test_a_result_that_cannot_be_stored_is_refused(state: State) -> None:
    action = run("std.async_noop")
    with pytest.raises(RequestInvalid, match=r"U\+0000"):
        complete_action(action.id, state=state, output={"a": "\0"}, has_output=True)
    action.refresh_from_db()
    assert action.state == "RUNNING"


@pytest.mark.usefixtures("adhoc")
def test_the_output_of_an_action_made_from_another_is_computed() -> None:
    action = run("ask")
    complete_action(action.id, state=State.SUCCESS, output={"answer": 41}, has_output=True)
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": 42})


@pytest.mark.usefixtures("adhoc")
def test_an_output_that_cannot_be_computed_is_an_error_of_the_action() -> None:
    execution = start(ASKS)
    (action,) = ready_actions(execution.id)
    complete_action(action.id, state=State.SUCCESS, output={"other": 1}, has_output=True)
    action.refresh_from_db()
    assert action.state == "ERROR"
    assert "$.answer + 1" in action.output["result"]
    advance(execution.id)
    assert states(execution) == {"act": "ERROR", "mend": "SUCCESS"}


# --- deletion


def test_a_completed_run_can_be_deleted() -> None:
    action = run("std.echo", {"output": 1}, run_sync=True, save_result=True)
    delete_action_run(action)
    assert not ActionExecution.objects.exists()


def test_a_run_that_has_not_ended_cannot_be_deleted() -> None:
    with pytest.raises(NotPermitted, match=r"^Only completed action execution can be deleted\."):
        delete_action_run(run("std.async_noop"))


def test_an_action_of_a_task_cannot_be_deleted() -> None:
    (action,) = ready_actions(start(WAITS).id)
    with pytest.raises(NotPermitted, match=r"^Only ad-hoc action execution can be deleted\."):
        delete_action_run(action)


def test_deletion_can_be_switched_off(settings: Any) -> None:
    settings.LEVANTE_ALLOW_ACTION_DELETION = False
    with pytest.raises(NotPermitted, match=r"^Action execution deletion is not allowed\."):
        delete_action_run(run("std.echo", {"output": 1}, run_sync=True, save_result=True))


def test_a_result_from_outside_is_accepted_before_any_advance() -> None:
    execution = start("version: '2.0'\nasks: {tasks: {ask: {action: std.async_noop}}}")
    action = ActionExecution.objects.get(execution=execution)
    complete_action(action.id, state=State.SUCCESS, output={"a": 1}, has_output=True)
    action.refresh_from_db()
    assert action.is_accepted
    assert not action.is_handled


def test_items_completed_from_outside_before_one_advance_end_their_task_once() -> None:
    text = """
version: '2.0'
asks:
  output: {all: <% task(each).result %>}
  tasks:
    each: {with-items: "i in [1, 2]", action: std.async_noop}
"""
    execution = start(text)
    work(execution)
    for action in ActionExecution.objects.filter(execution=execution).order_by("item_index"):
        output: JSONObject = {"item": action.item_index}
        complete_action(action.id, state=State.SUCCESS, output=output, has_output=True)
    advance(execution.id)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS"
    assert execution.output == {"all": [{"item": 0}, {"item": 1}]}
