"""Executions at which somebody is at work are removed whole, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.factories import start
from workflows.models import (
    ActionExecution,
    HistoryEvent,
    NotificationDelivery,
    TaskExecution,
    WorkflowExecution,
)
from workflows.services.advancing.advance import advance, move_on
from workflows.services.advancing.store import lock_execution
from workflows.services.executions.executions import delete_execution
from workflows.services.executions.removal import remove_some
from workflows.services.running.lanes import claim_next

pytestmark = pytest.mark.django_db(transaction=True)

TREE = """
version: '2.0'
root:
  tasks:
    sub: {workflow: middle}
    items: {with-items: i in <% range(3) %>, action: std.sleep seconds=0, concurrency: 1}
middle:
  tasks:
    first: {action: std.sleep seconds=0}
    sub: {workflow: leaf}
leaf:
  tasks:
    act: {action: std.sleep seconds=0}
"""
ALL = (ActionExecution, HistoryEvent, NotificationDelivery, TaskExecution, WorkflowExecution)


def run() -> tuple[WorkflowExecution, WorkflowExecution]:
    """A root execution at work, and its sub-workflow that has not yet made anything."""
    root = start(TREE)
    advance(root.id)
    return root, WorkflowExecution.objects.get(workflow_name="middle")


def beside(do: Callable[[], object]) -> threading.Thread:
    """Do something on another connection, and give it time to come to a lock."""

    def use_own_connection() -> None:
        try:
            do()
        finally:
            connection.close()

    thread = threading.Thread(target=use_own_connection)
    thread.start()
    thread.join(0.5)
    return thread


def test_what_is_made_below_while_the_deletion_waits_goes_as_well() -> None:
    root, middle = run()
    with transaction.atomic():
        locked = lock_execution(middle.id, skip_locked=False)
        assert locked is not None
        move_on(locked)
        thread = beside(lambda: delete_execution(root.id, force=True))
        assert thread.is_alive()
    thread.join(10)
    assert [model for model in ALL if model.objects.exists()] == []


def test_a_row_that_is_changed_while_the_deletion_waits_goes_as_well() -> None:
    root, _ = run()
    with transaction.atomic():
        ActionExecution.objects.filter(execution=root).update(starts=1)
        thread = beside(lambda: delete_execution(root.id, force=True))
        assert thread.is_alive()
    thread.join(10)
    assert [model for model in ALL if model.objects.exists()] == []


def test_what_is_told_while_the_deletion_waits_goes_as_well() -> None:
    root, _ = run()
    now = timezone.now()
    with transaction.atomic():
        NotificationDelivery.objects.create(
            event_id=1, execution=root, position=0, body={}, next_try_at=now, created_at=now
        )
        # Otherwise the reference is checked, and the execution held, only at the commit.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        thread = beside(lambda: delete_execution(root.id, force=True))
        assert thread.is_alive()
    thread.join(10)
    assert [model for model in ALL if model.objects.exists()] == []


def test_a_lane_and_a_deletion_take_their_locks_in_one_order() -> None:
    root, _ = run()
    task = TaskExecution.objects.get(execution=root, name="items")
    with transaction.atomic():
        TaskExecution.objects.select_for_update(no_key=True).get(id=task.id)
        thread = beside(lambda: delete_execution(root.id, force=True))
        assert thread.is_alive()
        # As a lane does that leaves an item to be completed from outside.
        ActionExecution.objects.filter(task=task).update(process_id=uuid4())
    thread.join(10)
    assert claim_next(task.id, "") is None
    assert [model for model in ALL if model.objects.exists()] == []


def test_a_part_of_a_tree_is_not_said_to_be_all() -> None:
    root, _ = run()
    calls = 0
    while True:
        calls += 1
        with transaction.atomic():
            if remove_some([root.id], budget=2):
                break
        assert WorkflowExecution.objects.filter(id=root.id).exists()
    assert calls > 3
    assert [model for model in ALL if model.objects.exists()] == []
