"""What the pages draw of a workflow: nodes, edges and the remarks at them."""

from __future__ import annotations

from workflows.language.parser import parse_workflows
from workflows.services.definitions.definition_graph import Graph, build_graph


def graph_of(tasks: str, head: str = "") -> Graph:
    lines = [f"    {line}" for line in tasks.strip().splitlines()]
    text = "\n".join(["version: '2.0'", "flow:", *([f"  {head}"] if head else []), "  tasks:"])
    document = parse_workflows("\n".join([text, *lines]))
    return build_graph(document.workflows["flow"])


def edges_of(graph: Graph) -> list[tuple[str, str, str, str | None]]:
    return [(edge["from"], edge["to"], edge["clause"], edge["guard"]) for edge in graph["edges"]]


def test_edges_name_their_clause_and_guard() -> None:
    graph = graph_of("""
a:
  on-success: [b: "<% $.x > 1 %>", c]
  on-error: c
b: {action: std.echo output=1}
c: {workflow: other}
""")
    assert edges_of(graph) == [
        ("a", "b", "on-success", "<% $.x > 1 %>"),
        ("a", "c", "on-success", None),
        ("a", "c", "on-error", None),
    ]
    assert not any(edge["is_taken"] for edge in graph["edges"])


def test_nodes_say_what_a_task_does() -> None:
    graph = graph_of("""
a: {on-success: [b, c]}
b: {action: std.echo output=1, on-success: d}
c: {workflow: other, on-success: d}
d: {action: std.noop, join: one}
""")
    assert [(node["name"], node["kind"], node["label"]) for node in graph["nodes"]] == [
        ("a", "action", "std.noop"),
        ("b", "action", "std.echo"),
        ("c", "workflow", "other"),
        ("d", "action", "std.noop"),
    ]
    assert [node["join"] for node in graph["nodes"]] == [None, None, None, "one"]
    assert {node["state"] for node in graph["nodes"]} == {None}


def test_each_task_has_its_own_node_for_a_command() -> None:
    graph = graph_of("""
a: {on-error: fail, on-success: b}
b: {on-error: fail}
""")
    assert ("a", "a → fail", "on-error", None) in edges_of(graph)
    assert ("b", "b → fail", "on-error", None) in edges_of(graph)
    commands = [node for node in graph["nodes"] if node["kind"] == "command"]
    assert [(node["name"], node["label"]) for node in commands] == [
        ("a → fail", "fail"),
        ("b → fail", "fail"),
    ]


def test_a_task_named_like_a_command_is_the_task() -> None:
    graph = graph_of("""
a: {on-success: noop}
noop: {action: std.echo output=1}
""")
    assert [node["name"] for node in graph["nodes"]] == ["a", "noop"]
    assert edges_of(graph) == [("a", "noop", "on-success", None)]


def test_requirements_lead_to_the_task_that_has_them() -> None:
    graph = graph_of(
        """
a: {action: std.noop}
b: {action: std.noop, requires: [a]}
""",
        head="type: reverse",
    )
    assert edges_of(graph) == [("a", "b", "requires", None)]


def test_policies_are_badges_and_expressions_in_them_are_left_out() -> None:
    graph = graph_of("""
a:
  with-items: "i in <% $.list %>"
  action: std.echo output=<% $.i %>
  concurrency: 3
  retry: {count: 5, delay: 1}
  wait-before: 2
b: {action: std.noop, timeout: "<% $.seconds %>", pause-before: true}
c: {action: std.noop, timeout: 259200, wait-before: 90}
""")
    texts = [[badge["text"] for badge in node["badges"]] for node in graph["nodes"]]
    assert texts == [
        ["items 3 at once", "retry 5", "wait 2 s"],
        ["pause", "timeout"],
        ["wait 90 s", "timeout 3 d"],
    ]
