"""The rules about how the tasks of one workflow hang together, checked on its finished spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflows.language.checker import Checker, suggest
from workflows.language.clauses import ON_CLAUSES
from workflows.language.graph import WorkflowGraph, build_graph
from workflows.language.specs import Clause, TaskSpec, WorkflowSpec
from workflows.language.yaml import Path

_CLAUSE_FIELDS: Final = {key: key.replace("-", "_") for key in ON_CLAUSES}


def check_flow(checker: Checker, path: Path, spec: WorkflowSpec) -> None:
    """Check targets, start tasks, joins and requirements of a workflow that is built."""
    graph = build_graph(spec)
    if spec.type == "reverse":
        _check_requirements(checker, path, spec, graph)
        return
    _check_targets(checker, path, spec)
    if not graph.start_tasks:
        checker.error(
            (*path, "tasks"),
            "there is no start task: every task is the target of some transition",
            "leave one task without inbound transitions",
        )
        return
    _check_joins(checker, path, spec, graph)
    _check_reachable(checker, path, spec, graph)


def _clauses(task: TaskSpec) -> list[tuple[str, Clause]]:
    found = [(key, getattr(task, name)) for key, name in _CLAUSE_FIELDS.items()]
    return [(key, clause) for key, clause in found if clause is not None]


def _check_targets(checker: Checker, path: Path, spec: WorkflowSpec) -> None:
    """Check that every transition leads to a task or a command."""
    defaults = (*path, "task-defaults")
    reported: set[tuple[Path, str]] = set()
    for name, task in spec.tasks.items():
        for key, clause in _clauses(task):
            own = (*path, "tasks", name, key)
            place = own if key in task.raw and _has_ways(task, key) else (*defaults, key)
            for way in clause.next:
                if way.command is not None or way.target in spec.tasks:
                    continue
                if (place, way.target) not in reported:
                    reported.add((place, way.target))
                    hint = suggest(way.target, spec.tasks)
                    checker.error(place, f"Task '{way.target}' not found.", hint)


def _has_ways(task: TaskSpec, key: str) -> bool:
    """Tell whether the task's own clause leads anywhere, rather than only publish."""
    raw = task.raw[key]
    return not isinstance(raw, dict) or "publish" not in raw or "next" in raw


def _check_joins(checker: Checker, path: Path, spec: WorkflowSpec, graph: WorkflowGraph) -> None:
    for name, task in spec.tasks.items():
        if task.join is None:
            continue
        place = (*path, "tasks", name, "join")
        arrivals = len(graph.inbound[name])
        needed = 1 if task.join == "all" else task.join
        if arrivals < needed:
            checker.error(
                place,
                f"the join needs {needed} inbound tasks and has {arrivals}",
                "lower the number, or let more tasks lead here",
            )
        elif task.join == "all":
            _warn_of_repair_route(checker, place, spec, graph)


def _warn_of_repair_route(
    checker: Checker, place: Path, spec: WorkflowSpec, graph: WorkflowGraph
) -> None:
    """Warn when `join: all` waits for a task and for the task that only its failure starts."""
    name = str(place[-2])
    for repair in graph.inbound[name]:
        for source in graph.inbound[repair]:
            if (
                len(graph.inbound[repair]) == 1
                and _clauses_to(spec.tasks[source], repair) == {"on-error"}
                and _clauses_to(spec.tasks[source], name) == {"on-success"}
            ):
                checker.warn(
                    place,
                    f"can never be met: '{source}' leads here if it succeeds and '{repair}' runs "
                    "if it fails, so they never both arrive",
                    "use join: one",
                )


def _clauses_to(task: TaskSpec, target: str) -> set[str]:
    return {
        key
        for key, clause in _clauses(task)
        if any(way.target == target and way.command is None for way in clause.next)
    }


def _check_reachable(
    checker: Checker, path: Path, spec: WorkflowSpec, graph: WorkflowGraph
) -> None:
    """Warn of tasks that no start task leads to, and of joins that wait for such tasks."""
    runs = set(graph.start_tasks)
    waiting = list(runs)
    while waiting:
        following = [task for task in graph.outbound[waiting.pop()] if task not in runs]
        runs.update(following)
        waiting.extend(following)
    for name, task in spec.tasks.items():
        if name not in runs:
            checker.warn((*path, "tasks", name), "never runs: no start task leads to it")
        elif task.join == "all":
            for source in graph.inbound[name]:
                if source not in runs:
                    place = (*path, "tasks", name, "join")
                    checker.warn(place, f"can never be met: '{source}' never runs")


def _check_requirements(
    checker: Checker, path: Path, spec: WorkflowSpec, graph: WorkflowGraph
) -> None:
    reported: set[Path] = set()
    for name, task in spec.tasks.items():
        own = (*path, "tasks", name, "requires")
        for required in task.requires:
            if required in spec.tasks:
                continue
            written = task.raw.get("requires")
            is_own = required == written or (isinstance(written, list) and required in written)
            place = own if is_own else (*path, "task-defaults", "requires")
            if place not in reported:
                reported.add(place)
                hint = suggest(required, spec.tasks)
                checker.error(place, f"Task '{required}' not found.", hint)
    for name in find_ring(graph):
        checker.error((*path, "tasks", name, "requires"), "the task requires itself in a ring")


def find_ring(graph: WorkflowGraph) -> tuple[str, ...]:
    """Return the tasks that can never start because they wait for each other."""
    stuck = _without_ends(dict.fromkeys(graph.inbound), graph.inbound, graph.outbound)
    return tuple(_without_ends(stuck, graph.outbound, graph.inbound))


def _without_ends(
    names: dict[str, None],
    needed: Mapping[str, tuple[str, ...]],
    needing: Mapping[str, tuple[str, ...]],
) -> dict[str, None]:
    """Take away, again and again, every task that needs none of those that are left."""
    missing = {name: sum(other in names for other in needed[name]) for name in names}
    ready = [name for name, count in missing.items() if count == 0]
    while ready:
        name = ready.pop()
        del missing[name]
        for other in needing[name]:
            if other in missing:
                missing[other] -= 1
                if missing[other] == 0:
                    ready.append(other)
    return dict.fromkeys(missing)
