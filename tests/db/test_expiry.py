"""Old executions are deleted by age and by number, with all below them and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey
from django.utils import timezone

from tests.factories import make_caller, start, work
from workflows.models import (
    ActionExecution,
    ContextNode,
    HistoryEvent,
    JoinArrival,
    NotificationDelivery,
    Tally,
    TaskExecution,
    Timer,
    WorkflowExecution,
)
from workflows.services.advancing.advance import advance
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions import expiry, removal
from workflows.services.executions.executions import delete_execution, start_execution
from workflows.services.executions.expiry import Expiry

pytestmark = pytest.mark.django_db

TEXT = """
version: '2.0'
tree:
  tasks:
    each: {with-items: i in <% range(3) %>, workflow: leaf, on-success: meet}
    side: {action: std.sleep seconds=0, timeout: 100, publish: {a: 1}, on-success: meet}
    meet: {join: all, action: std.noop}
leaf:
  tasks:
    act: {action: std.sleep seconds=0}
"""
OF_EXECUTIONS = (
    ActionExecution,
    ContextNode,
    HistoryEvent,
    JoinArrival,
    NotificationDelivery,
    TaskExecution,
    Timer,
    WorkflowExecution,
)


def run_tree(*, days_ago: float = 0.0, state: str = "SUCCESS") -> WorkflowExecution:
    """An execution with three sub-workflows that ended so many days ago."""
    caller = make_caller()
    if not WorkflowExecution.objects.exists():
        create_workflows(caller=caller, text=TEXT, namespace="", scope="private")
    execution = start_execution(project_id=caller.project_id, workflow="tree", input={}, params={})
    advance(execution.id)
    children = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
    for child in children:
        advance(child.id)
        work(child)
    work(execution)
    assert execution.state == "SUCCESS"
    WorkflowExecution.objects.filter(id=execution.id).update(
        finished_at=timezone.now() - timedelta(days=days_ago), state=state
    )
    return execution


def roots() -> set[Any]:
    found = WorkflowExecution.objects.filter(parent_task=None)
    return set(found.values_list("id", flat=True))


def test_by_default_everything_is_kept() -> None:
    execution = run_tree(days_ago=10_000)
    assert Expiry().expire_executions() == 0
    assert roots() == {execution.id}


def test_what_ended_too_long_ago_goes_with_all_below_it(
    settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.LEVANTE_KEEP_DAYS = 7
    old = run_tree(days_ago=8)
    running = start(TEXT.replace("tree:", "other:").replace("leaf", "twig"))
    new = run_tree(days_ago=6)
    counts = {model: model.objects.count() for model in OF_EXECUTIONS}
    with django_capture_on_commit_callbacks(execute=True):
        assert Expiry().expire_executions() == 1
    assert roots() == {running.id, new.id}
    left = {model: model.objects.count() for model in OF_EXECUTIONS}
    assert left[WorkflowExecution] == counts[WorkflowExecution] - 4
    assert not TaskExecution.objects.filter(execution__in=[old.id]).exists()
    delete_execution(new.id, force=False)
    delete_execution(running.id, force=True)
    assert all(not model.objects.exists() for model in OF_EXECUTIONS)
    assert Tally.objects.get(name="expired_executions").value == 1


def test_of_too_many_the_oldest_go(settings: Any) -> None:
    settings.LEVANTE_KEEP_EXECUTIONS = 2
    executions = [run_tree(days_ago=days) for days in (4, 1, 3, 2)]
    assert Expiry().expire_executions() == 2
    assert roots() == {executions[1].id, executions[3].id}
    assert Expiry().expire_executions() == 0


def test_spared_states_stay_and_are_not_counted(settings: Any) -> None:
    settings.LEVANTE_KEEP_DAYS, settings.LEVANTE_KEEP_EXECUTIONS = 7, 1
    settings.LEVANTE_EXPIRE_SPARED = ["error"]
    failed = run_tree(days_ago=100, state="ERROR")
    newest, _older = run_tree(days_ago=1), run_tree(days_ago=2)
    assert Expiry().expire_executions() == 1
    assert roots() == {failed.id, newest.id}


def test_a_large_tree_goes_in_pieces(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LEVANTE_KEEP_DAYS, settings.LEVANTE_EXPIRE_BATCH = 7, 1
    monkeypatch.setattr(expiry, "_ROWS_AT_ONCE", 3)
    for _ in range(2):
        run_tree(days_ago=8)
    sizes: list[int] = []
    remove = removal.execute

    def watched(sql: str, values: Any) -> int:
        sizes.append(remove(sql, values))
        return sizes[-1]

    monkeypatch.setattr(removal, "execute", watched)
    monkeypatch.setattr(expiry, "_SECONDS_AT_ONCE", 60)
    assert Expiry().expire_executions() == 2
    assert max(sizes) <= 3
    assert all(not model.objects.exists() for model in OF_EXECUTIONS)


def test_a_slow_transaction_makes_the_next_ones_smaller(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it many executions or a single large one, whose rows are what takes the time."""
    settings.LEVANTE_KEEP_DAYS, settings.LEVANTE_EXPIRE_BATCH = 7, 40
    asked: list[tuple[int, int]] = []

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()

    def remove(_limit: Any, batch: int, rows: int) -> tuple[int, bool]:
        asked.append((batch, rows))
        clock.now += 0.06 if len(asked) > 2 else 0.01
        return 0, len(asked) == 5

    monkeypatch.setattr(expiry, "time", clock)
    monkeypatch.setattr(expiry, "expire_some", remove)
    Expiry().expire_executions()
    assert asked == [(4, 200), (5, 250), (6, 312), (3, 156), (1, 78)]


def test_it_looks_again_only_after_a_while(settings: Any, django_assert_num_queries: Any) -> None:
    settings.LEVANTE_KEEP_DAYS = 7
    one = Expiry()
    one.expire_executions()
    run_tree(days_ago=8)
    with django_assert_num_queries(0):
        assert one.expire_executions() == 0


def test_every_table_that_belongs_to_executions_is_known() -> None:
    """A new table would keep its rows, and the database would refuse to delete the others."""
    owners = {WorkflowExecution, TaskExecution, ActionExecution, JoinArrival, ContextNode}
    found = {
        model
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model in owners
    }
    assert found == set(OF_EXECUTIONS)
