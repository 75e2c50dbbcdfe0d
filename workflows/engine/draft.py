"""The working copy of one execution while a decision is made.

Functions of the engine read and change the draft; nothing is written anywhere. At the end it tells
the commands that make the rows look like it. Look-ups combine what the view holds with what the
decision has changed so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.engine.catalogue import Catalogue
from workflows.engine.commands import (
    ChangeExecution,
    ChangeTask,
    Command,
    DropArrival,
    InsertArrival,
    InsertContext,
    InsertTask,
    RecordHistory,
)
from workflows.engine.events import InlineActionReady, TaskCannotRun, TaskEnds
from workflows.engine.limits import DEFAULT_LIMITS, EngineLimits, cut
from workflows.engine.snapshot import (
    Arrival,
    BranchContext,
    EndOfBranch,
    ExecutionSnapshot,
    Result,
    TaskSnapshot,
    View,
)
from workflows.engine.states import (
    EXECUTION_CHANGES,
    FINAL,
    TASK_CHANGES,
    UNFINISHED,
    State,
    check_change,
)
from workflows.jsontypes import JSONObject
from workflows.language.graph import WorkflowGraph
from workflows.language.specs import TaskSpec, WorkflowSpec

_EMPTY_CONTEXT = BranchContext()
_TICK = timedelta(microseconds=1)
# From this many look-ups of arrivals on, all of a join are read at once.
_SINGLE_LOOKUPS = 3


class Draft:
    """See the module. `new_id` and `clock` are given, so that the same input gives the same end."""

    def __init__(
        self,
        view: View,
        catalogue: Catalogue,
        *,
        new_id: Callable[[], UUID],
        clock: datetime,
        limits: EngineLimits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self.view = view
        self.catalogue = catalogue
        self.new_id = new_id
        self.spec: WorkflowSpec = view.spec
        self.graph: WorkflowGraph = view.graph
        self.execution: ExecutionSnapshot = view.execution
        self.inline: deque[InlineActionReady] = deque()  # may be cut off and stored
        self.following: deque[TaskEnds | TaskCannotRun] = deque()  # has to be dealt with
        self.open_items: dict[UUID, int] = {}  # what this decision adds to the view's count
        self.started_items: dict[tuple[UUID, int], set[int]] = {}  # children, by task and round
        self.must_check_joins = False
        self._now = clock
        self._execution_changes: dict[str, object] = {}
        self._tasks: dict[UUID, TaskSnapshot] = {}
        self._inserted: dict[UUID, None] = {}
        self._task_changes: dict[UUID, dict[str, object]] = {}
        self._newest: dict[str, UUID | None] = {}
        self._visits: dict[str, int] = {}
        self._contexts: dict[UUID, BranchContext] = {}
        self._results: dict[UUID, list[Result]] = {}
        self._arrivals: dict[UUID, dict[str, Arrival]] = {}
        self._arrivals_complete: set[UUID] = set()
        self._arrival_lookups: dict[UUID, int] = {}
        self._commands: list[Command] = []
        self._history: list[Command] = []

    # --- time

    @property
    def now(self) -> datetime:
        """The time of the decision. It moves by a microsecond a row, so that rows keep an order."""
        return self._now

    def tick(self) -> datetime:
        self._now += _TICK
        return self._now

    # --- execution

    @property
    def is_running(self) -> bool:
        return self.execution.state is State.RUNNING

    @property
    def is_over(self) -> bool:
        return self.execution.state in FINAL

    def change_execution(self, **changes: Any) -> None:
        before = self.execution.state
        after = changes.get("state", before)
        self._cut_info(changes)
        if after is not before:
            check_change(EXECUTION_CHANGES, before, after)
            self._history.append(
                RecordHistory(
                    self.execution.workflow_name,
                    before,
                    after,
                    self.now,
                    changes.get("state_info") or "",
                )
            )
            if self.execution.parent_task_id is not None:
                changes["is_handled"] = False
        changes["updated_at"] = self.now
        self.execution = replace(self.execution, **changes)
        self._execution_changes.update(changes)

    def _cut_info(self, changes: dict[str, Any]) -> None:
        if changes.get("state_info"):
            changes["state_info"] = cut(changes["state_info"], self.limits.state_info)

    def note_start(self) -> None:
        """Write down that the execution begins; it was RUNNING from the moment it was accepted."""
        name = self.execution.workflow_name
        self._history.append(RecordHistory(name, "", State.RUNNING, self.now))

    def use_environment(self, env: JSONObject) -> None:
        """Let `env()` answer this from now on."""
        self.execution = replace(self.execution, env=env)

    # --- tasks

    def task(self, task_id: UUID) -> TaskSnapshot:
        found = self._tasks.get(task_id)
        return found if found is not None else self._know(self.view.task(task_id))

    def spec_of(self, task: TaskSnapshot) -> TaskSpec:
        return self.spec.tasks[task.name]

    def newest_task(self, name: str) -> TaskSnapshot | None:
        """The task of this name that was made last, which is read once."""
        if name not in self._newest:
            found = self.view.newest_task(name)
            self._newest[name] = None if found is None else self._know(found).id
        task_id = self._newest[name]
        return None if task_id is None else self.task(task_id)

    def insert_task(self, task: TaskSnapshot) -> TaskSnapshot:
        self._tasks[task.id] = task
        self._inserted[task.id] = None
        self._newest[task.name] = task.id
        if task.name in self._visits:
            self._visits[task.name] += 1
        self._note_task(task, "", task.state)
        return task

    def change_task(self, task: TaskSnapshot, **changes: Any) -> TaskSnapshot:
        """Change columns of a task and give its new form; `task` may be an older form of it."""
        current = self.task(task.id)
        after = changes.get("state", current.state)
        self._cut_info(changes)
        if after is not current.state:
            check_change(TASK_CHANGES, current.state, after)
            self._note_task(task, current.state, after, changes.get("state_info") or "")
        changes["updated_at"] = self.now
        changed = replace(current, **changes)
        self._tasks[task.id] = changed
        if task.id not in self._inserted:
            self._task_changes.setdefault(task.id, {}).update(changes)
        return changed

    def count_visits(self, name: str) -> int:
        """How often a task has run in this execution."""
        if name not in self._visits:
            self._visits[name] = self.view.count_tasks(name) + sum(
                self._tasks[task_id].name == name for task_id in self._inserted
            )
        return self._visits[name]

    def count_tasks(self) -> int:
        """How many tasks this execution has."""
        return self.view.count_tasks() + len(self._inserted)

    def has_unfinished_task(self) -> bool:
        if any(task.state in UNFINISHED for task in self._tasks.values()):
            return True
        return self.view.has_unfinished_task(besides=self._tasks.keys())

    def has_active_task(self) -> bool:
        """Whether any unfinished task is more than a join that waits."""
        if any(
            task.state in UNFINISHED and task.state is not State.WAITING
            for task in self._tasks.values()
        ):
            return True
        return self.view.has_unfinished_task(besides=self._tasks.keys(), but_waiting=True)

    def unfinished_tasks(self) -> list[TaskSnapshot]:
        return self._current(self.view.unfinished_tasks(), lambda task: task.state in UNFINISHED)

    def waiting_joins(self) -> list[TaskSnapshot]:
        if not self.graph.joins:
            return []
        return self._current(self.view.waiting_joins(), lambda task: task.state is State.WAITING)

    def troubled_tasks(self) -> list[TaskSnapshot]:
        return self._current(
            self.view.troubled_tasks(),
            lambda task: (
                task.state is State.CANCELLED
                or (task.state is State.ERROR and not task.is_error_handled)
            ),
        )

    def unprocessed_tasks(self) -> list[TaskSnapshot]:
        found = self._current(
            self.view.unprocessed_tasks(),
            lambda task: task.state in FINAL and not task.is_processed,
        )
        return sorted(found, key=lambda task: task.finished_at or task.created_at)

    def closed_tasks(self) -> list[TaskSnapshot]:
        return self._current(self.view.closed_tasks(), lambda task: bool(task.closed_from))

    def all_tasks(self) -> list[TaskSnapshot]:
        found = self._current(self.view.all_tasks(), lambda task: True)
        return sorted(found, key=lambda task: task.created_at)

    def ends_of_branches(self) -> list[EndOfBranch]:
        ends = [end for end in self.view.ends_of_branches() if end.task_id not in self._tasks]
        ends += [
            EndOfBranch(task.id, task.name, task.out_context_id, task.finished_at or self.now)
            for task in self._tasks.values()
            if task.state in FINAL and not task.has_followers
        ]
        return sorted(ends, key=lambda end: end.finished_at)

    def _know(self, task: TaskSnapshot) -> TaskSnapshot:
        return self._tasks.setdefault(task.id, task)

    def _current(
        self, found: Iterable[TaskSnapshot], wanted: Callable[[TaskSnapshot], bool]
    ) -> list[TaskSnapshot]:
        current = {task.id: self._tasks.get(task.id, task) for task in found}
        current.update(self._tasks)
        return [task for task in current.values() if wanted(task)]

    # --- arrivals at joins

    def has_arrival(self, join: TaskSnapshot, inbound_name: str) -> bool:
        known = self._arrivals.get(join.id, {})
        if inbound_name in known:
            return True
        if join.id in self._inserted or join.id in self._arrivals_complete:
            return False
        lookups = self._arrival_lookups.get(join.id, 0) + 1
        self._arrival_lookups[join.id] = lookups
        if lookups > _SINGLE_LOOKUPS:
            return inbound_name in self._all_arrivals(join)
        return self.view.has_arrival(join.id, inbound_name)

    def arrivals(self, join: TaskSnapshot) -> list[Arrival]:
        return list(self._all_arrivals(join).values())

    def add_arrival(self, join: TaskSnapshot, arrival: Arrival) -> TaskSnapshot:
        """Note an arrival; one of the same inbound task is replaced and does not count again."""
        is_new = not self.has_arrival(join, arrival.inbound_name)
        self._arrivals.setdefault(join.id, {})[arrival.inbound_name] = arrival
        self._commands.append(InsertArrival(join.id, arrival))
        return self.change_task(join, arrived=self.task(join.id).arrived + 1) if is_new else join

    def drop_arrival(self, join: TaskSnapshot, inbound_name: str) -> None:
        if self.has_arrival(join, inbound_name):
            self._all_arrivals(join).pop(inbound_name, None)
            self._commands.append(DropArrival(join.id, inbound_name))
            self.change_task(join, arrived=self.task(join.id).arrived - 1)

    def _all_arrivals(self, join: TaskSnapshot) -> dict[str, Arrival]:
        known = self._arrivals.setdefault(join.id, {})
        if join.id not in self._inserted and join.id not in self._arrivals_complete:
            for arrival in self.view.arrivals(join.id):
                known.setdefault(arrival.inbound_name, arrival)
            self._arrivals_complete.add(join.id)
        return known

    # --- contexts and results

    def context(self, context_id: UUID | None) -> BranchContext:
        return _EMPTY_CONTEXT if context_id is None else self.contexts([context_id])[0]

    def contexts(self, context_ids: Iterable[UUID]) -> list[BranchContext]:
        """The contexts of these ids, in their order."""
        wanted = list(context_ids)
        missing = {context_id for context_id in wanted if context_id not in self._contexts}
        if missing:
            self._contexts.update(self.view.contexts(missing))
        return [self._contexts[context_id] for context_id in wanted]

    def insert_context(self, command: InsertContext) -> UUID:
        context_id = command.context.id
        assert context_id is not None
        self._contexts[context_id] = command.context
        self._commands.append(command)
        return context_id

    def results(self, task: TaskSnapshot) -> list[Result]:
        """The accepted results of a task, by item."""
        known = self._results.get(task.id)
        if known is None:
            is_new = task.id in self._inserted
            known = [] if is_new else list(self.view.results(task.id))
            self._results[task.id] = known
        return known

    def count_open_items(self, task: TaskSnapshot) -> int:
        """How many items of this round have not ended; exact only near 0."""
        here = self.open_items.get(task.id, 0)
        if task.id in self._inserted:
            return here
        return here + self.view.count_open_items(task.id, task.round, up_to=1 - min(here, 0))

    def set_results(self, task: TaskSnapshot, results: list[Result]) -> None:
        self._results[task.id] = results

    # --- the outcome

    def do(self, command: Command) -> None:
        self._commands.append(command)

    def commands(self) -> tuple[Command, ...]:
        """Everything that has to be written, parents before what refers to them."""
        commands: list[Command] = []
        if self._execution_changes:
            commands.append(ChangeExecution(self._execution_changes))
        commands += [InsertTask(self._tasks[task_id]) for task_id in self._inserted]
        commands += [ChangeTask(task_id, done) for task_id, done in self._task_changes.items()]
        return (*commands, *self._commands, *self._history)

    def _note_task(self, task: TaskSnapshot, before: str, after: str, reason: str = "") -> None:
        self._history.append(
            RecordHistory(task.name, before, after, self.now, reason, task_id=task.id)
        )
