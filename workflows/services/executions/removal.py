"""Executions are removed with all below them, a bounded number of rows at a time.

By statements of our own: a tree may have tens of thousands of rows, which nobody wants to read
before they are deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from workflows.models.statements import execute, fetch_all

_TREE_SQL = """
    WITH RECURSIVE tree (id) AS (
        SELECT id FROM workflow_executions WHERE id = ANY(%s)
        UNION
        SELECT c.id FROM tree
        JOIN task_executions t ON t.execution_id = tree.id
        JOIN workflow_executions c ON c.parent_task_id = t.id)
    SELECT id FROM tree
"""
_SOME = "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT x.ctid FROM {source} LIMIT %s))"
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
    _delete("notification_deliveries", _OF_EXECUTIONS),
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


def remove_some(execution_ids: Sequence[UUID], *, budget: int) -> bool:
    """Delete rows of executions and of all below them; False if more than `budget` are left.

    The caller holds the executions and has seen that they may go. Until all is deleted they are
    there with less and less below them.
    """
    tree = [row[0] for row in fetch_all(_TREE_SQL, [list(execution_ids)])]
    left = budget
    for sql in _STATEMENTS:
        left -= execute(sql, [tree, left])
        if left <= 0:
            return False
    while True:
        deleted = 0
        for sql in (_FREE_TASKS, _FREE_EXECUTIONS):
            count = execute(sql, [tree, left])
            left -= count
            deleted += count
            if left <= 0:
                return False
        if deleted == 0:
            return True
