"""The graph of tasks: who leads to whom, and what a reverse target needs."""

from __future__ import annotations

from itertools import pairwise

from workflows.language.graph import WorkflowGraph, build_graph
from workflows.language.parser import parse_workflows


def graph_of(text: str) -> WorkflowGraph:
    (spec,) = parse_workflows(text).workflows.values()
    return build_graph(spec)


def test_inbound_tasks_are_distinct_over_all_clauses_in_the_order_of_the_definition() -> None:
    graph = graph_of("""
        version: '2.0'
        w:
          tasks:
            j: {join: all}
            b: {on-error: [j, fail], on-complete: [j]}
            a: {on-success: [j: <% false %>, b], on-skip: c}
            c: {on-success: {next: {j: <% $.x %>}}}
        """)

    assert graph.inbound == {"j": ("b", "a", "c"), "b": ("a",), "a": (), "c": ("a",)}
    assert graph.outbound == {"j": (), "b": ("j",), "a": ("j", "b", "c"), "c": ("j",)}
    assert graph.start_tasks == ("a",)


def test_transitions_of_task_defaults_count_but_not_for_their_own_target() -> None:
    graph = graph_of(
        """
        version: '2.0'
        w:
          task-defaults: {on-complete: hang_up}
          tasks:
            mum: {}
            aunt: {on-complete: noop}
            hang_up: {join: all}
        """.replace("mum: {}", "mum: {action: std.noop}")
    )

    assert graph.inbound["hang_up"] == ("mum",)
    assert graph.start_tasks == ("mum", "aunt")


def test_reachability_follows_rings() -> None:
    graph = graph_of("""
        version: '2.0'
        w:
          tasks:
            a: {on-success: b}
            b: {on-success: [c, d]}
            c: {on-success: b}
            d: {action: std.noop}
        """)

    assert graph.reachable_from("a") == {"b", "c", "d"}
    assert graph.reachable_from("c") == {"b", "c", "d"}
    assert graph.reachable_from("d") == frozenset()
    assert graph.leading_to("d") == {"a", "b", "c"}
    assert graph.leading_to("a") == frozenset()
    assert graph.reachable_from("a") is graph.reachable_from("a")


def test_a_task_that_hides_a_command_is_a_target() -> None:
    graph = graph_of("""
        version: '2.0'
        w:
          tasks:
            a: {on-success: [pause, noop]}
            pause: {action: std.noop}
        """)

    assert graph.outbound["a"] == ("pause",)


def test_a_reverse_target_runs_what_it_requires_in_order() -> None:
    graph = graph_of("""
        version: '2.0'
        w:
          type: reverse
          task-defaults: {requires: shop}
          tasks:
            bake: {requires: [dough, tomato, bake]}
            dough: {action: std.noop}
            tomato: {requires: dough}
            shop: {action: std.noop}
            other: {requires: bake}
        """)

    assert graph.required_for("bake") == ("shop", "dough", "tomato", "bake")
    assert graph.inbound["bake"] == ("dough", "tomato", "shop")
    assert graph.outbound["dough"] == ("bake", "tomato")
    assert graph.start_tasks == ("shop",)


def test_a_long_chain_needs_no_recursion() -> None:
    tasks = "".join(f"    t{n}: {{requires: t{n + 1}}}\n" for n in range(3000))
    graph = graph_of(
        f"version: '2.0'\nw:\n  type: reverse\n  tasks:\n{tasks}    t3000: {{timeout: 1}}\n"
    )

    assert graph.required_for("t0") == tuple(f"t{n}" for n in range(3000, -1, -1))
    assert len(graph.leading_to("t0")) == 3000


def test_a_ring_is_found_and_what_lies_between_two_is_none() -> None:
    text = """
version: '2.0'
w:
  tasks:
    start: {on-success: a}
    a: {on-success: b}
    b: {on-success: [a, between]}
    between: {on-success: own}
    own: {on-success: [own, end]}
    end: {action: std.noop}
"""
    (spec,) = parse_workflows(text).workflows.values()
    graph = build_graph(spec)
    assert [name for name in spec.tasks if graph.is_in_ring(name)] == ["a", "b", "own"]


def test_a_long_chain_is_searched_without_a_set_for_each_task() -> None:
    names = [f"t{index}" for index in range(5_000)]
    tasks = "".join(f"    {name}: {{on-success: {after}}}\n" for name, after in pairwise(names))
    text = f"version: '2.0'\nw:\n  tasks:\n{tasks}    {names[-1]}: {{action: std.noop}}\n"
    (spec,) = parse_workflows(text).workflows.values()
    graph = build_graph(spec)
    assert not any(graph.is_in_ring(name) for name in names)
    assert graph._after == {}
