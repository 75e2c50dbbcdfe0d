"""A workflow that is started within somebody's transaction exists if and only if that commits."""

from __future__ import annotations

import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from tests.factories import make_caller
from workflows.canvas import Work
from workflows.errors import NotFound, WorkflowInputInvalid
from workflows.models import Project, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.from_django import start_workflow
from workflows.services.operation.sweep import Sweep

pytestmark = pytest.mark.django_db(transaction=True)

PACK = """
version: '2.0'
pack:
  input: [order]
  tasks:
    act: {action: std.sleep seconds=0}
"""


class ChangedMind(Exception):
    """What makes a transaction roll back."""


@pytest.fixture(autouse=True)
def _uploaded(rung: list[Work]) -> None:
    create_workflows(caller=make_caller(), text=PACK)
    rung.clear()


def order(number: int, execution_id: UUID | None = None) -> WorkflowExecution:
    return start_workflow("pack", {"order": number}, project="team", execution_id=execution_id)


def order_and_regret(number: int) -> None:
    order(number)
    raise ChangedMind


def keep_and_regret() -> None:
    with transaction.atomic():
        order(1)
    raise ChangedMind


def orders() -> list[object]:
    rows = WorkflowExecution.objects.values_list("input", flat=True)
    return sorted(row["order"] for row in rows)


def seen_from_outside() -> int:
    """How many executions another connection sees."""
    counts: list[int] = []

    def look() -> None:
        counts.append(WorkflowExecution.objects.count())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return counts[0]


def test_it_exists_and_is_rung_once_the_transaction_commits(rung: list[Work]) -> None:
    with transaction.atomic():
        execution = order(1)
        Project.objects.create(name="the row of the caller")
        assert execution.state == "RUNNING"
        assert seen_from_outside() == 0
        assert rung == []
    assert seen_from_outside() == 1
    assert rung == [Work(executions=(execution.id,))]


def test_it_never_existed_if_the_transaction_is_rolled_back(rung: list[Work]) -> None:
    with pytest.raises(ChangedMind), transaction.atomic():
        order_and_regret(1)
    assert orders() == []
    assert rung == []


def test_a_savepoint_that_is_rolled_back_takes_only_its_own_with_it(rung: list[Work]) -> None:
    with transaction.atomic():
        first = order(1)
        with pytest.raises(ChangedMind), transaction.atomic():
            order_and_regret(2)
        with transaction.atomic():
            third = order(3)
    assert orders() == [1, 3]
    assert rung == [Work(executions=(first.id,)), Work(executions=(third.id,))]


def test_a_kept_savepoint_goes_with_its_transaction(rung: list[Work]) -> None:
    with pytest.raises(ChangedMind), transaction.atomic():
        keep_and_regret()
    assert orders() == []
    assert rung == []


def test_a_savepoint_that_is_set_by_hand_counts_as_well(rung: list[Work]) -> None:
    with transaction.atomic():
        point = transaction.savepoint()
        order(1)
        transaction.savepoint_rollback(point)
        order(2)
    assert orders() == [2]
    for work in list(rung):  # Django does not take back what was to be done after such a savepoint
        advance(work.executions[0])


def test_without_a_transaction_it_starts_at_once(rung: list[Work]) -> None:
    execution = order(1)
    assert rung == [Work(executions=(execution.id,))]


def test_an_id_of_the_callers_own_starts_it_once(rung: list[Work]) -> None:
    own = uuid4()
    with transaction.atomic():
        assert order(1, own).id == own
        assert order(2, own).id == own
    assert orders() == [1]
    assert len(rung) == 1


def test_an_id_that_somebody_else_has_just_taken_leaves_the_transaction_usable() -> None:
    own = uuid4()
    has_begun, may_commit = threading.Event(), threading.Event()

    def start_beside() -> None:
        with transaction.atomic():
            order(1, own)
            has_begun.set()
            may_commit.wait(10)
        connection.close()

    beside = threading.Thread(target=start_beside)
    beside.start()
    assert has_begun.wait(10)
    threading.Timer(0.3, may_commit.set).start()
    with transaction.atomic():
        assert order(2, own).input == {"order": 1}  # waits for the other transaction
        Project.objects.create(name="the row of the caller")
    beside.join()
    assert orders() == [1]
    assert Project.objects.filter(name="the row of the caller").exists()


def test_a_refusal_leaves_the_transaction_usable() -> None:
    with transaction.atomic():
        with pytest.raises(NotFound):
            start_workflow("no such workflow", project="team")
        with pytest.raises(NotFound):
            start_workflow("pack", project="no such project")
        with pytest.raises(WorkflowInputInvalid):
            start_workflow("pack", {"number": 1}, project="team")
        order(1)
    assert orders() == [1]


def test_a_process_that_dies_before_it_rings_loses_nothing(
    rung: list[Work], monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr("workflows.services.executions.executions.ring", lambda work: None)
    settings.LEVANTE_RESEND_SECONDS = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(Sweep, "look_at_broker", lambda self: True)
    with transaction.atomic():
        execution = order(1)
    Sweep().run()
    assert Work(executions=(execution.id,)) in rung
