"""Executions are removed with all below them, a bounded number of rows at a time.

By statements of our own: a tree may have tens of thousands of rows, which nobody wants to read
before they are deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from workflows.models.statements import OPEN_STATES, execute, fetch_all, fetch_one

_TREE_SQL = """
    WITH RECURSIVE tree (id) AS (
        SELECT id FROM workflow_executions WHERE id = ANY(%s)
        UNION
        SELECT c.id FROM tree
        JOIN task_executions t ON t.execution_id = tree.id
        JOIN workflow_executions c ON c.parent_task_id = t.id)
    SELECT id FROM tree
"""
# Whoever makes something below an execution holds it; parents first, as every advance does.
_LOCK_SQL = """
    SELECT 1 FROM workflow_executions WHERE id = ANY(%s) ORDER BY depth, id FOR NO KEY UPDATE
"""
# A lane holds a task with a limit while it waits for an action of it.
_LOCK_LIMITED_SQL = """
    SELECT 1 FROM task_executions
    WHERE execution_id = ANY(%s) AND state = ANY(%s) AND concurrency IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE
"""
_IS_LEFT_SQL = "SELECT EXISTS (SELECT 1 FROM workflow_executions WHERE id = ANY(%s))"
# By id, which stays what it is when somebody changes the row while this waits for it.
_SOME = "DELETE FROM {table} WHERE id = ANY(ARRAY(SELECT x.id FROM {source} LIMIT %s))"
_OF_TASKS = (
    "{table} x JOIN task_executions t ON t.id = x.{column} WHERE t.execution_id = ANY(%s::uuid[])"
)
_OF_EXECUTIONS = "{table} x WHERE x.execution_id = ANY(%s::uuid[])"


def _delete(table: str, source: str, **names: str) -> str:
    return _SOME.format(table=table, source=source.format(table=table, **names))


# In this order nothing is left that names what is gone; tasks go before the execution that they
# belong to and after the sub-workflows that they started, so the last two take turns.
_STATEMENTS: Final = (
    _delete("action_executions", _OF_TASKS, column="task_id"),
    _delete("join_arrivals", _OF_TASKS, column="join_id"),
    _delete("timers", _OF_EXECUTIONS),
    _delete("history_events", _OF_EXECUTIONS),
    _delete("notification_deliveries", _OF_EXECUTIONS),
    _delete("context_nodes", _OF_EXECUTIONS),
)
_FREE_TASKS = _delete(
    "task_executions",
    """{table} x WHERE x.execution_id = ANY(%s::uuid[])
       AND NOT EXISTS (SELECT 1 FROM workflow_executions c WHERE c.parent_task_id = x.id)""",
)
_FREE_EXECUTIONS = _delete(
    "workflow_executions",
    """{table} x WHERE x.id = ANY(%s::uuid[])
       AND NOT EXISTS (SELECT 1 FROM task_executions t WHERE t.execution_id = x.id)""",
)
# Events are told beside the executions.
_TOLD_MEANWHILE = """
    DELETE FROM notification_deliveries d
    WHERE d.execution_id = ANY(%s::uuid[])
      AND NOT EXISTS (SELECT 1 FROM workflow_executions e WHERE e.id = d.execution_id)
"""


def remove_some(execution_ids: Sequence[UUID], *, budget: int) -> bool:
    """Delete rows of executions and of all below them; False if some are left.

    The caller has seen that the executions may go. Until all is deleted they are there with less
    and less below them; no more than `budget` rows go at once.
    """
    tree = _lock_tree(execution_ids)
    left = budget
    for sql in _STATEMENTS:
        left -= execute(sql, [tree, left])
        if left <= 0:
            return False
    count = 1
    while count and left > 0:
        count = execute(_FREE_TASKS, [tree, left])
        left -= count
        if left > 0:
            gone = execute(_FREE_EXECUTIONS, [tree, left])
            left -= gone
            count += gone
    # What was told meanwhile; from now on nobody can name what is gone.
    execute(_TOLD_MEANWHILE, [tree])
    return not fetch_one(_IS_LEFT_SQL, [tree])[0]


def _lock_tree(execution_ids: Sequence[UUID]) -> list[UUID]:
    """Hold executions and all below them, and give their ids.

    Whoever was at one of them may have made a sub-workflow before this got it, so the tree is read
    until all of it is held.
    """
    held: set[UUID] = set()
    while True:
        tree: list[UUID] = [row[0] for row in fetch_all(_TREE_SQL, [list(execution_ids)])]
        new = [one for one in tree if one not in held]
        if not new:
            break
        fetch_all(_LOCK_SQL, [new])
        held.update(new)
    fetch_all(_LOCK_LIMITED_SQL, [tree, OPEN_STATES])
    return tree
