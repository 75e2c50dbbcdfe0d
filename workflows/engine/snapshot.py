"""What the engine knows about one execution: frozen copies of rows, and the look-ups it may make.

The service fills a `View` from the database, tests from memory. Look-ups are narrow, so that a
decision costs what its neighbourhood costs and not what the whole execution has grown to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from workflows.engine.states import State

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from workflows.expressions.reader import Reader
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.graph import WorkflowGraph
    from workflows.language.specs import WorkflowSpec


@dataclass(frozen=True, slots=True)
class ExecutionSnapshot:
    """One run of a workflow. `env` is the root's environment, `params` are its own."""

    id: UUID
    state: State
    workflow_name: str
    created_at: datetime
    workflow_namespace: str = ""
    workbook_name: str = ""
    state_info: str | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    revived_at: datetime | None = None
    is_started: bool = False
    is_handled: bool = True
    depth: int = 0
    parent_task_id: UUID | None = None
    parent_execution_id: UUID | None = None
    root_execution_id: UUID | None = None
    backlog: Sequence[JSONValue] = ()
    input: JSONObject = field(default_factory=dict)
    params: JSONObject = field(default_factory=dict)
    globals: JSONObject = field(default_factory=dict)
    env: JSONObject = field(default_factory=dict)
    output: JSONValue = None

    @property
    def lookup_namespace(self) -> str:
        """Where the names of sub-workflows and actions are looked up first."""
        return str(self.params.get("namespace", self.workflow_namespace))


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """One run of a task; the fields are the columns of the row."""

    id: UUID
    name: str
    created_at: datetime
    type: str = "ACTION"
    state: State = State.RUNNING
    state_info: str | None = None
    tags: Sequence[str] = ()
    updated_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    is_processed: bool = False
    has_followers: bool = False
    is_error_handled: bool = False
    unique_key: str | None = None
    attempt: int = 0
    round: int = 0
    has_paused_before: bool = False
    has_waited_before: bool = False
    has_waited_after: bool = False
    waits_for: str = ""
    closed_from: str = ""
    items_total: int | None = None
    concurrency: int | None = None
    context_id: UUID | None = None
    out_context_id: UUID | None = None
    triggered_by: Sequence[JSONValue] = ()
    arrived: int = 0
    pending: JSONValue = None
    published: JSONObject = field(default_factory=dict)
    published_global: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionSnapshot:
    """One attempt of an action, or one item. `output` is `{"result": value}` once it has ended."""

    id: UUID
    task_id: UUID
    name: str
    created_at: datetime
    namespace: str = ""
    state: State = State.RUNNING
    is_accepted: bool = False
    is_handled: bool = False
    is_sync: bool = True
    is_inline: bool = False
    is_safe_rerun: bool = False
    is_closed: bool = False
    target: str = ""
    timeout: float | None = None
    item_index: int = 0
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    base_name: str = ""
    input: JSONObject = field(default_factory=dict)
    base_input: JSONObject | None = None
    output: JSONValue = None

    @property
    def result(self) -> JSONValue:
        return self.output.get("result") if isinstance(self.output, dict) else None


@dataclass(frozen=True, slots=True)
class ChildSnapshot:
    """A sub-workflow execution as its parent sees it."""

    id: UUID
    task_id: UUID
    state: State
    item_index: int = 0
    is_accepted: bool = False
    output: JSONValue = None

    @property
    def reason(self) -> str | None:
        """Why it did not succeed, as far as its output says."""
        if self.state is State.SUCCESS or not isinstance(self.output, dict):
            return None
        result = self.output.get("result")
        return result if isinstance(result, str) else None


@dataclass(frozen=True, slots=True)
class BranchContext:
    """The branch variables at one point, with the count of publications of each leaf key."""

    id: UUID | None = None
    variables: Mapping[str, JSONValue] = field(default_factory=dict)
    versions: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one item or of a task's only action or child."""

    state: State
    value: JSONValue
    item_index: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """An inbound task that has triggered a join: by which clause, with which variables, when."""

    inbound_name: str
    task_id: UUID
    event: str
    context_id: UUID | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class EndOfBranch:
    """A finished task that led nowhere: its context belongs to the final one."""

    task_id: UUID
    name: str
    context_id: UUID | None
    finished_at: datetime


class View(Protocol):
    """The look-ups a decision may make. Answers are as of the start of the decision."""

    @property
    def execution(self) -> ExecutionSnapshot: ...

    @property
    def spec(self) -> WorkflowSpec: ...

    @property
    def graph(self) -> WorkflowGraph: ...

    @property
    def reader(self) -> Reader:
        """Answers the expression functions about other executions."""
        ...

    def task(self, task_id: UUID) -> TaskSnapshot: ...

    def newest_task(self, name: str) -> TaskSnapshot | None: ...

    def count_tasks(self, name: str | None = None) -> int:
        """How many tasks there are in the execution, all or those of a name."""

    def unfinished_tasks(self) -> Sequence[TaskSnapshot]: ...

    def waiting_joins(self) -> Sequence[TaskSnapshot]: ...

    def arrivals(self, join_id: UUID) -> Sequence[Arrival]: ...

    def has_arrival(self, join_id: UUID, inbound_name: str) -> bool: ...

    def has_unfinished_task(self, *, besides: Collection[UUID], but_waiting: bool = False) -> bool:
        """Whether there is one that is not in `besides`; with `but_waiting`, not WAITING either."""
        ...

    def troubled_tasks(self) -> Sequence[TaskSnapshot]:
        """Tasks in CANCELLED, and in ERROR that nothing has handled."""
        ...

    def unprocessed_tasks(self) -> Sequence[TaskSnapshot]:
        """Ended tasks whose transitions were not followed, by the time of their end."""
        ...

    def closed_tasks(self) -> Sequence[TaskSnapshot]: ...

    def all_tasks(self) -> Sequence[TaskSnapshot]: ...

    def ends_of_branches(self) -> Sequence[EndOfBranch]:
        """By the time of their end."""
        ...

    def contexts(self, context_ids: Collection[UUID]) -> Mapping[UUID, BranchContext]: ...

    def results(self, task_id: UUID) -> Sequence[Result]:
        """The accepted results of a task by item, of actions and children alike."""
        ...

    def open_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]: ...

    def closed_actions(self, task_id: UUID) -> Sequence[ActionSnapshot]: ...

    def open_children(self, task_id: UUID) -> Sequence[ChildSnapshot]: ...

    def count_open_items(self, task_id: UUID, task_round: int, *, up_to: int) -> int:
        """Items of this round, actions and children, that have not ended; counts no further."""
        ...

    def open_targets(self, task_id: UUID) -> Collection[str]:
        """The targets of the items that no worker has taken yet."""
        ...

    def started_children(self, task_id: UUID, task_round: int) -> Collection[int]:
        """Item indexes that have a child of this round."""
        ...
