"""What the engine asks about an execution, answered from the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from workflows.engine.snapshot import (
    ActionSnapshot,
    Arrival,
    BranchContext,
    ChildSnapshot,
    EndOfBranch,
    ExecutionSnapshot,
    Result,
    TaskSnapshot,
)
from workflows.engine.states import State
from workflows.expressions.reader import Reader
from workflows.language.graph import WorkflowGraph
from workflows.language.specs import WorkflowSpec
from workflows.models.statements import FINAL_LIST, OPEN_LIST, fetch_all, fetch_one
from workflows.services.advancing.contexts import load_contexts
from workflows.services.advancing.reader import DatabaseReader

# Each of these texts is asked again and again.
_ask = partial(fetch_all, prepared=True)

TASK_COLUMNS = [field.name for field in fields(TaskSnapshot)]
ACTION_COLUMNS = [field.name for field in fields(ActionSnapshot)]
_TASK_SQL = ", ".join(TASK_COLUMNS)
_ACTION_SQL = ", ".join(ACTION_COLUMNS)
_TASK_STATE = TASK_COLUMNS.index("state")
_ACTION_STATE = ACTION_COLUMNS.index("state")


class DatabaseView:
    """The look-ups of a decision, answered from the database. See `engine.snapshot.View`."""

    def __init__(
        self,
        execution: ExecutionSnapshot,
        spec: WorkflowSpec,
        graph: WorkflowGraph,
        project_id: UUID,
    ) -> None:
        self.execution = execution
        self.spec = spec
        self.graph = graph
        self._project_id = project_id
        self._tasks: dict[UUID, TaskSnapshot] = {}
        # One that is open and no join that waits, if the caller has seen any.
        self.busy_task: UUID | None = None

    @cached_property
    def reader(self) -> Reader:
        return DatabaseReader(self._project_id)

    def prefetch(self, task_ids: Collection[UUID]) -> None:
        """Read tasks that the decision is going to need, all at once."""
        missing = [task_id for task_id in task_ids if task_id not in self._tasks]
        if missing:
            self.keep(self._select("id = ANY(%s)", [missing]))

    def keep(self, tasks: Iterable[TaskSnapshot]) -> None:
        """Take over tasks that were read since the execution is held."""
        self._tasks.update((task.id, task) for task in tasks)

    def task(self, task_id: UUID) -> TaskSnapshot:
        self.prefetch([task_id])
        return self._tasks[task_id]

    def newest_task(self, name: str) -> TaskSnapshot | None:
        found = self._of_execution("name = %s ORDER BY created_at DESC LIMIT 1", [name])
        return found[0] if found else None

    def count_tasks(self, name: str | None = None) -> int:
        sql = "SELECT count(*) FROM task_executions WHERE execution_id = %s"
        values: list[object] = [self.execution.id]
        if name is not None:
            sql += " AND name = %s"
            values.append(name)
        return int(fetch_one(sql, values, prepared=True)[0])

    def unfinished_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(f"state IN {OPEN_LIST}", [])

    def waiting_joins(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(
            f"state IN {OPEN_LIST} AND state = 'WAITING' AND name = ANY(%s)",
            [list(self.graph.joins)],
        )

    def arrivals(self, join_id: UUID) -> Sequence[Arrival]:
        rows = _ask(
            "SELECT inbound_name, inbound_task_id, event, context_id, ended_at"
            " FROM join_arrivals WHERE join_id = %s",
            [join_id],
        )
        return [Arrival(*row) for row in rows]

    def has_arrival(self, join_id: UUID, inbound_name: str) -> bool:
        return bool(
            _ask(
                "SELECT 1 FROM join_arrivals WHERE join_id = %s AND inbound_name = %s",
                [join_id, inbound_name],
            )
        )

    def has_unfinished_task(self, *, besides: Collection[UUID], but_waiting: bool = False) -> bool:
        if self.busy_task is not None and self.busy_task not in besides:
            return True
        return bool(
            _ask(
                f"SELECT 1 FROM task_executions WHERE execution_id = %s AND state IN {OPEN_LIST}"
                " AND id <> ALL(%s) AND NOT (%s AND state = 'WAITING') LIMIT 1",
                [self.execution.id, list(besides), but_waiting],
            )
        )

    def troubled_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(
            "((state = 'ERROR' AND NOT is_error_handled) OR state = 'CANCELLED')", []
        )

    def unprocessed_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution(f"state IN {FINAL_LIST} AND NOT is_processed", [])

    def closed_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("state = 'CANCELLED' AND closed_from <> ''", [])

    def all_tasks(self) -> Sequence[TaskSnapshot]:
        return self._of_execution("true ORDER BY created_at", [])

    def ends_of_branches(self) -> Sequence[EndOfBranch]:
        rows = _ask(
            "SELECT id, name, out_context_id, coalesce(finished_at, created_at)"
            " FROM task_executions"
            f" WHERE execution_id = %s AND state IN {FINAL_LIST} AND NOT has_followers"
            " ORDER BY finished_at",
            [self.execution.id],
        )
        return [EndOfBranch(*row) for row in rows]

    def contexts(self, context_ids: Collection[UUID]) -> Mapping[UUID, BranchContext]:
        return load_contexts(context_ids)

    def results(self, task_id: UUID) -> Sequence[Result]:
        actions = _ask(
            "SELECT state, output -> 'result', item_index FROM action_executions"
            " WHERE task_id = %s AND is_accepted ORDER BY item_index, created_at",
            [task_id],
        )
        children = _ask(
            "SELECT state, output, item_index FROM workflow_executions"
            " WHERE parent_task_id = %s AND is_accepted ORDER BY item_index, created_at",
            [task_id],
        )
        return [Result(State(state), value, index) for state, value, index in actions + children]

    def open_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]:
        return select_actions(f"task_id = %s AND state IN {OPEN_LIST}", [task_id])

    def closed_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]:
        return select_actions("task_id = %s AND is_closed", [task_id])

    def open_children(self, task_id: UUID) -> Sequence[ChildSnapshot]:
        rows = _ask(
            "SELECT id, parent_task_id, state, item_index, is_accepted FROM workflow_executions"
            f" WHERE parent_task_id = %s AND state IN {OPEN_LIST}",
            [task_id],
        )
        return [ChildSnapshot(row[0], row[1], State(row[2]), row[3], row[4]) for row in rows]

    def count_open_items(self, task_id: UUID, task_round: int, *, up_to: int) -> int:
        # What ended after this advance has collected the ends is open to it, too: the next look
        # finds it, and its result is not among the accepted ones yet.
        rows = _ask(
            "SELECT count(*) FROM ("
            " (SELECT 1 FROM action_executions"
            "  WHERE task_id = %s AND attempt = %s AND NOT is_handled LIMIT %s)"
            " UNION ALL"
            " (SELECT 1 FROM workflow_executions"
            "  WHERE parent_task_id = %s AND round = %s"
            f"    AND (state IN {OPEN_LIST} OR NOT is_handled) LIMIT %s)) AS open",
            [task_id, task_round, up_to, task_id, task_round, up_to],
        )
        return int(rows[0][0])

    def open_targets(self, task_id: UUID) -> Collection[str]:
        rows = _ask(
            "SELECT DISTINCT target FROM action_executions"
            " WHERE task_id = %s AND state IN ('RUNNING', 'IDLE') AND token IS NULL"
            " AND NOT is_handled AND NOT is_inline ORDER BY target",
            [task_id],
        )
        return [row[0] for row in rows]

    def started_children(self, task_id: UUID, task_round: int) -> Collection[int]:
        rows = _ask(
            "SELECT item_index FROM workflow_executions WHERE parent_task_id = %s AND round = %s",
            [task_id, task_round],
        )
        return {row[0] for row in rows}

    def _of_execution(self, condition: str, values: list[Any]) -> list[TaskSnapshot]:
        return self._select(f"execution_id = %s AND {condition}", [self.execution.id, *values])

    def _select(self, condition: str, values: list[Any]) -> list[TaskSnapshot]:
        rows = _ask(f"SELECT {_TASK_SQL} FROM task_executions WHERE {condition}", values)
        return [as_task(row) for row in rows]


def as_task(row: Sequence[Any]) -> TaskSnapshot:
    """Make a task of the values of TASK_COLUMNS."""
    return TaskSnapshot(*_with_state(row, _TASK_STATE))


def select_actions(condition: str, values: list[Any]) -> list[ActionSnapshot]:
    """Read actions by a condition in SQL."""
    rows = _ask(f"SELECT {_ACTION_SQL} FROM action_executions WHERE {condition}", values)
    return [ActionSnapshot(*_with_state(row, _ACTION_STATE)) for row in rows]


def _with_state(row: Sequence[Any], position: int) -> list[Any]:
    """Turn the text at a position into the state it names."""
    values = list(row)
    values[position] = State(values[position])
    return values
