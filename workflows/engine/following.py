"""What comes after a task in a direct workflow: its clauses, their guards, the engine commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from workflows.engine import joins, lifecycle, reverse, starting
from workflows.engine.scope import Scope
from workflows.engine.states import State
from workflows.errors import WorkflowsError
from workflows.language.specs import Clause, Command, Missing, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.engine.draft import Draft
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject
    from workflows.language.specs import TaskSpec


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a clause that is followed: a task or a command, and the clause's name."""

    target: str
    event: str
    command: Command | None = None
    message: str | None = None


def follow(draft: Draft, task: TaskSnapshot) -> None:
    """Follow the transitions of an ended task. A guard that fails fails everything by force."""
    if draft.spec.type == "reverse":
        draft.change_task(task, is_processed=True)
        reverse.follow(draft, task)
        return
    try:
        steps = _choose_steps(draft, task)
    except WorkflowsError as error:
        lifecycle.fail_by_force(draft, task, error.message)
        return
    handled = task.state is State.ERROR and any(step.event == "on-error" for step in steps)
    reached = {step.target for step in steps if step.command is None}
    task = draft.change_task(
        task, is_processed=True, is_error_handled=handled, has_followers=bool(reached)
    )
    if reached != set(draft.graph.outbound.get(task.name, ())):
        draft.must_check_joins = True
    take_steps(draft, task, steps)


def take_steps(draft: Draft, task: TaskSnapshot, steps: Sequence[Step]) -> None:
    """Take steps in order; a pause keeps the rest, an end drops it."""
    for position, step in enumerate(steps):
        if draft.is_over:
            return
        if not draft.is_running:
            _put_off(draft, task, steps[position:])
            return
        match step.command:
            case None:
                _start(draft, step, task)
            case Command.PAUSE:
                lifecycle.pause(draft, step.message)
            case Command.FAIL:
                _end_by_command(draft, task, State.ERROR, step.message)
            case Command.SUCCEED:
                _end_by_command(draft, task, State.SUCCESS, step.message)
            case Command.NOOP:
                pass


def take_backlog(draft: Draft) -> None:
    """Take the steps that a pause has put off."""
    backlog = list(draft.execution.backlog)
    if backlog:
        draft.change_execution(backlog=())
    for entry in backlog:
        assert isinstance(entry, dict)
        steps = [_load(step) for step in entry["steps"] if isinstance(step, dict)]  # type: ignore[union-attr]
        take_steps(draft, draft.task(UUID(str(entry["task_id"]))), steps)


def _choose_steps(draft: Draft, task: TaskSnapshot) -> list[Step]:
    """Evaluate the guards of the clauses that this end of the task follows."""
    spec = draft.spec_of(task)
    scope: Scope | None = None
    steps: list[Step] = []
    for event, clause in _clauses(spec, task.state):
        chosen: list[Step] = []
        for transition in clause.next:
            scope = scope or _scope_after(draft, task)
            if _is_open(transition, scope):
                chosen.append(_step(transition, event, scope))
        steps += chosen
        if event == "on-skip" and not chosen and spec.on_success is not None:
            scope = scope or _scope_after(draft, task)
            steps += [
                _step(transition, "on-success", scope)
                for transition in spec.on_success.next
                if _is_open(transition, scope)
            ]
    return steps


def _clauses(spec: TaskSpec, state: State) -> list[tuple[str, Clause]]:
    """The clauses of an end, in order. After a skip, on-success stands in for a missing on-skip."""
    empty = Clause()
    match state:
        case State.SUCCESS:
            chosen = [("on-success", spec.on_success), ("on-complete", spec.on_complete)]
        case State.ERROR:
            chosen = [("on-error", spec.on_error), ("on-complete", spec.on_complete)]
        case State.SKIPPED:
            chosen = [("on-skip", spec.on_skip or empty)]
        case _:
            chosen = []
    return [(event, clause) for event, clause in chosen if clause is not None]


def _scope_after(draft: Draft, task: TaskSnapshot) -> Scope:
    return Scope(draft, task, branch=draft.context(task.out_context_id).variables)


def _is_open(transition: Transition, scope: Scope) -> bool:
    if isinstance(transition.guard, Missing):
        return True
    return bool(scope.evaluate(transition.guard))


def _step(transition: Transition, event: str, scope: Scope) -> Step:
    message = None
    if transition.command is not None and transition.message is not None:
        value = scope.evaluate(transition.message)
        message = None if value is None else str(value)
    return Step(transition.target, event, transition.command, message)


def _start(draft: Draft, step: Step, task: TaskSnapshot) -> None:
    if draft.spec.tasks[step.target].join:
        joins.arrive(draft, step.target, task, step.event)
        return
    joins.take_back_arrivals(draft, step.target)
    starting.create_task(
        draft,
        step.target,
        context_id=task.out_context_id,
        triggered_by=[{"task_id": str(task.id), "event": step.event}],
    )


def _end_by_command(draft: Draft, task: TaskSnapshot, state: State, message: str | None) -> None:
    """End the run as `fail` or `succeed` say; the deciding task's variables are in the output.

    If that output cannot be evaluated, the deciding task has failed too.
    """
    task = draft.change_task(task, has_followers=False)
    lifecycle.finish(draft, state, message)
    if draft.execution.state is not state:
        lifecycle.fail_by_force(draft, task, draft.execution.state_info or "")


def _put_off(draft: Draft, task: TaskSnapshot, steps: Sequence[Step]) -> None:
    entry: JSONObject = {"task_id": str(task.id), "steps": [_dump(step) for step in steps]}
    draft.change_execution(backlog=(*draft.execution.backlog, entry))


def _dump(step: Step) -> JSONObject:
    return {
        "target": step.target,
        "event": step.event,
        "command": step.command and str(step.command),
        "message": step.message,
    }


def _load(entry: JSONObject) -> Step:
    command, message = entry["command"], entry["message"]
    return Step(
        str(entry["target"]),
        str(entry["event"]),
        Command(str(command)) if command else None,
        None if message is None else str(message),
    )
