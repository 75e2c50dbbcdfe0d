"""The workflows that are measured, each at a size and with one action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ACTIONS: Final = {
    "inline": "std.noop",  # carried out by the engine itself
    "ordinary": "std.sleep seconds=0",  # carried out by a worker
}
DATA_TASKS: Final = 20
TASKS_OF_A_CHILD: Final = 5  # one of them calls the grandchild
TASKS_OF_MANY: Final = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of workflow.

    `document` gives the text for a size and an action. `size_of_input` is the length of the text
    that the execution is given, `tasks_each` is set when `size` tasks are made by several
    executions of that many.
    """

    name: str
    about: str
    document: Callable[[int, str], str]
    size_of_input: int = 0
    tasks_each: int | None = None
    fixed_size: int | None = None


def _head(name: str, body: str, before: str = "") -> str:
    return f"version: '2.0'\n{name}:\n{before}  tasks:\n{body}"


def chain(size: int, action: str) -> str:
    """Tasks one after the other."""
    body = "".join(
        f"    t{index}: {{action: {action}, on-success: t{index + 1}}}\n"
        for index in range(size - 1)
    )
    return _head("bench_chain", f"{body}    t{size - 1}: {{action: {action}}}\n")


def wide(size: int, action: str) -> str:
    """Tasks that all start at once."""
    return _head("bench_wide", "".join(f"    t{i}: {{action: {action}}}\n" for i in range(size)))


def join(size: int, action: str) -> str:
    """Tasks that all start at once and meet in one."""
    body = "".join(
        f"    t{index}: {{action: {action}, on-success: end}}\n" for index in range(size - 1)
    )
    return _head("bench_join", f"{body}    end: {{join: all, action: {action}}}\n")


def items(size: int, action: str) -> str:
    """One task with a list."""
    return _items(size, action, "")


def items_limited(size: int, action: str) -> str:
    """One task with a list, eight at a time."""
    return _items(size, action, "      concurrency: 8\n")


def _items(size: int, action: str, more: str) -> str:
    task = f"    t:\n      with-items: i in <% range({size}) %>\n{more}      action: {action}\n"
    return _head("bench_items", task)


def data(size: int, action: str) -> str:
    """A chain whose tasks each publish 100 kB."""
    body = ""
    for index in range(size):
        following = f", on-success: t{index + 1}" if index + 1 < size else ""
        body += f"    t{index}: {{action: {action}, publish: {{data: <% $.data %>}}{following}}}\n"
    return _head("bench_data", body, "  input: [data]\n")


def nested(size: int, action: str) -> str:
    """A list of sub-workflows that each call another."""
    count = max(1, size // TASKS_OF_A_CHILD)
    root = f"    t:\n      with-items: i in <% range({count}) %>\n      workflow: bench_child\n"
    child = f"    a: {{action: {action}, on-success: b}}\n    b: {{workflow: bench_grandchild}}\n"
    grandchild = (
        f"    a: {{action: {action}, on-success: b}}\n"
        f"    b: {{action: {action}, on-success: c}}\n"
        f"    c: {{action: {action}}}\n"
    )
    others = f"bench_child:\n  tasks:\n{child}bench_grandchild:\n  tasks:\n{grandchild}"
    return _head("bench_nested", root) + others


def many(size: int, action: str) -> str:
    """The workflow of many executions at once."""
    return chain(TASKS_OF_MANY, action).replace("bench_chain", "bench_many")


SHAPES: Final = (
    Shape("chain", "tasks one after the other", chain),
    Shape("wide", "tasks that all start at once", wide),
    Shape("join", "tasks that all start at once and meet in one", join),
    Shape("items", "one task with a list", items),
    Shape("items-8", "one task with a list, concurrency 8", items_limited),
    Shape("data", "100 kB through 20 tasks", data, size_of_input=100_000, fixed_size=DATA_TASKS),
    Shape("nested", "a list of sub-workflows that call others", nested),
    Shape("many", "executions of 5 tasks, started at once", many, tasks_each=TASKS_OF_MANY),
)
