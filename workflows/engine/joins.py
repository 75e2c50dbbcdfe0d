"""Joins: tasks that wait for several inbound ones.

A join's task appears with the first arrival, runs when enough have come, and fails as soon as too
few can still come. What can still come follows from the graph and from the tasks that are alive;
nothing is searched with a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    elif _waits_again(draft, join):
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
        _context_of_arrival(draft, join, inbound),
        inbound.finished_at or draft.now,
    )
    join = draft.add_arrival(join, arrival)
    start_if_ready(draft, join)


def needed(draft: Draft, name: str) -> int:
    """How many inbound tasks have to arrive. A join that leads back to itself is none of them."""
    join = draft.spec.tasks[name].join
    return draft.graph.inbound_of_joins[name] if join == "all" else int(join or 0)


def start_if_ready(draft: Draft, join: TaskSnapshot) -> None:
    """Start a waiting join if enough inbound tasks have arrived."""
    join = draft.task(join.id)
    if join.state is not State.WAITING:
        return
    # A round that the join itself has asked for waits for nobody else.
    if join.arrived < needed(draft, join.name) and not draft.has_arrival(join, join.name):
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
    """End waiting joins that too few inbound tasks can still reach; tell whether there was one.

    The failure of one join may lead to another, which then still has a chance. If joins wait for
    each other's failure in a circle, the first of the definition gives way.
    """
    draft.must_check_joins = False
    waiting = draft.waiting_joins()
    if not waiting:
        return False
    arrived = {join.name: {one.inbound_name for one in draft.arrivals(join)} for join in waiting}
    alive = {task.name for task in draft.unfinished_tasks() if task.state is not State.WAITING}
    coming = Prospects(draft, arrived).spread(alive)
    hopeless = [join for join in waiting if not coming.may_run(join.name)]
    if not hopeless:
        return False
    after = Prospects(draft, arrived).spread(alive, failing={join.name for join in hopeless})
    failing = [join for join in hopeless if not after.may_run(join.name)]
    if not failing:
        order = list(draft.spec.tasks)
        failing = [min(hopeless, key=lambda join: order.index(join.name))]
    for join in failing:
        _fail(draft, join, coming)
    draft.must_check_joins = len(failing) < len(waiting)
    return True


class Prospects:
    """Which tasks may still come to an end, as the graph and the living tasks tell.

    `any_end` may end in whatever way. `errors` are joins that can be triggered but not satisfied:
    they will end in ERROR, so only what on-error and on-complete name may follow them.
    """

    def __init__(self, draft: Draft, arrived: Mapping[str, Collection[str]]) -> None:
        self._draft = draft
        self._arrived = arrived
        self.any_end: set[str] = set()
        self.errors: set[str] = set()

    def spread(self, alive: Collection[str], failing: Collection[str] = ()) -> Prospects:
        """Follow all ways from the living tasks, and from joins that are about to fail."""
        self.any_end.update(alive)
        self.errors.update(failing)
        left = [*alive, *failing]
        while left:
            for target in self._targets(left.pop()):
                if target in self.any_end:
                    continue
                if self.may_run(target):
                    self.any_end.add(target)
                    left.append(target)
                elif target not in self.errors and target not in self._arrived:
                    self.errors.add(target)
                    left.append(target)
        return self

    def may_run(self, name: str) -> bool:
        """Whether the task is no join, or enough of its inbound tasks have come or may come."""
        if not self._draft.spec.tasks[name].join:
            return True
        there = self._arrived.get(name, ())
        inbound = self._draft.graph.inbound[name]
        possible = sum(one in there or self.may_trigger(one, name) for one in inbound)
        return possible >= needed(self._draft, name)

    def may_trigger(self, name: str, target: str) -> bool:
        return name in self.any_end or (name in self.errors and target in self._targets(name))

    def _targets(self, name: str) -> Collection[str]:
        if name in self.any_end:
            return self._draft.graph.outbound.get(name, ())
        spec = self._draft.spec.tasks[name]
        clauses = [clause for clause in (spec.on_error, spec.on_complete) if clause is not None]
        return [step.target for clause in clauses for step in clause.next if step.command is None]


def _fail(draft: Draft, join: TaskSnapshot, coming: Prospects) -> None:
    """End a join that cannot run."""
    there = {arrival.inbound_name for arrival in draft.arrivals(join)}
    missing = [
        name
        for name in draft.graph.inbound[join.name]
        if name not in there and not coming.may_trigger(name, join.name)
    ]
    lifecycle.end_task_later(draft, join, State.ERROR, f"Failed by tasks: {', '.join(missing)}")


def take_arrived_variables(draft: Draft, join: TaskSnapshot) -> TaskSnapshot:
    """Let what follows a join that cannot run see the variables of the branches that arrived."""
    arrivals = sorted(draft.arrivals(join), key=lambda arrival: arrival.ended_at)
    contexts = [arrival.context_id for arrival in arrivals]
    return draft.change_task(join, context_id=_merge_contexts(draft, contexts))


def _create(draft: Draft, name: str, *, round_number: int) -> TaskSnapshot:
    draft.must_check_joins = True  # its other inbound tasks may be past already
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


def _waits_again(draft: Draft, join: TaskSnapshot) -> bool:
    """Whether the join has failed without running and a task was rerun or skipped since."""
    revived_at = draft.execution.revived_at
    if join.state not in FINAL or join.round or revived_at is None:
        return False
    return join.finished_at is None or join.finished_at < revived_at


def _starts_new_round(draft: Draft, join: TaskSnapshot, inbound: TaskSnapshot) -> bool:
    """Tell whether an arrival at a join that has run belongs to a later round of a loop.

    It does if the inbound task had arrived before, or was started after the join had ended by a
    way that leads from the join. Else it is a late arrival of the same round.
    """
    if inbound.id == join.id:
        return True
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
    draft.must_check_joins = True  # nothing starts here, so others may wait in vain
    if join.state in FINAL:
        draft.change_task(inbound, has_followers=False)
    else:
        merged = _merge_contexts(draft, [join.context_id, inbound.out_context_id])
        draft.change_task(join, context_id=merged)


def _context_of_arrival(draft: Draft, join: TaskSnapshot, inbound: TaskSnapshot) -> UUID | None:
    """A task that was reached twice arrives twice, and brings the variables of both branches."""
    if not draft.has_arrival(join, inbound.name):
        return inbound.out_context_id
    earlier = [one.context_id for one in draft.arrivals(join) if one.inbound_name == inbound.name]
    return _merge_contexts(draft, [*earlier, inbound.out_context_id])


def _merge_contexts(draft: Draft, context_ids: list[UUID | None]) -> UUID | None:
    """Merge contexts, given in the order in which their branches ended."""
    ids = list(dict.fromkeys(one for one in reversed(context_ids) if one is not None))[::-1]
    if len(ids) < 2:
        return ids[0] if ids else None
    merged = merge(draft.contexts(ids))
    return lifecycle.store_context(draft, merged, None, merged.variables, merged.versions)
