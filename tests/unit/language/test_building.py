"""Specs as they are built from valid definitions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.language.parser import (
    build_action,
    build_workflow,
    parse_actions,
    parse_workflows,
)
from workflows.language.specs import (
    MISSING,
    Clause,
    Command,
    InputParameter,
    Position,
    Publish,
    RetrySpec,
    TaskSpec,
    Transition,
    WithItem,
    WorkflowSpec,
)


def workflow(text: str) -> WorkflowSpec:
    (spec,) = parse_workflows(text).workflows.values()
    return spec


def task(text: str) -> TaskSpec:
    """Return the task `t` of a workflow that also has the tasks a, b and pause."""
    others = "    a: {action: std.noop}\n    b: {action: std.noop}\n    pause: {action: std.noop}\n"
    return workflow(f"version: '2.0'\nw:\n  tasks:\n    t: {text}\n{others}").tasks["t"]


def test_a_workflow_with_every_key() -> None:
    spec = workflow("""
        version: '2.0'
        w:
          type: direct
          description: with all
          tags: [x, y]
          input: [a, b: null, c: {d: [1]}]
          vars: {v: <% $.a %>}
          output: {o: <% $.v %>}
          output-on-error: {e: 1}
          tasks:
            t: {action: std.noop}
        """)

    assert spec.name == "w"
    assert spec.type == "direct"
    assert spec.description == "with all"
    assert spec.tags == ("x", "y")
    assert spec.input == (
        InputParameter("a"),
        InputParameter("b", None),
        InputParameter("c", {"d": [1]}),
    )
    assert [parameter.is_required for parameter in spec.input] == [True, False, False]
    assert spec.vars == {"v": "<% $.a %>"}
    assert spec.output == {"o": "<% $.v %>"}
    assert spec.output_on_error == {"e": 1}
    assert spec.position == Position(3, 9)
    assert spec.tasks["t"].position == Position(12, 13)


def test_what_is_not_written_has_its_default() -> None:
    spec = workflow("version: '2.0'\nw: {tasks: {t: {description: idle}}}")

    assert spec.output is MISSING
    assert spec.output_on_error is MISSING
    assert (spec.vars, spec.input, spec.tags, spec.type) == ({}, (), (), "direct")
    assert spec.tasks["t"] == TaskSpec("t", description="idle")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{action: std.echo output=1.5}", TaskSpec("t", "std.echo", input={"output": 1.5})),
        (
            "{action: 'std.echo output=1 x=2', input: {output: 3, y: <% $.y %>}}",
            TaskSpec("t", "std.echo", input={"output": 1, "x": 2, "y": "<% $.y %>"}),
        ),
        (
            "{workflow: child n=20, input: {m: null}}",
            TaskSpec("t", workflow="child", input={"n": 20, "m": None}),
        ),
        ("{action: <% $.which %>}", TaskSpec("t", "<% $.which %>")),
        ("{input: <% $.all %>}", TaskSpec("t", input="<% $.all %>")),
        ("{with-items: 'x in [1, \"b\"]'}", TaskSpec("t", with_items=(WithItem("x", [1, "b"]),))),
        (
            "{with-items: [x in <% $.l %>, 'long-1  in  {{ _.m }}']}",
            TaskSpec("t", with_items=(WithItem("x", "<% $.l %>"), WithItem("long-1", "{{ _.m }}"))),
        ),
        ("{keep-result: false, target: gpu}", TaskSpec("t", keep_result=False, target="gpu")),
        (
            "{safe-rerun: <% true %>, tags: [q]}",
            TaskSpec("t", safe_rerun="<% true %>", tags=("q",)),
        ),
        ("{publish: {a: 1}}", TaskSpec("t", publish={"a": 1})),
        ("{publish-on-error: {a: 1}}", TaskSpec("t", publish_on_error={"a": 1})),
        ("{publish-on-skip: {a: 1}}", TaskSpec("t", publish_on_skip={"a": 1})),
    ],
)
def test_keys_of_a_task(text: str, expected: TaskSpec) -> None:
    assert task(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [Transition("a")]),
        ("[a, b: <% $.x %>]", [Transition("a"), Transition("b", "<% $.x %>")]),
        ("{a: <% $.x %>}", [Transition("a", "<% $.x %>")]),
        ("{next: a}", [Transition("a")]),
        ("{next: {a: <% $.x %>}}", [Transition("a", "<% $.x %>")]),
        ("{next: [a, b: '{{ _.x }}']}", [Transition("a"), Transition("b", "{{ _.x }}")]),
        ("noop", [Transition("noop", command=Command.NOOP)]),
        ("fail", [Transition("fail", command=Command.FAIL)]),
        ("succeed msg=<% $.m %>", [Transition("succeed", MISSING, Command.SUCCEED, "<% $.m %>")]),
        (
            "[fail(msg='word'): <% $.x %>]",
            [Transition("fail", "<% $.x %>", Command.FAIL, "word")],
        ),
        ('[fail msg="it\'s cold"]', [Transition("fail", MISSING, Command.FAIL, "it's cold")]),
        ("[fail msg=cold]", [Transition("fail", MISSING, Command.FAIL, "cold")]),
        ("pause", [Transition("pause")]),
    ],
)
def test_forms_of_a_clause(text: str, expected: list[Transition]) -> None:
    for key in ("on-success", "on-error", "on-complete", "on-skip"):
        clause = getattr(task(f"{{{key}: {text}}}"), key.replace("-", "_"))

        assert clause == Clause(tuple(expected))


def test_a_clause_publishes_into_scopes() -> None:
    clause = task(
        "{on-success: {publish: {branch: {x: 1}, global: {y: 2}, atomic: {z: 3}}, next: a}}"
    ).on_success

    assert clause == Clause((Transition("a"),), Publish({"x": 1}, {"y": 2}, {"z": 3}))


@pytest.mark.parametrize(
    ("written", "join"), [("all", "all"), ("one", 1), ("2", 2), ("2.0", 2), ("0", None)]
)
def test_join_is_all_or_a_number(written: str, join: Any) -> None:
    spec = workflow(f"""
        version: '2.0'
        w:
          tasks:
            a: {{on-success: j}}
            b: {{on-success: j}}
            j: {{join: {written}}}
        """)

    assert spec.tasks["j"].join == join


@pytest.mark.parametrize(
    "written",
    [
        "{count: 3, delay: <% $.d %>, break-on: <% $.b %>, continue-on: '{{ _.c }}'}",
        "'count=3 delay=<% $.d %> break-on=<% $.b %> continue-on={{ _.c }}'",
    ],
)
def test_retry_as_mapping_or_in_one_line(written: str) -> None:
    expected = RetrySpec(3, "<% $.d %>", "<% $.b %>", "{{ _.c }}")

    assert task(f"{{retry: {written}}}").policies.retry == expected


def test_raw_carries_name_type_and_version_as_mistral_shows_them() -> None:
    spec = workflow("version: '2.0'\nw: {tasks: {t: {action: std.echo output=1}}}")
    raw_task = {"action": "std.echo output=1", "name": "t", "type": "direct", "version": "2.0"}

    assert spec.tasks["t"].raw == raw_task
    assert spec.raw == {"name": "w", "version": "2.0", "tasks": {"t": raw_task}}


def test_a_workflow_survives_the_way_through_json() -> None:
    spec = workflow("""
        version: '2.0'
        w:
          input: [x, y: 2024-x]
          output: {o: null}
          task-defaults: {on-error: {publish: {branch: {e: 1}}, next: [r: <% $.x %>]}}
          tasks:
            t: {action: 'std.echo output={"k": [1]}', with-items: x in <% $.l %>}
            r: {retry: count=1 delay=0}
        """)

    rebuilt = build_workflow("w", json.loads(json.dumps(spec.raw)))

    assert rebuilt == spec
    assert rebuilt.raw == spec.raw
    assert rebuilt.position is None


def test_an_action_with_every_key() -> None:
    document = parse_actions("""
        version: '2.0'
        greet:
          description: greets
          tags: [talk]
          input: [who, options: {loud: false}]
          base: std.echo output="<% $.who %>" n=1
          base-input: {output: lost, m: 2}
          output: {said: <% $ %>}
        quiet:
          base: std.noop
          output:
        """)
    greet = document.actions["greet"]

    assert greet.base == "std.echo"
    assert greet.base_input == {"output": "<% $.who %>", "n": 1, "m": 2}
    assert greet.input == (InputParameter("who"), InputParameter("options", {"loud": False}))
    assert greet.output == {"said": "<% $ %>"}
    assert (greet.description, greet.tags) == ("greets", ("talk",))
    assert document.actions["quiet"].output is MISSING
    assert build_action("greet", json.loads(json.dumps(greet.raw))) == greet
