"""The one entrance of the engine: events in, commands out.

`decide` is pure. It works on a draft of the view until nothing more follows from the events, so
that one transaction can write everything. Only inline actions may be left for the next time, when
`must_stop` says that enough was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, assert_never
from uuid import UUID

from workflows.engine import (
    ending,
    joins,
    lifecycle,
    rerun,
    resuming,
    reverse,
    starting,
    with_items,
)
from workflows.engine.commands import AskChildren, ChangeAction, Decision, InsertAction
from workflows.engine.draft import Draft
from workflows.engine.events import (
    ActionEnded,
    ActionPausedOrResumed,
    ChildChanged,
    ChildRevived,
    Event,
    ExecutionStarted,
    InlineActionReady,
    ItemsEnded,
    PauseAsked,
    RerunAsked,
    ResumeAsked,
    SkipAsked,
    StopAsked,
    TaskCannotRun,
    TaskEnds,
    TimerDue,
)
from workflows.engine.limits import DEFAULT_LIMITS, EngineLimits
from workflows.engine.scope import Scope
from workflows.engine.snapshot import Result
from workflows.engine.states import EXECUTION_CHANGES, FINAL, State, check_change
from workflows.errors import WorkflowsError

if TYPE_CHECKING:
    from workflows.engine.catalogue import Catalogue
    from workflows.engine.snapshot import ActionSnapshot, ChildSnapshot, TaskSnapshot, View


def decide(
    view: View,
    events: Sequence[Event],
    *,
    catalogue: Catalogue,
    new_id: Callable[[], UUID],
    clock: datetime,
    must_stop: Callable[[], bool] = lambda: False,
    limits: EngineLimits = DEFAULT_LIMITS,
) -> Decision:
    """Let events change an execution and give everything that follows.

    Events that come too late change nothing. Raises an EngineError for a request that the state of
    the execution does not allow; then nothing is to be written.
    """
    draft = Draft(view, catalogue, new_id=new_id, clock=clock, limits=limits)
    was_over = draft.is_over
    for event in events:
        _handle(draft, event)
    while True:
        if draft.following:
            _handle(draft, draft.following.popleft())
        elif draft.inline and not must_stop():
            _handle(draft, draft.inline.popleft())
        elif draft.inline:
            break
        elif _joins_may_be_stuck(draft) and joins.fail_impossible(draft):
            continue
        else:
            lifecycle.check_completion(draft)
            break
    is_complete = not draft.inline
    for left in draft.inline:
        if left.is_new:
            draft.do(InsertAction(left.action))
    if draft.is_over and not was_over:
        lifecycle.close_tasks(draft, with_running=any(isinstance(e, StopAsked) for e in events))
    return Decision(draft.commands(), is_complete)


def _handle(draft: Draft, event: Event) -> None:  # noqa: C901 - one branch for each kind of event
    match event:
        case ExecutionStarted():
            _start(draft)
        case ActionEnded(action):
            _end_action(draft, action)
        case ItemsEnded(task_id, is_cancelled):
            task = draft.task(task_id)
            if not task.closed_from:
                with_items.go_on(draft, task, is_cancelled=is_cancelled)
        case InlineActionReady(action, is_new):
            _run_inline(draft, action, is_new=is_new)
        case ChildChanged(child):
            _child_changed(draft, child)
        case TimerDue(task_id, kind):
            _timer_due(draft, draft.task(task_id), kind)
        case ActionPausedOrResumed():
            resuming.action_changed(draft, event)
        case PauseAsked(reason):
            check_change(EXECUTION_CHANGES, draft.execution.state, State.PAUSED)
            lifecycle.pause(draft, reason)
        case ResumeAsked(env):
            resuming.resume(draft, env)
        case StopAsked(state, reason):
            check_change(EXECUTION_CHANGES, draft.execution.state, state)
            lifecycle.finish(draft, state, reason)
            if state is State.CANCELLED:
                draft.do(AskChildren(State.CANCELLED, reason))
        case RerunAsked():
            rerun.rerun(draft, event)
        case SkipAsked():
            rerun.skip(draft, event)
        case ChildRevived():
            rerun.revive_for_child(draft, event)
        case TaskEnds(task_id, state, state_info):
            ending.end_task(draft, draft.task(task_id), state, state_info)
        case TaskCannotRun(task_id, reason):
            lifecycle.fail_by_force(draft, draft.task(task_id), reason)
        case _:
            assert_never(event)


def _joins_may_be_stuck(draft: Draft) -> bool:
    """Whether waiting joins have to be looked at: something hints at it, or they alone are left."""
    if not draft.graph.joins or not draft.is_running:
        return False
    return draft.must_check_joins or not draft.has_active_task()


def _start(draft: Draft) -> None:
    """Start the tasks that nothing leads to, or those that a reverse workflow begins with."""
    if draft.execution.is_started:
        return
    draft.change_execution(is_started=True)
    draft.note_start()
    if draft.spec.type == "reverse":
        reverse.start(draft)
        return
    for name in draft.graph.start_tasks:
        if not draft.is_over:
            starting.create_task(draft, name, context_id=None)


def _end_action(draft: Draft, action: ActionSnapshot) -> None:
    """Take over the result of a task's only action, unless it comes too late for the task."""
    task = draft.task(action.task_id)
    if action.attempt != task.round:
        return
    if task.closed_from:
        # The execution was stopped; a result from outside still completes its task.
        task = draft.change_task(task, state=State.RUNNING, closed_from="", is_processed=False)
    if task.state in FINAL:
        return
    draft.set_results(task, [Result(action.state, action.result)])
    ending.end_task(draft, task, action.state, None)


def _run_inline(draft: Draft, action: ActionSnapshot, *, is_new: bool) -> None:
    """Carry out an inline action and take over its result."""
    task = draft.task(action.task_id)
    reader = Scope(draft, task).reader
    started_at = draft.tick()
    try:
        runnable = draft.catalogue.find_action(action.name)
        outcome = runnable.run_inline(action, task.name, reader)
        state, value = outcome.state, outcome.value
    except WorkflowsError as error:
        state, value = State.ERROR, error.message
    action = replace(
        action,
        state=state,
        output={"result": value},
        is_accepted=True,
        is_handled=True,
        started_at=started_at,
        finished_at=draft.tick(),
    )
    if is_new:
        draft.do(InsertAction(action))
    else:
        draft.do(
            ChangeAction(
                action.id,
                {
                    "state": action.state,
                    "output": action.output,
                    "is_accepted": True,
                    "is_handled": True,
                    "started_at": action.started_at,
                    "finished_at": action.finished_at,
                    "updated_at": action.finished_at,
                },
            )
        )
    if task.items_total is None:
        _end_action(draft, action)
        return
    draft.results(task).append(Result(state, value, action.item_index))
    draft.open_items[task.id] = draft.open_items.get(task.id, 0) - 1
    with_items.go_on(draft, task, makes_room=False)


def _child_changed(draft: Draft, child: ChildSnapshot) -> None:
    """Take over what a sub-workflow has come to."""
    task = draft.task(child.task_id)
    if task.state in FINAL:
        return
    if child.state is State.PAUSED:
        resuming.pause_task(draft, task)
    elif child.state not in FINAL:
        paused = [one for one in draft.view.open_children(task.id) if one.state is State.PAUSED]
        if not paused:
            resuming.resume_task(draft, task)
    elif task.items_total is not None:
        with_items.go_on(draft, task, is_cancelled=child.state is State.CANCELLED)
    else:
        draft.set_results(task, [Result(child.state, child.output)])
        ending.end_task(draft, task, child.state, child.reason)


def _timer_due(draft: Draft, task: TaskSnapshot, kind: str) -> None:
    """Wake a task up, unless it waits for something else by now."""
    if task.state in FINAL:
        return
    if kind == "timeout":
        ending.end_by_timeout(draft, task)
    elif kind != task.waits_for:
        return
    elif kind == "wait-before":
        starting.begin(draft, task)
    elif kind == "retry":
        starting.run(draft, task)
    elif kind == "wait-after":
        ending.end_pending(draft, task)
