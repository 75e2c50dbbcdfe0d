"""The graph of a workflow's tasks, computed once per spec and read by the engine and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workflows.language.specs import Clause, TaskSpec, WorkflowSpec


@dataclass(frozen=True, slots=True)
class WorkflowGraph:
    """Which task leads to which, guards ignored.

    `inbound` has the distinct tasks that name a task in any clause, in the order of the
    definition; in a reverse workflow, what it requires. `start_tasks` have no inbound task;
    `joins` wait for theirs, and `inbound_of_joins` counts these without the join itself. The flags
    tell what no advance of the workflow has to look for.
    """

    inbound: Mapping[str, tuple[str, ...]]
    outbound: Mapping[str, tuple[str, ...]]
    start_tasks: tuple[str, ...]
    joins: tuple[str, ...] = ()
    inbound_of_joins: Mapping[str, int] = field(default_factory=dict)
    _between_rings: frozenset[str] = frozenset()
    has_sub_workflows: bool = False
    has_timers: bool = False
    _after: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    _before: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    def reachable_from(self, name: str) -> frozenset[str]:
        """Return every task that some way from this one leads to; itself only in a ring."""
        return _closure(name, self.outbound, self._after)

    def is_in_ring(self, name: str) -> bool:
        """Tell whether some way leads from the task back to itself."""
        return name in self._between_rings and name in self.reachable_from(name)

    def leading_to(self, name: str) -> frozenset[str]:
        """Return every task from which some way leads to this one; itself only in a ring."""
        return _closure(name, self.inbound, self._before)

    def required_for(self, target: str) -> tuple[str, ...]:
        """Return what a reverse workflow runs for a target, each task after what it requires."""
        order: dict[str, None] = {}
        open_tasks = {target}
        ways: list[tuple[str, Iterator[str]]] = [(target, iter(self.inbound[target]))]
        while ways:
            name, required = ways[-1]
            following = next((task for task in required if task not in open_tasks), None)
            if following is None:
                ways.pop()
                order[name] = None
            else:
                open_tasks.add(following)
                ways.append((following, iter(self.inbound[following])))
        return tuple(order)


def build_graph(spec: WorkflowSpec) -> WorkflowGraph:
    """Build the graph of a workflow; targets that do not exist are left out."""
    ways = {name: _named_by(task) for name, task in spec.tasks.items()}
    known = {
        name: tuple(target for target in targets if target in spec.tasks)
        for name, targets in ways.items()
    }
    turned: dict[str, list[str]] = {name: [] for name in spec.tasks}
    for name, targets in known.items():
        for target in targets:
            turned[target].append(name)
    others = {name: tuple(sources) for name, sources in turned.items()}
    inbound, outbound = (known, others) if spec.type == "reverse" else (others, known)
    starts = tuple(name for name in spec.tasks if not inbound[name])
    joins = tuple(name for name, task in spec.tasks.items() if task.join)
    return WorkflowGraph(
        inbound,
        outbound,
        starts,
        joins,
        {name: sum(source != name for source in inbound[name]) for name in joins},
        _between_rings=_between_rings(inbound, outbound),
        has_sub_workflows=any(task.workflow is not None for task in spec.tasks.values()),
        has_timers=any(_has_timer(task) for task in spec.tasks.values()),
    )


def list_clauses(task: TaskSpec) -> tuple[Clause, ...]:
    """List the on-clauses that a task has."""
    clauses = (task.on_success, task.on_error, task.on_complete, task.on_skip)
    return tuple(clause for clause in clauses if clause is not None)


def _named_by(task: TaskSpec) -> Iterable[str]:
    """Return the distinct tasks that a task names: its requirements, or where its clauses lead."""
    targets = dict.fromkeys(task.requires)
    for clause in list_clauses(task):
        targets.update(dict.fromkeys(way.target for way in clause.next if way.command is None))
    return targets


def _has_timer(task: TaskSpec) -> bool:
    policies = task.policies
    delays = (policies.wait_before, policies.wait_after, policies.retry, policies.timeout)
    return any(value is not None for value in delays)


def _between_rings(
    inbound: Mapping[str, tuple[str, ...]], outbound: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """Leave out, again and again, what nothing leads to and what leads nowhere.

    What is left lies in a ring or between two; in most workflows that is nothing. To ask each task
    what it reaches would take a set as long as the workflow for every one of its tasks.
    """
    left = _peel(_peel(set(inbound), inbound, outbound), outbound, inbound)
    return frozenset(left)


def _peel(
    names: set[str], before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> set[str]:
    counts = {name: sum(other in names for other in before[name]) for name in names}
    ends = [name for name, count in counts.items() if count == 0]
    while ends:
        name = ends.pop()
        del counts[name]
        for other in after[name]:
            if other in counts:
                counts[other] -= 1
                if counts[other] == 0:
                    ends.append(other)
    return set(counts)


def _closure(
    name: str, ways: Mapping[str, tuple[str, ...]], known: dict[str, frozenset[str]]
) -> frozenset[str]:
    found = known.get(name)
    if found is None:
        reached: set[str] = set()
        waiting = list(ways[name])
        while waiting:
            task = waiting.pop()
            if task not in reached:
                reached.add(task)
                waiting.extend(ways[task])
        found = known[name] = frozenset(reached)
    return found
