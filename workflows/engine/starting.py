"""Bringing a task to work: from its row over the policies to actions and sub-workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import lifecycle, with_items
from workflows.engine.commands import SetTimer
from workflows.engine.policies import NO_POLICIES, Policies, evaluate_policies
from workflows.engine.scope import Scope
from workflows.engine.snapshot import TaskSnapshot
from workflows.engine.states import State
from workflows.engine.work import FATAL, plan_work, prepare_child, start_action, start_child
from workflows.errors import WorkflowsError
from workflows.language.specs import PolicySpecs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from workflows.engine.draft import Draft
    from workflows.jsontypes import JSONValue

_NO_POLICY_SPECS = PolicySpecs()
_SEVERAL = 2
_VISITS_BETWEEN_COUNTS = 20


def create_task(
    draft: Draft,
    name: str,
    *,
    context_id: UUID | None,
    triggered_by: Sequence[JSONValue] = (),
) -> TaskSnapshot:
    """Make a task that is no join and bring it to work."""
    spec = draft.spec.tasks[name]
    task = draft.insert_task(
        TaskSnapshot(
            id=draft.new_id(),
            name=name,
            created_at=draft.tick(),
            type="WORKFLOW" if spec.workflow else "ACTION",
            tags=spec.tags,
            context_id=context_id,
            triggered_by=triggered_by,
        )
    )
    if (reason := _over_limit(draft, task)) is not None:
        lifecycle.fail_by_force(draft, task, reason)
    else:
        begin(draft, task)
    return task


def _over_limit(draft: Draft, task: TaskSnapshot) -> str | None:
    """Say which limit a new task breaks, if any.

    Only a task that more than one way leads to, or that leads back to itself, can run without end;
    so only such tasks are counted, and all of the execution now and then.
    """
    name = task.name
    if not draft.graph.is_in_ring(name) and len(draft.graph.inbound.get(name, ())) < _SEVERAL:
        return None
    visits, limits = draft.count_visits(name), draft.limits
    if visits > limits.visits:
        return f"The task runs for the {visits}th time; {limits.visits} times are allowed."
    if visits % _VISITS_BETWEEN_COUNTS == 0 and draft.count_tasks() > limits.tasks:
        return f"The execution has more than {limits.tasks} tasks, which is the most allowed."
    return None


def begin(draft: Draft, task: TaskSnapshot) -> None:
    """Apply the policies that come before the work, as far as they have not acted yet."""
    try:
        policies = policies_of(draft, task)
    except FATAL as error:
        lifecycle.fail_by_force_later(draft, task, error.message)
        return
    task = draft.task(task.id)
    if policies.pause_before and not task.has_paused_before:
        draft.change_task(task, state=State.IDLE, waits_for="resume", has_paused_before=True)
        lifecycle.pause(draft, None)
    elif policies.wait_before and not task.has_waited_before:
        _set_timeout(draft, task, policies)
        draft.change_task(
            task, state=State.DELAYED, waits_for="wait-before", has_waited_before=True
        )
        draft.do(SetTimer(task.id, "wait-before", policies.wait_before))
    else:
        if not task.has_waited_before:
            _set_timeout(draft, task, policies)
        run(draft, task, policies)


def run(draft: Draft, task: TaskSnapshot, policies: Policies | None = None) -> None:
    """Start the work of a task: one action, one sub-workflow, or the items of either."""
    try:
        policies = policies or policies_of(draft, task)
        task = draft.change_task(
            task,
            state=State.RUNNING,
            waits_for="",
            round=task.round + 1,
            started_at=task.started_at or draft.tick(),
        )
        spec = draft.spec_of(task)
        if spec.with_items:
            with_items.start(draft, task, policies)
            return
        work = plan_work(draft, task, Scope(draft, task))
        if work.action is not None:
            start_action(draft, task, work, timeout=policies.timeout)
        else:
            start_child(draft, task, prepare_child(draft, task, work))
    except FATAL as error:
        lifecycle.fail_by_force_later(draft, task, error.message)
    except WorkflowsError as error:
        lifecycle.end_task_later(draft, task, State.ERROR, error.message)


def policies_of(draft: Draft, task: TaskSnapshot) -> Policies:
    """Evaluate the policies of a task on the context that it saw."""
    specs = draft.spec_of(task).policies
    if specs == _NO_POLICY_SPECS:
        return NO_POLICIES
    evaluate = Scope(draft, task).evaluate
    return evaluate_policies(specs, evaluate, most_retries=draft.limits.retries)


def _set_timeout(draft: Draft, task: TaskSnapshot, policies: Policies) -> None:
    if policies.timeout:
        draft.do(SetTimer(task.id, "timeout", policies.timeout))
