"""Celery tasks of other code: what is sent, how an end comes back, and when they are revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from tests.factories import make_caller, ready_actions, start, states, work
from workflows.actions.base import parameters
from workflows.actions.registry import find_action, list_actions, summarize_input
from workflows.canvas import ReadyAction, Work, build
from workflows.models import ActionExecution, CeleryRun, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state
from workflows.services.running.action_runs import start_action_run
from workflows.services.running.celery_runs import follow_runs, take_failure, take_result
from workflows.services.running.turn import take_turn
from workflows.tasks import celery_failed, celery_succeeded

pytestmark = pytest.mark.django_db

PACKS = """
version: '2.0'
pack:
  output: {got: <% task(act).result %>}
  tasks:
    act: {action: celery.shop.pack, input: {order: 7}, on-error: mend}
    mend: {action: std.noop}
"""


class Sent(list[dict[str, Any]]):
    """What would have gone to the broker."""

    error: Exception | None = None

    def send(self, name: str, **options: Any) -> None:
        if self.error is not None:
            raise self.error
        self.append({"name": name, **options})


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Sent:
    settings.LEVANTE_CELERY_TASKS = ["shop.*", "shop.pack"]
    sent = Sent()
    monkeypatch.setattr(current_app._get_current_object(), "send_task", sent.send)
    return sent


@pytest.fixture(autouse=True)
def revoked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool]]:
    asked: list[tuple[list[str], bool]] = []
    monkeypatch.setattr(
        current_app.control, "revoke", lambda ids, terminate: asked.append((ids, terminate))
    )
    return asked


@pytest.fixture
def results() -> Iterator[Any]:
    """Celery's results; what a test puts there is forgotten after it."""
    backend = current_app.backend
    yield backend
    for run in CeleryRun.objects.all():
        backend.delete(backend.get_key_for_task(str(run.id)))


def begin(text: str = PACKS) -> tuple[WorkflowExecution, ActionExecution, UUID]:
    """Start an execution and hand its action on; gives the token of the attempt, too."""
    execution = start(text)
    (action,) = ready_actions(execution.id)
    take_turn(action.id, execution.id, action.target)
    action.refresh_from_db()
    assert action.token is not None
    return execution, action, action.token


def end(execution: WorkflowExecution) -> WorkflowExecution:
    advance(execution.id)
    return work(execution)


def make_due(**changes: Any) -> None:
    row = CeleryRun.objects.get()
    CeleryRun.objects.update(look_at=row.look_at - timedelta(days=1), **changes)


# --- what there is


def test_nothing_is_an_action_until_the_operator_lists_it(settings: Any) -> None:
    settings.LEVANTE_CELERY_TASKS = []
    assert find_action("celery.shop.pack") is None


def test_a_task_whose_code_is_elsewhere_takes_any_input_if_it_is_listed_by_name() -> None:
    action = find_action("celery.shop.pack")
    assert action is not None
    assert not action.is_sync
    assert parameters(action) == ()
    assert "celery.shop.pack" in [one.name for one in list_actions()]
    assert find_action("celery.shop.other") is None  # only a pattern fits, and nobody knows it


def test_a_registered_task_shows_its_parameters_and_its_docstring() -> None:
    @current_app.task(name="shop.weigh", bind=True, shared=False)
    def weigh(self: Any, order: int, unit: str = "kg") -> int:
        """Weighs an order."""
        return order

    try:
        action = find_action("celery.shop.weigh")
        assert action is not None
        assert summarize_input(parameters(action)) == 'order, unit="kg"'
        (listed,) = [one for one in list_actions() if one.name == "celery.shop.weigh"]
        assert (listed.description, listed.input) == ("Weighs an order.", 'order, unit="kg"')
    finally:
        current_app.tasks.pop("shop.weigh")


@pytest.mark.parametrize("name", ["celery.workflows.sweep", "celery.celery.backend_cleanup"])
def test_jobs_of_the_service_and_of_celery_are_never_actions(settings: Any, name: str) -> None:
    settings.LEVANTE_CELERY_TASKS = ["*", name.removeprefix("celery.")]
    assert find_action(name) is None


# --- what is sent


def test_the_task_is_sent_once_with_its_input_and_where_to_answer(sent: Sent) -> None:
    _, action, token = begin()
    take_turn(action.id)
    (message,) = sent
    assert (message["name"], message["kwargs"]) == ("shop.pack", {"order": 7})
    assert (message["task_id"], message["queue"]) == (str(token), "celery")
    assert message["link"].kwargs == {"action_id": str(action.id), "token": str(token)}
    assert (message["link"].task, message["link_error"].task) == (
        celery_succeeded.name,
        celery_failed.name,
    )
    assert (action.state, action.process_id) == ("RUNNING", None)


def test_a_target_names_the_queue_of_the_task_and_our_usual_workers_hand_it_on(
    sent: Sent, settings: Any
) -> None:
    settings.LEVANTE_CELERY_QUEUE = "shop"
    text = PACKS.replace("on-error", "target: express, on-error")
    _, action, _ = begin(text)
    (signature,) = build(Work(actions=(ReadyAction(action.id, None, action.target),)))
    assert signature.options["queue"] == "actions"
    assert sent[0]["queue"] == "express"


def test_the_routes_of_celery_name_the_queue(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        current_app.amqp.router, "routes", [lambda *asked, **more: {"queue": "routed"}]
    )
    begin()
    assert sent[0]["queue"] == "routed"


def test_a_task_may_be_for_one_project_alone(sent: Sent, settings: Any) -> None:
    own = make_caller().project_id
    settings.LEVANTE_CELERY_TASKS = [f"shop.pack@{own}"]
    begin()
    assert len(sent) == 1
    settings.LEVANTE_CELERY_TASKS = ["shop.pack@11111111-1111-1111-1111-111111111111"]
    execution, action, _ = begin(PACKS.replace("pack:", "other:", 1))
    assert states(end(execution)) == {"act": "ERROR", "mend": "SUCCESS"}
    action.refresh_from_db()
    assert "This project may not run the Celery task" in action.output["result"]
    assert len(sent) == 1


def test_a_broker_that_is_away_is_an_error_of_the_action(sent: Sent) -> None:
    sent.error = OperationalError("away")
    execution, action, _ = begin()
    assert states(end(execution)) == {"act": "ERROR", "mend": "SUCCESS"}
    assert action.output == {"result": "The broker could not be reached; the task was not sent."}
    assert follow_runs() == 1  # revoked, should it have been sent after all


# --- how an end comes back


def test_the_answer_completes_the_action() -> None:
    execution, action, token = begin()
    celery_succeeded({"box": 3}, action_id=str(action.id), token=str(token))
    execution = end(execution)
    assert (execution.state, execution.output) == ("SUCCESS", {"got": {"box": 3}})
    assert not CeleryRun.objects.exists()


def test_an_answer_that_comes_again_or_late_or_from_nowhere_changes_nothing() -> None:
    execution, action, token = begin()
    take_result(action.id, UUID(int=1), "forged")
    take_result(action.id, token, 1)
    take_result(action.id, token, 2)
    take_failure(action.id, token)
    take_result(UUID(int=2), token, 3)
    assert end(execution).output == {"got": 1}


def test_a_result_that_cannot_be_stored_is_an_error_that_says_why(settings: Any) -> None:
    settings.LEVANTE_MAX_FIELD_BYTES = 1_000
    execution, action, token = begin()
    take_result(action.id, token, "x" * 2_000)
    assert states(end(execution)) == {"act": "ERROR", "mend": "SUCCESS"}
    action.refresh_from_db()
    assert action.output == {"result": "Field size limit exceeded"}


def test_a_failure_says_what_celery_knows_of_it(results: Any) -> None:
    execution, action, token = begin()
    results.store_result(str(token), ValueError("no box", 4), "FAILURE")
    celery_failed(action_id=str(action.id), token=str(token))
    assert states(end(execution)) == {"act": "ERROR", "mend": "SUCCESS"}
    action.refresh_from_db()
    assert action.output == {"result": "ValueError: no box, 4"}


def test_a_failure_that_celery_does_not_keep_is_one_all_the_same() -> None:
    _, action, token = begin()
    take_failure(action.id, token)
    action.refresh_from_db()
    assert (action.state, action.output) == ("ERROR", {"result": "The Celery task failed."})


@pytest.mark.parametrize(
    ("state", "stored", "expected"),
    [
        ("SUCCESS", [1, 2], ("SUCCESS", {"result": [1, 2]})),
        ("FAILURE", KeyError("a"), ("ERROR", {"result": "KeyError: a"})),
        ("REVOKED", None, ("ERROR", {"result": "The Celery task was revoked."})),
        ("STARTED", {"pid": 1}, ("RUNNING", None)),
        ("RETRY", ValueError("later"), ("RUNNING", None)),
    ],
)
def test_an_end_whose_answer_was_lost_is_found(
    results: Any, state: str, stored: Any, expected: tuple[str, Any]
) -> None:
    _, action, token = begin()
    results.store_result(str(token), stored, state)
    assert follow_runs() == 0  # it is not time to look
    make_due()
    follow_runs()
    action.refresh_from_db()
    assert (action.state, action.output) == expected
    assert CeleryRun.objects.exists() is (expected[0] == "RUNNING")


def test_what_celery_has_stored_is_not_imported(results: Any) -> None:
    _, action, token = begin()
    failure = {"exc_type": "system", "exc_message": ["touch /tmp/x"], "exc_module": "os"}
    meta = {"status": "FAILURE", "result": failure, "task_id": str(token)}
    results.set(results.get_key_for_task(str(token)), results.encode(meta))
    take_failure(action.id, token)
    action.refresh_from_db()
    assert action.output == {"result": "system: touch /tmp/x"}


def test_the_gap_between_two_looks_grows() -> None:
    begin()
    gaps = []
    for _ in range(3):
        make_due()
        follow_runs()
        row = CeleryRun.objects.get()
        gaps.append((row.looks, row.look_at))
    assert [looks for looks, _ in gaps] == [1, 2, 3]
    assert gaps[2][1] - gaps[0][1] > timedelta(seconds=14)


def test_a_task_without_a_result_is_given_up_and_revoked(
    revoked: list[tuple[list[str], bool]],
) -> None:
    _, action, token = begin()
    make_due(given_up_at=action.created_at)
    follow_runs()
    action.refresh_from_db()
    assert action.output == {"result": "The Celery task gave no result in time."}
    assert revoked == [([str(token)], False)]


# --- when it is revoked


def test_a_cancelled_execution_revokes_its_task(
    revoked: list[tuple[list[str], bool]], settings: Any
) -> None:
    settings.LEVANTE_CELERY_TERMINATE = True
    execution, _, token = begin()
    change_state(execution.id, "CANCELLED")  # type: ignore[arg-type]
    assert follow_runs() == 1
    assert revoked == [([str(token)], True)]
    assert follow_runs() == 0


def test_a_deleted_execution_revokes_its_task(revoked: list[tuple[list[str], bool]]) -> None:
    execution, _, token = begin()
    execution.delete()
    assert follow_runs() == 1
    assert revoked == [([str(token)], False)]


def test_a_task_that_cannot_be_revoked_now_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    execution, _, _ = begin()
    execution.delete()

    def fail(ids: list[str], terminate: bool) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(current_app.control, "revoke", fail)
    with pytest.raises(OperationalError):
        follow_runs()
    assert CeleryRun.objects.exists()


def test_a_single_run_works_alike() -> None:
    action = start_action_run(
        project_id=make_caller().project_id,
        name="celery.shop.pack",
        namespace="",
        input={"order": 1},
        params={},
        description="",
    )
    take_turn(action.id)
    action.refresh_from_db()
    assert action.token is not None
    take_result(action.id, action.token, "packed")
    action.refresh_from_db()
    assert (action.state, action.output) == ("SUCCESS", {"result": "packed"})
