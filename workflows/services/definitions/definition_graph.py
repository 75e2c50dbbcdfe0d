"""The graph of a workflow as the pages draw it: plain data for the element `<levante-graph>`.

The editor shows it as it is; the page of an execution fills in states, links and taken edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypedDict

from workflows.jsontypes import JSONValue
from workflows.language.specs import Clause, Missing, TaskSpec, Transition, WorkflowSpec

ClauseName = Literal["on-success", "on-error", "on-complete", "on-skip", "requires"]

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


class Badge(TypedDict):
    """A short remark at a node; `kind` decides about its colour."""

    kind: str
    text: str


class Node(TypedDict):
    """A task, or a command in the place of one.

    `label` says what it does: the name of its action, sub-workflow or command. `state` is that of
    the task, "ERROR_HANDLED" for a failure that the workflow deals with, or None if the run has
    not reached it.
    """

    name: str
    kind: Literal["action", "workflow", "command"]
    label: str
    join: Literal["all", "one"] | int | None
    href: str | None
    state: str | None
    badges: list[Badge]


# `from` is a keyword, so this one needs the functional form.
Edge = TypedDict(
    "Edge",
    {"from": str, "to": str, "clause": ClauseName, "guard": str | None, "is_taken": bool},
)


class Graph(TypedDict):
    """All nodes in the order of the definition, and all edges."""

    nodes: list[Node]
    edges: list[Edge]


def build_graph(spec: WorkflowSpec) -> Graph:
    """Describe tasks and transitions; nothing has a state, a link or a taken edge yet.

    Each command is a node of its own for each task that names it, called `task → command`: one
    node for all would draw lines across the whole picture. Targets that do not exist are left out.
    """
    nodes = [_task_node(task) for task in spec.tasks.values()]
    edges: list[Edge] = []
    commands: dict[str, Node] = {}
    for task in spec.tasks.values():
        edges += [
            _edge(name, task.name, "requires") for name in task.requires if name in spec.tasks
        ]
        for clause_name, clause in named_clauses(task):
            for transition in clause.next:
                target = transition.target
                if transition.command is not None:
                    node = command_node(task.name, transition)
                    commands.setdefault(node["name"], node)
                    target = node["name"]
                elif target not in spec.tasks:
                    continue
                edges.append(_edge(task.name, target, clause_name, _guard(transition)))
    return {"nodes": [*nodes, *commands.values()], "edges": edges}


def named_clauses(task: TaskSpec) -> Iterator[tuple[ClauseName, Clause]]:
    """Give the on-clauses that a task has, each with its name in the definition."""
    clauses: tuple[tuple[ClauseName, Clause | None], ...] = (
        ("on-success", task.on_success),
        ("on-error", task.on_error),
        ("on-complete", task.on_complete),
        ("on-skip", task.on_skip),
    )
    for name, clause in clauses:
        if clause is not None:
            yield name, clause


def command_node(task_name: str, transition: Transition) -> Node:
    """Make the node of a command that a task leads to."""
    return {
        "name": f"{task_name} → {transition.target}",
        "kind": "command",
        "label": transition.target,
        "join": None,
        "href": None,
        "state": None,
        "badges": [],
    }


def _task_node(task: TaskSpec) -> Node:
    return {
        "name": task.name,
        "kind": "action" if task.workflow is None else "workflow",
        "label": task.workflow or task.action or "std.noop",
        "join": "one" if task.join == 1 else task.join,
        "href": None,
        "state": None,
        "badges": list(_badges(task)),
    }


def _badges(task: TaskSpec) -> Iterator[Badge]:
    policies = task.policies
    if task.with_items:
        yield {"kind": "items", "text": _with_value("items", policies.concurrency, "at once")}
    if policies.retry is not None:
        yield {"kind": "retry", "text": _with_value("retry", policies.retry.count)}
    if policies.pause_before not in (None, False):
        yield {"kind": "pause", "text": "pause"}
    if policies.wait_before not in (None, 0):
        yield {"kind": "wait", "text": _with_time("wait", policies.wait_before)}
    if policies.timeout not in (None, 0):
        yield {"kind": "timeout", "text": _with_time("timeout", policies.timeout)}


def _with_value(word: str, value: JSONValue, unit: str = "") -> str:
    """Add a number to a word; an expression is left out, since nobody knows its value yet."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return word
    return f"{word} {value:g} {unit}".rstrip()


def _with_time(word: str, seconds: JSONValue) -> str:
    """Add a time to a word, in the largest unit that it is a whole number of."""
    if isinstance(seconds, int):
        for unit, length in _UNITS:
            if seconds % length == 0:
                return _with_value(word, seconds // length, unit)
    return _with_value(word, seconds, "s")


def _guard(transition: Transition) -> str | None:
    if isinstance(transition.guard, Missing):
        return None
    return transition.guard if isinstance(transition.guard, str) else str(transition.guard)


def _edge(source: str, target: str, clause: ClauseName, guard: str | None = None) -> Edge:
    return {"from": source, "to": target, "clause": clause, "guard": guard, "is_taken": False}
