"""Joins: tasks that wait for several inbound ones.

A join's task appears with the first arrival, runs when enough have come, and fails as soon as too
few can still come. What can still come follows from the graph and from the tasks that are alive;
nothing is searched with a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import lifecycle, starting
from workflows.engine.contexts import merge
from workflows.engine.snapshot import Arrival, TaskSnapshot
from workflows.engine.states import FINAL, State

if TYPE_CHECKING:
    from uuid import UUID

    from workflows.engine.draft import Draft


def arrive(draft: Draft, name: str, inbound: TaskSnapshot, event: str) -> None:
    """Let an inbound task trigger a join: a new one, the one that waits, or one long gone."""
    join = draft.newest_task(name)
    if join is None:
        join = _create(draft, name, round_number=1)
    elif join.state in FINAL and _failed_before_running(join):
        # An inbound task was rerun or skipped: the join waits again.
        join = draft.change_task(
            join,
            state=State.WAITING,
            state_info=None,
            finished_at=None,
            is_processed=False,
            is_error_handled=False,
            closed_from="",
        )
    elif join.state is not State.WAITING:
        if not _starts_new_round(draft, join, inbound):
            _take_late_variables(draft, join, inbound)
            return
        join = _create(draft, name, round_number=_round_of(join) + 1)
    arrival = Arrival(
        inbound.name,
        inbound.id,
        event,
        inbound.out_context_id,
        inbound.finished_at or draft.now,
    )
    join = draft.add_arrival(join, arrival)
    start_if_ready(draft, join)


def needed(draft: Draft, name: str) -> int:
    """How many inbound tasks have to arrive."""
    join = draft.spec.tasks[name].join
    return len(draft.graph.inbound[name]) if join == "all" else int(join or 0)


def start_if_ready(draft: Draft, join: TaskSnapshot) -> None:
    """Start a waiting join if enough inbound tasks have arrived."""
    join = draft.task(join.id)
    if join.state is not State.WAITING or join.arrived < needed(draft, join.name):
        return
    arrivals = sorted(draft.arrivals(join), key=lambda arrival: arrival.ended_at)
    join = draft.change_task(
        join,
        state=State.RUNNING,
        context_id=_merge_contexts(draft, [arrival.context_id for arrival in arrivals]),
        triggered_by=[
            {"task_id": str(arrival.task_id), "event": arrival.event} for arrival in arrivals
        ],
    )
    starting.begin(draft, join)


def take_back_arrivals(draft: Draft, name: str) -> None:
    """A new round of a task in a loop has started: what it told a waiting join is outdated."""
    if not draft.graph.is_in_ring(name):
        return
    for target in draft.graph.outbound.get(name, ()):
        if draft.spec.tasks[target].join:
            join = draft.newest_task(target)
            if join is not None and join.state is State.WAITING:
                draft.drop_arrival(join, name)


def fail_impossible(draft: Draft) -> bool:
    """End waiting joins that too few inbound tasks can still reach; tell whether there was one."""
    waiting = draft.waiting_joins()
    if not waiting or not draft.is_running:
        return False
    arrived = {
        join.name: {arrival.inbound_name for arrival in draft.arrivals(join)} for join in waiting
    }
    alive = {task.name for task in draft.unfinished_tasks() if task.state is not State.WAITING}
    coming = _may_still_come(draft, alive, arrived)
    impossible = [join for join in waiting if join.name not in coming]
    for join in impossible:
        expected = set(draft.graph.inbound[join.name]) - arrived[join.name] - coming
        missing = [name for name in draft.graph.inbound[join.name] if name in expected]
        lifecycle.end_task_later(draft, join, State.ERROR, f"Failed by tasks: {', '.join(missing)}")
    return bool(impossible)


def _may_still_come(draft: Draft, alive: set[str], arrived: dict[str, set[str]]) -> set[str]:
    """Give all tasks that may still start or end: the alive ones and what they may lead to.

    A join belongs to them only if enough of its inbound tasks have arrived or belong to them
    themselves, so joins that wait only for each other do not.
    """
    coming = set(alive)
    left = list(alive)
    while left:
        for target in draft.graph.outbound.get(left.pop(), ()):
            if target in coming:
                continue
            if draft.spec.tasks[target].join:
                inbound = draft.graph.inbound[target]
                there = arrived.get(target, set())
                possible = sum(name in there or name in coming for name in inbound)
                if possible < needed(draft, target):
                    continue
            coming.add(target)
            left.append(target)
    return coming


def _create(draft: Draft, name: str, *, round_number: int) -> TaskSnapshot:
    spec = draft.spec.tasks[name]
    return draft.insert_task(
        TaskSnapshot(
            id=draft.new_id(),
            name=name,
            created_at=draft.tick(),
            type="WORKFLOW" if spec.workflow else "ACTION",
            state=State.WAITING,
            tags=spec.tags,
            unique_key=f"{name}#{round_number}",
        )
    )


def _failed_before_running(join: TaskSnapshot) -> bool:
    return join.started_at is None and join.round == 0


def _starts_new_round(draft: Draft, join: TaskSnapshot, inbound: TaskSnapshot) -> bool:
    """Tell whether an arrival at a join that has run belongs to a later round of a loop.

    It does if the inbound task had arrived before, or was started after the join had ended by a
    way that leads from the join. Else it is a late arrival of the same round.
    """
    if not draft.graph.is_in_ring(inbound.name):
        return False
    if draft.has_arrival(join, inbound.name):
        return True
    is_behind = inbound.name in draft.graph.reachable_from(join.name)
    return is_behind and join.finished_at is not None and inbound.created_at > join.finished_at


def _round_of(join: TaskSnapshot) -> int:
    return int((join.unique_key or "#0").rpartition("#")[2])


def _take_late_variables(draft: Draft, join: TaskSnapshot, inbound: TaskSnapshot) -> None:
    """A join runs once: later branches bring their variables to it while it runs, or to the end."""
    if join.state in FINAL:
        draft.change_task(inbound, has_followers=False)
    else:
        merged = _merge_contexts(draft, [join.context_id, inbound.out_context_id])
        draft.change_task(join, context_id=merged)


def _merge_contexts(draft: Draft, context_ids: list[UUID | None]) -> UUID | None:
    """Merge contexts, given in the order in which their branches ended."""
    ids = list(dict.fromkeys(one for one in reversed(context_ids) if one is not None))[::-1]
    if len(ids) < 2:
        return ids[0] if ids else None
    merged = merge(draft.contexts(ids))
    return lifecycle.store_context(draft, merged, None, merged.variables, merged.versions)
