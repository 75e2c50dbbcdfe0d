"""One execution in memory: the engine's view and the effect of its commands, no database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from workflows.actions.adhoc import resolve_action
from workflows.actions.base import ActionContext, check_input, perform_action
from workflows.engine import commands as c
from workflows.engine.catalogue import Outcome
from workflows.engine.decide import decide
from workflows.engine.events import (
    ActionEnded,
    Event,
    ExecutionStarted,
    InlineActionReady,
    ItemsEnded,
    PauseAsked,
    RerunAsked,
    ResumeAsked,
    SkipAsked,
    TimerDue,
)
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
from workflows.engine.states import FINAL, UNFINISHED, State
from workflows.expressions.reader import NoReader
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.graph import build_graph
from workflows.language.parser import parse_workflows

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class PythonAction:
    """A built-in action as the engine sees it."""

    name: str

    def __post_init__(self) -> None:
        self._resolved = resolve_action(self.name, "", lambda name, namespace: None)
        self.base_name = self.name
        self.is_sync = self._resolved.is_sync
        self.is_adhoc = False
        self.is_safe_rerun = self._resolved.is_safe_rerun

    def route(self, target: str) -> str:
        return self._resolved.route(target)

    def check_input(self, given: Mapping[str, JSONValue]) -> None:
        check_input(self.name, self._resolved.base, given)

    def prepare(self, given: JSONObject, context: object, reader: object) -> JSONObject:
        return given

    def is_inline(self, base_input: JSONObject) -> bool:
        return self._resolved.is_inline(base_input)

    def run_inline(self, action: ActionSnapshot, task_name: str, reader: object) -> Outcome:
        outcome = perform_action(self._resolved.base, ActionContext(str(action.id)), action.input)
        return Outcome(State(outcome.state), outcome.result)


class BuiltInCatalogue:
    """Finds the built-in actions and no workflow."""

    def find_action(self, name: str) -> PythonAction:
        return PythonAction(name)

    def find_workflow(self, name: str) -> None:
        return None


@dataclass
class MemoryExecution:
    """An execution held in memory. It is its own view; `feed` decides and applies."""

    text: str
    input: JSONObject = field(default_factory=dict)
    env: JSONObject = field(default_factory=dict)
    params: JSONObject = field(default_factory=dict)
    steps_at_once: int | None = None

    def __post_init__(self) -> None:
        (self.spec,) = parse_workflows(self.text).workflows.values()
        self.graph = build_graph(self.spec)
        self.reader = NoReader()
        self.tasks: dict[UUID, TaskSnapshot] = {}
        self.actions: dict[UUID, ActionSnapshot] = {}
        self.known_contexts: dict[UUID, BranchContext] = {}
        self.known_arrivals: dict[UUID, dict[str, Arrival]] = {}
        self.timers: dict[tuple[UUID, str], float] = {}
        self.asked: list[c.AskChildren | c.AskChild] = []
        self.lanes: list[c.RingLanes] = []
        self._clock = START
        self._numbers = itertools.count(1)
        self.execution = ExecutionSnapshot(
            id=self.new_id(),
            state=State.RUNNING,
            workflow_name=self.spec.name,
            created_at=START,
            input=self.input,
            params={**self.params, "env": self.env},
            env=self.env,
        )

    # --- driving it

    def start(self) -> MemoryExecution:
        self.feed(ExecutionStarted())
        return self

    def feed(self, *events: Event) -> None:
        """Let events happen, then whatever inline work was cut off."""
        pending: Sequence[Event] = events
        while True:
            self._clock += timedelta(seconds=1)
            decision = decide(
                self,
                pending,
                catalogue=BuiltInCatalogue(),
                new_id=self.new_id,
                clock=self._clock,
                must_stop=self._budget(),
            )
            for command in decision.commands:
                self._apply(command)
            if decision.is_complete:
                return
            pending = [
                InlineActionReady(action)
                for action in self.actions.values()
                if action.is_inline and action.state is State.RUNNING
            ]

    def end_action(self, action: ActionSnapshot, state: State, value: JSONValue = None) -> None:
        """Record a result as a worker or client would, and advance."""
        self._clock += timedelta(seconds=1)
        ended = replace(
            action,
            state=state,
            output={"result": value},
            is_accepted=True,
            is_handled=True,
            finished_at=self._clock,
        )
        self.actions[action.id] = ended
        if self.tasks[action.task_id].items_total is None:
            self.feed(ActionEnded(ended))
        else:
            self.feed(ItemsEnded(action.task_id, state is State.CANCELLED))

    def fire(self, kind: str) -> None:
        """Let the timers of a kind be due."""
        due = [key for key in self.timers if key[1] == kind]
        for key in due:
            del self.timers[key]
            self.feed(TimerDue(*key))

    def pause(self) -> None:
        self.feed(PauseAsked())

    def resume(self) -> None:
        self.feed(ResumeAsked())

    def rerun(self, name: str, *, reset: bool = True) -> None:
        """Rerun the newest run of a task."""
        self.feed(RerunAsked(self.runs_of(name)[-1].id, reset))

    def skip(self, name: str) -> None:
        self.feed(SkipAsked(self.runs_of(name)[-1].id))

    def running(self, name: str | None = None) -> list[ActionSnapshot]:
        """The actions that wait for a result, oldest first."""
        return [
            action
            for action in self.actions.values()
            if action.state in (State.RUNNING, State.IDLE)
            and (name is None or self.tasks[action.task_id].name == name)
        ]

    def states(self) -> dict[str, str]:
        """The state of the newest run of each task."""
        return {task.name: str(task.state) for task in self.all_tasks()}

    def runs_of(self, name: str) -> list[TaskSnapshot]:
        return [task for task in self.tasks.values() if task.name == name]

    def new_id(self) -> UUID:
        return UUID(int=next(self._numbers))

    def _budget(self) -> Callable[[], bool]:
        if self.steps_at_once is None:
            return lambda: False
        steps = itertools.count()
        return lambda: next(steps) >= (self.steps_at_once or 0)

    # --- the view

    def task(self, task_id: UUID) -> TaskSnapshot:
        return self.tasks[task_id]

    def newest_task(self, name: str) -> TaskSnapshot | None:
        found = self.runs_of(name)
        return max(found, key=lambda task: task.created_at) if found else None

    def count_tasks(self, name: str | None = None) -> int:
        return len(self.tasks if name is None else self.runs_of(name))

    def unfinished_tasks(self) -> list[TaskSnapshot]:
        return [task for task in self.tasks.values() if task.state in UNFINISHED]

    def waiting_joins(self) -> list[TaskSnapshot]:
        return [task for task in self.tasks.values() if task.state is State.WAITING]

    def arrivals(self, join_id: UUID) -> list[Arrival]:
        return list(self.known_arrivals.get(join_id, {}).values())

    def has_arrival(self, join_id: UUID, inbound_name: str) -> bool:
        return inbound_name in self.known_arrivals.get(join_id, {})

    def has_unfinished_task(self, *, besides: Collection[UUID], but_waiting: bool = False) -> bool:
        return any(
            task.id not in besides and not (but_waiting and task.state is State.WAITING)
            for task in self.unfinished_tasks()
        )

    def troubled_tasks(self) -> list[TaskSnapshot]:
        return [
            task
            for task in self.tasks.values()
            if task.state is State.CANCELLED
            or (task.state is State.ERROR and not task.is_error_handled)
        ]

    def unprocessed_tasks(self) -> list[TaskSnapshot]:
        return [t for t in self.tasks.values() if t.state in FINAL and not t.is_processed]

    def closed_tasks(self) -> list[TaskSnapshot]:
        return [task for task in self.tasks.values() if task.closed_from]

    def all_tasks(self) -> list[TaskSnapshot]:
        return sorted(self.tasks.values(), key=lambda task: task.created_at)

    def ends_of_branches(self) -> list[EndOfBranch]:
        return [
            EndOfBranch(task.id, task.name, task.out_context_id, task.finished_at or START)
            for task in self.tasks.values()
            if task.state in FINAL and not task.has_followers
        ]

    def contexts(self, context_ids: Collection[UUID]) -> dict[UUID, BranchContext]:
        return {context_id: self.known_contexts[context_id] for context_id in context_ids}

    def results(self, task_id: UUID) -> list[Result]:
        return [
            Result(action.state, action.result, action.item_index)
            for action in self.actions.values()
            if action.task_id == task_id and action.is_accepted
        ]

    def open_actions(self, task_id: UUID) -> list[ActionSnapshot]:
        return [
            action
            for action in self.actions.values()
            if action.task_id == task_id and action.state in UNFINISHED
        ]

    def closed_actions(self, task_id: UUID) -> list[ActionSnapshot]:
        return [a for a in self.actions.values() if a.task_id == task_id and a.is_closed]

    def open_children(self, task_id: UUID) -> list[ChildSnapshot]:
        return []

    def count_open_items(self, task_id: UUID, task_round: int, *, up_to: int) -> int:
        found = [a for a in self.open_actions(task_id) if a.attempt == task_round]
        return min(len(found), up_to)

    def open_targets(self, task_id: UUID) -> list[str]:
        open_now = self.open_actions(task_id)
        return sorted({a.target for a in open_now if not a.is_inline})

    def started_children(self, task_id: UUID, task_round: int) -> set[int]:
        return set()

    # --- the effect of commands

    def _apply(self, command: c.Command) -> None:
        match command:
            case c.ChangeExecution(changes):
                self.execution = replace(self.execution, **changes)
            case c.InsertTask(task):
                keys = {t.unique_key for t in self.tasks.values() if t.unique_key}
                assert task.unique_key not in keys, "a join was made twice"
                self.tasks[task.id] = task
            case c.ChangeTask(task_id, changes):
                self.tasks[task_id] = replace(self.tasks[task_id], **changes)
            case c.InsertArrival(join_id, arrival):
                self.known_arrivals.setdefault(join_id, {})[arrival.inbound_name] = arrival
            case c.DropArrival(join_id, inbound_name):
                self.known_arrivals[join_id].pop(inbound_name, None)
            case c.InsertAction(action):
                self.actions[action.id] = action
            case c.ChangeAction(action_id, changes):
                self.actions[action_id] = replace(
                    self.actions[action_id],
                    **{k: v for k, v in changes.items() if k != "updated_at"},
                )
            case c.InsertContext(context):
                assert context.id is not None
                self.known_contexts[context.id] = context
            case c.SetTimer(task_id, kind, seconds):
                self.timers[task_id, kind] = seconds
            case c.DropTimers(task_id):
                self.timers = {key: s for key, s in self.timers.items() if key[0] != task_id}
            case c.AskChild() | c.AskChildren():
                self.asked.append(command)
            case c.RingLanes():
                self.lanes.append(command)
            case c.RecordHistory():
                pass
            case _:
                self._change_actions(command)

    def _change_actions(self, command: c.Command) -> None:
        for action in list(self.actions.values()):
            if action.task_id == command.task_id:  # type: ignore[union-attr]
                self.actions[action.id] = _changed(action, command)


def _changed(action: ActionSnapshot, command: c.Command) -> ActionSnapshot:
    match command:
        case c.AcceptNothing(_, up_to_round, only_failed):
            is_meant = not only_failed or action.state is not State.SUCCESS
            if is_meant and action.attempt <= up_to_round:
                return replace(action, is_accepted=False)
        case c.DropResults():
            return replace(action, output={"result": None})
        case c.CloseActions(_, only_sync):
            is_open = action.state in (State.RUNNING, State.PAUSED)
            if is_open and (action.is_sync or not only_sync):
                return replace(action, state=State.CANCELLED, is_closed=True, is_handled=True)
        case c.ReopenActions():
            if action.is_closed:
                return replace(action, state=State.RUNNING, is_closed=False, is_handled=False)
        case _:
            raise AssertionError(f"unknown command {command}")
    return action
