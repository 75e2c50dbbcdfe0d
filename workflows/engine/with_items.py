"""Tasks with items: one action or sub-workflow for each element of a list."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from workflows.engine import lifecycle
from workflows.engine.commands import RingLanes
from workflows.engine.results import state_of_results
from workflows.engine.scope import Scope
from workflows.engine.states import FINAL, State
from workflows.engine.work import (
    ItemsInvalid,
    Work,
    plan_work,
    prepare_child,
    start_action,
    start_child,
)
from workflows.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.engine.draft import Draft
    from workflows.engine.policies import Policies
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.specs import TaskSpec

# More lanes than workers bring nothing, and each is a message.
MAX_LANES = 16


def start(draft: Draft, task: TaskSnapshot, policies: Policies) -> None:
    """Start all items that have no accepted result yet, as many at a time as is allowed."""
    items = evaluate_items(draft.spec_of(task), Scope(draft, task))
    if len(items) > draft.limits.items:
        text = f"{len(items)} items; {draft.limits.items} are allowed"
        raise LimitExceeded(f"The task has too many items: {text}.")
    task = draft.change_task(task, items_total=len(items), concurrency=policies.concurrency or None)
    done = {result.item_index for result in draft.results(task) if result.state in FINAL}
    wanted = [index for index in range(len(items)) if index not in done]
    if not wanted:
        lifecycle.end_task_later(draft, task, State.SUCCESS, None)
        return
    # Everything is evaluated first: one item that cannot be evaluated fails the task before any.
    works = [(index, _plan(draft, task, items[index])) for index in wanted]
    if works[0][1].workflow is not None:
        limit = policies.concurrency or len(works)
        first = works[:limit]
        children = [prepare_child(draft, task, work, item_index=index) for index, work in first]
        for child in children:
            start_child(draft, task, child)
    else:
        _start_actions(draft, task, works, policies)


def evaluate_items(spec: TaskSpec, scope: Scope) -> list[JSONObject]:
    """Give the variables of each item. Raises ItemsInvalid unless all lists are of one length."""
    lists = {one.variable: _as_list(scope.evaluate(one.items)) for one in spec.with_items}
    if len({len(values) for values in lists.values()}) > 1:
        raise ItemsInvalid(f"The lists of with-items must have the same length [task={spec.name}].")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def go_on(
    draft: Draft, task: TaskSnapshot, *, is_cancelled: bool = False, makes_room: bool = True
) -> None:
    """After some items have ended: end the task, or start the items that have room now.

    `makes_room` is False for inline items, which wait for nobody.
    """
    if task.state in FINAL:
        return
    if is_cancelled:
        lifecycle.end_task_later(draft, task, State.CANCELLED, None)
        return
    is_workflow = draft.spec_of(task).workflow is not None
    if is_workflow and draft.is_running and task.concurrency and _start_next_children(draft, task):
        return
    if draft.count_open_items(task) == 0:
        results = draft.results(task)
        lifecycle.end_task_later(draft, task, state_of_results(results), None)
    elif makes_room and not is_workflow and task.concurrency and draft.is_running:
        _ring_open(draft, task, 1)


def ring_lanes(draft: Draft, task: TaskSnapshot) -> None:
    """Have lanes work again on what is left of a task, after a pause."""
    spec = draft.spec_of(task)
    if spec.workflow is None:
        _ring_open(draft, task, min(task.concurrency or MAX_LANES, MAX_LANES))
    elif task.concurrency:
        _start_next_children(draft, task)


def _start_actions(
    draft: Draft, task: TaskSnapshot, works: list[tuple[int, Work]], policies: Policies
) -> None:
    limit = policies.concurrency or len(works)
    ready: Counter[str] = Counter()
    for position, (index, work) in enumerate(works):
        state = State.RUNNING if work.is_inline or position < limit else State.IDLE
        if state is State.RUNNING and not work.is_inline:
            ready[work.target] += 1
        start_action(
            draft,
            task,
            work,
            timeout=policies.timeout,
            item_index=index,
            is_item=True,
            state=state,
        )
    # An item that has to wait gets a lane from the one whose end makes room for it.
    for target, count in ready.items():
        draft.do(RingLanes(task.id, min(count, MAX_LANES), target))


def _ring_open(draft: Draft, task: TaskSnapshot, count: int) -> None:
    """Ring lanes for each worker that open items are meant for."""
    has_target = draft.spec_of(task).target is not None
    for target in draft.view.open_targets(task.id) if has_target else ("",):
        draft.do(RingLanes(task.id, count, target))


def _start_next_children(draft: Draft, task: TaskSnapshot) -> bool:
    """Start sub-workflows up to the concurrency; tell whether any is open or was started."""
    started_here = draft.started_items.get((task.id, task.round), set())
    open_now = len(draft.view.open_children(task.id)) + len(started_here)
    room = (task.concurrency or 0) - open_now
    started = {*draft.view.started_children(task.id, task.round), *started_here}
    done = {result.item_index for result in draft.results(task)}
    items = evaluate_items(draft.spec_of(task), Scope(draft, task))
    left = [index for index in range(len(items)) if index not in started and index not in done]
    for index in left[: max(room, 0)]:
        work = _plan(draft, task, items[index])
        start_child(draft, task, prepare_child(draft, task, work, item_index=index))
    return bool(left) or open_now > 0


def _plan(draft: Draft, task: TaskSnapshot, item: JSONObject) -> Work:
    return plan_work(draft, task, Scope(draft, task, items=item))


def _as_list(value: JSONValue) -> list[JSONValue]:
    """A mapping gives its keys, a text its characters."""
    if isinstance(value, dict | str):
        values: Iterable[JSONValue] = value
        return list(values)
    if isinstance(value, list):
        return value
    raise ItemsInvalid("The items of with-items must be a list.")
