"""Which definitions are refused, with the place and the reason, and which only get warnings."""

from __future__ import annotations

import pytest

from workflows.errors import Problem, SpecInvalid
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows

LONG = "n" * 256


def problems_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(SpecInvalid) as caught:
        parse_workflows(text)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def warnings_of(text: str) -> list[tuple[str, str]]:
    return [(warning.path, warning.message) for warning in parse_workflows(text).warnings]


def with_task(task: str, more: str = "") -> str:
    return f"version: '2.0'\nw:\n  tasks:\n    t: {task}\n{more}"


def test_all_problems_come_at_once_with_path_line_column_and_hint() -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_workflows(
            "version: '2.0'\n"
            "w:\n"
            "  tasks:\n"
            "    t:\n"
            "      action: std.noop\n"
            "      on-succes: u\n"
            "      timeout: soon\n"
            "      on-error:\n"
            "        - u: always\n"
            "    u: {join: '2'}\n"
        )

    assert caught.value.problems == (
        Problem("unknown key 'on-succes'", "tasks.t.on-succes", 6, 7,
                hint="did you mean 'on-success'?"),
        Problem("must be a whole number from 0 on, without quotes, or an expression",
                "tasks.t.timeout", 7, 7),
        Problem("must be an expression", "tasks.t.on-error[0].u", 9, 11,
                hint="write <% ... %> or '{{ ... }}'"),
        Problem("must be all, one or a whole number", "tasks.u.join", 10, 9),
    )  # fmt: skip
    assert "tasks.t.on-succes: unknown key 'on-succes' (line 6, column 7)" in str(caught.value)


def test_paths_in_a_document_of_several_name_the_workflow() -> None:
    text = "version: '2.0'\na: {tasks: {t: {timeout: x}}}\nb: {tasks: {t: {action: ''}}}"

    assert [path for path, _ in problems_of(text)] == ["a.tasks.t.timeout", "b.tasks.t.action"]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("", "", "the document must be a mapping with 'version' and one workflow or more"),
        ("just words", "", "the document must be a mapping"),
        ("version: '2.0'", "", "the document holds no workflow"),
        ("w: {tasks: {t: {timeout: 1}}}", "", "'version' is a required property"),
        ("version: ''\nw: {tasks: {t: {timeout: 1}}}", "version", "must be '2.0'"),
        ("version: true\nw: {tasks: {t: {timeout: 1}}}", "version", "must be '2.0'"),
        ("version: '2.0'\nw:", "w", "must be a mapping"),
        ("version: '2.0'\nw: {}", "w", "must not be empty"),
        ("version: '2.0'\nw: {description: x}", "w", "'tasks' is a required property"),
        ("version: '2.0'\nw: {tasks: {}}", "tasks", "must not be empty"),
        ("version: '2.0'\nw: {tasks: [t]}", "tasks", "must be a mapping of task names to tasks"),
        ("version: '2.0'\nw: {type: x, tasks: {t: {timeout: 1}}}", "type",
         "must be direct or reverse"),
        ("version: '2.0'\nw: {5: x, tasks: {t: {timeout: 1}}}", "5", "the name '5' must be text"),
        ("version: '2.0'\nw: {output: {}, tasks: {t: {timeout: 1}}}", "output",
         "must not be empty"),
        ("version: '2.0'\nw: {output: {o: <% 1 + %>}, tasks: {t: {timeout: 1}}}", "output.o", ""),
        ("version: '2.0'\nw: {vars: {__x: 1}, tasks: {t: {timeout: 1}}}", "vars.__x",
         "names that begin with two underscores belong to the engine"),
        ("version: '2.0'\nw: {input: [a, a], tasks: {t: {timeout: 1}}}", "input[1]",
         "stands twice in the list"),
        ("version: '2.0'\nw: {input: [{a: 1, b: 2}], tasks: {t: {timeout: 1}}}", "input[0]",
         "must have one name with one default"),
        ("version: '2.0'\nw: {input: [yes: 1], tasks: {t: {timeout: 1}}}", "input[0].true",
         "the name 'true' must be text"),
        ("version: '2.0'\nw: {tags: [1], tasks: {t: {timeout: 1}}}", "tags[0]", "must be text"),
        ("version: '2.0'\nmy order: {tasks: {t: {timeout: 1}}}", "my order",
         "the name 'my order' must not contain spaces"),
        (f"version: '2.0'\n{LONG}: {{tasks: {{t: {{timeout: 1}}}}}}", LONG,
         "the name must not exceed 255 characters"),
        ("version: '2.0'\n5: {tasks: {t: {timeout: 1}}}", "5", "the name '5' must be text"),
        ("version: '2.0'\n7d9b6a52-2f3c-4c6e-9a55-0c2f6a1f3b77: {tasks: {t: {timeout: 1}}}",
         "7d9b6a52-2f3c-4c6e-9a55-0c2f6a1f3b77", "the name must not look like a UUID"),
        ("version: '2.0'\nw: {task-defaults: {publish: {a: 1}}, tasks: {t: {timeout: 1}}}",
         "task-defaults.publish", "unknown key 'publish'"),
        ("version: '2.0'\nw: {task-defaults: {on-error: x}, tasks: {t: {timeout: 1}}}",
         "task-defaults.on-error", "Task 'x' not found."),
    ],
)  # fmt: skip
def test_refused_documents_and_workflows(text: str, path: str, message: str) -> None:
    ((found_path, found_message),) = problems_of(text)

    assert found_path == path
    assert message in found_message


@pytest.mark.parametrize(
    ("task", "path", "message"),
    [
        ("", "", "must be a mapping"),
        ("std.noop", "", "must be a mapping"),
        ("{}", "", "must not be empty"),
        ("{policies: {}}", ".policies", "unknown key 'policies'"),
        ("{on: 1}", ".true", "the name 'true' must be text"),
        ("{requires: t}", ".requires", "'requires' is not possible in a direct workflow"),
        ("{action: a, workflow: b}", "", "has both action and workflow"),
        ("{action: ' a b=1'}", ".action", "must begin with a name or an expression"),
        ("{action: a x=<% 1 + %>}", ".action[0]", ""),
        ("{action: a x=1, input: <% $.x %>}", ".input",
         "must be a mapping, since 'action' has inline parameters"),
        ("{input: {on: 1}}", ".input.true", "the name 'true' must be text"),
        ("{input: {x: <% 1 + %>}}", ".input.x", ""),
        ("{publish: {day: 2024-02-29}}", ".publish.day", "must not be a date"),
        ("{publish: {__execution: 1}}", ".publish.__execution",
         "names that begin with two underscores belong to the engine"),
        ("{publish: <% $ %>}", ".publish", "must be a mapping"),
        ("{description: ''}", ".description", "must not be empty"),
        ("{with-items: 'x of [1]'}", ".with-items", "must have the form"),
        ("{with-items: 'x in []'}", ".with-items", "must have the form"),
        ("{with-items: 'x in [a]'}", ".with-items", "the list is not valid JSON"),
        ("{with-items: [x in <% $.l + %>]}", ".with-items[0]", ""),
        ("{timeout: -1}", ".timeout", "must be a whole number from 0 on"),
        ("{timeout: 1.5}", ".timeout", "must be a whole number from 0 on"),
        ("{timeout: true}", ".timeout", "must be a whole number from 0 on"),
        ("{wait-before: '3'}", ".wait-before", "must be a whole number from 0 on"),
        ("{wait-after: x <% 1 %>}", ".wait-after", "must be a whole number from 0 on"),
        ("{concurrency: many}", ".concurrency", "must be a whole number from 0 on"),
        ("{pause-before: maybe}", ".pause-before", "must be true, false or an expression"),
        ("{fail-on: 1}", ".fail-on", "must be true, false or an expression"),
        ("{retry: {count: 3}}", ".retry", "'delay' is missing"),
        ("{retry: count=3}", ".retry", "'delay' is missing"),
        ("{retry: count=3 delay=-1}", ".retry.delay", "must be a whole number from 0 on"),
        ("{retry: {count: 1, delay: 1, break-on: true}}", ".retry.break-on",
         "must be an expression"),
        ("{retry: 3}", ".retry", "must be a mapping, or one line like 'count=3 delay=1'"),
        ("{join: true}", ".join", "must be all, one or a whole number"),
        ("{join: all}", ".join", "the join needs 1 inbound tasks and has 0"),
        ("{on-success: u}", ".on-success", "Task 'u' not found."),
        ("{on-success: {u: <% $.x %>}}", ".on-success", "Task 'u' not found."),
        ("{on-success: []}", ".on-success", "must not be empty"),
        ("{on-success: [fail, fail]}", ".on-success[1]", "stands twice in the list"),
        ("{on-success: [[fail]]}", ".on-success[0]", "must be text"),
        ("{on-success: [fail: true]}", ".on-success[0].fail", "must be an expression"),
        ("{on-success: b c}", ".on-success", "is neither a task name nor a command"),
        ("{on-success: fail 'cold'}", ".on-success", "is neither a task name nor a command"),
        ("{on-success: {a: <% 1 %>, b: <% 1 %>}}", ".on-success",
         "must have one target with one guard"),
        ("{on-success: {publish: {}}}", ".on-success.publish", "must hold branch"),
        ("{on-success: {publish: {x: 1}}}", ".on-success.publish.x", "unknown key 'x'"),
        ("{on-success: {publish: {global: {x: <% 1 + %>}}}}",
         ".on-success.publish.global.x", ""),
    ],
)  # fmt: skip
def test_refused_tasks(task: str, path: str, message: str) -> None:
    ((found_path, found_message),) = problems_of(with_task(task))

    assert found_path == "tasks.t" + path
    assert message in found_message


@pytest.mark.parametrize("name", ["5", "yes", "null", "1.5"])
def test_names_of_tasks_must_be_text(name: str) -> None:
    text = f"version: '2.0'\nw: {{tasks: {{{name}: {{action: std.noop}}}}}}"

    ((_, message),) = problems_of(text)

    assert message.endswith("must be text")


def test_no_start_task_is_refused() -> None:
    text = with_task("{on-success: u}", "    u: {on-success: t}")

    assert problems_of(text) == [
        ("tasks", "there is no start task: every task is the target of some transition")
    ]


def test_a_join_needs_as_many_different_tasks_as_it_waits_for() -> None:
    text = with_task("{on-success: j, on-error: j}", "    j: {join: 2}")

    assert problems_of(text) == [("tasks.j.join", "the join needs 2 inbound tasks and has 1")]


def test_names_of_joins_are_shorter() -> None:
    assert problems_of(with_task(f"{{on-success: {'j' * 209}}}", f"    {'j' * 209}: {{join: all}}"))
    assert not warnings_of(
        with_task(f"{{on-success: {'j' * 209}}}", f"    {'j' * 209}: {{timeout: 1}}")
    )


def test_reverse_workflows_have_their_own_keys_and_no_rings() -> None:
    text = """
        version: '2.0'
        w:
          type: reverse
          tasks:
            a: {requires: [b, nowhere]}
            b: {requires: c}
            c: {requires: [b, c]}
        """

    assert problems_of(text) == [
        ("tasks.a.requires", "Task 'nowhere' not found."),
        ("tasks.b.requires", "the task requires itself in a ring"),
        ("tasks.c.requires", "the task requires itself in a ring"),
    ]
    assert problems_of("version: '2.0'\nw: {type: reverse, tasks: {a: {join: all}}}") == [
        ("tasks.a.join", "'join' is not possible in a reverse workflow")
    ]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("version: '3'\nw: {tasks: {t: {timeout: 1}}}", "version", "version 3 is read as 2.0"),
        ("version: '2.0'\nw: {inputs: [a], tasks: {t: {timeout: 1}}}", "inputs",
         "'inputs' has no effect here"),
        ("version: '2.0'\n'': {tasks: {t: {timeout: 1}}}", "", "the name is empty"),
        ("version: '2.0'\nw: {tasks: {t: {timeout: 1}}}\nw: {tasks: {u: {timeout: 1}}}", "w",
         "'w' stands twice; only the last one counts"),
        ("version: '2.0'\nw: {output-on-error: {e: <% 1 + %>}, tasks: {t: {timeout: 1}}}",
         "output-on-error.e", ""),
        ("version: '2.0'\nw: {input: [a: <% $.b %>], tasks: {t: {timeout: 1}}}", "input[0].a",
         "defaults are not evaluated"),
        ("version: '2.0'\nw: {task-defaults: {requires: t}, tasks: {t: {timeout: 1}}}",
         "task-defaults.requires", "'requires' has no effect in a direct workflow"),
        (with_task("{publish: {items: 1}}"), "tasks.t.publish.items", "mean the mapping's method"),
        (with_task("{publish: {x: [<% 1 + %>]}}"), "tasks.t.publish.x[0]", ""),
        (with_task("{publish: {x: 5 <% of all}}"), "tasks.t.publish.x", "'<%' is not closed"),
        (with_task("{action: <% 1 + %>}"), "tasks.t.action", ""),
        (with_task("{action: a x='y'z}"), "tasks.t.action", "'z' belongs to no parameter"),
        (with_task("{action: a x=1, input: {x: 2}}"), "tasks.t.input.x",
         "the inline parameter of this name wins"),
        (with_task("{input: words}"), "tasks.t.input", "is text that gives no mapping"),
        (with_task("{with-items: x in <% $.l %> here}"), "tasks.t.with-items",
         "'here' behind the items has no effect"),
        (with_task("{on-success: [fail: <% 1 %> <% 2 %>]}"), "tasks.t.on-success[0].fail",
         "holds two expressions"),
        (with_task("{on-success: fail text='x'}"), "tasks.t.on-success",
         "the parameter 'text' has no meaning here"),
        (with_task("{on-success: {publish: {atomic: {x: 1}}}}"),
         "tasks.t.on-success.publish.atomic", "what is published as atomic is stored nowhere"),
        (with_task("{name: other, action: a}"), "tasks.t.name", "'name' has no effect here"),
        (with_task("{timeout: 1}", "    a-b: {}"), "tasks.a-b", "must not be empty"),
        (with_task("{timeout: 1}", "    fail: {timeout: 1}"), "tasks.fail",
         "the task hides the engine command 'fail'"),
        (with_task("{timeout: 1}", "    u: {on-success: u}"), "tasks.u",
         "never runs: no start task leads to it"),
        (with_task("{on-success: j}", "    j: {join: 0}"), "tasks.j.join",
         "a join of 0 waits for nothing"),
    ],
)  # fmt: skip
def test_what_mistral_accepts_stays_accepted_with_a_warning(
    text: str, path: str, message: str
) -> None:
    ((found_path, found_message),) = warnings_of(text)

    assert found_path == path
    assert message in found_message


def test_joins_that_can_never_be_met_get_a_warning() -> None:
    text = with_task(
        "{on-success: j, on-error: repair}",
        "    repair: {on-success: j}\n"
        "    j: {join: all}\n"
        "    u: {on-success: [u, k]}\n"
        "    v: {on-success: k}\n"
        "    k: {join: all}\n",
    )

    messages = dict(warnings_of(text))

    assert messages["tasks.j.join"].startswith("can never be met: 't' leads here if it succeeds")
    assert messages["tasks.k.join"] == "can never be met: 'u' never runs"


def test_a_fine_workflow_has_no_warnings() -> None:
    text = """
        version: '2.0'
        w:
          input: [x, y: 1]
          output: {o: <% $.x %>}
          tasks:
            t:
              action: std.echo output=<% $.x %>
              publish: {z: <% task().result %>}
              on-success: [j, fail(msg='no'): <% $.z = 1 %>]
            u: {on-complete: j}
            j: {join: all, retry: {count: 1, delay: 1}}
        """

    assert warnings_of(text) == []


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("a:", "a", "must be a mapping"),
        ("a: {input: [x]}", "a", "'base' is a required property"),
        ("a: {base: ''}", "base", "must not be empty"),
        ("a: {base: b, base-input: {}}", "base-input", "must not be empty"),
        ("a: {base: b, base-input: {on: 1}}", "base-input.true", "the name 'true' must be text"),
        ("a: {base: b, output: <% 1 + %>}", "output", ""),
        ("a: {base: b x=<% 1 + %>}", "base[0]", ""),
        ("a: {base: b, tasks: {}}", "tasks", "unknown key 'tasks'"),
        ("a: {base: b, description: ''}", "description", "must not be empty"),
        ("'': {base: b}", "", "the name of an action must not be empty"),
    ],
)
def test_refused_actions(text: str, path: str, message: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_actions(f"version: '2.0'\n{text}")

    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("[a]", "", "the document must be a mapping"),
        ("{name: b}", "", "'version' is a required property"),
        ("{version: '2.0'}", "", "'name' is a required property"),
        ("{version: '3.0', name: b}", "version", "must be '2.0'"),
        ("{version: true, name: b}", "version", "must be '2.0'"),
        ("{version: 2.0, name: 5}", "name", "must be text"),
        ("{version: 2, name: a b}", "name", "the name 'a b' must not contain spaces"),
        ("{version: '2.0', name: b, triggers: {}}", "triggers", "unknown key 'triggers'"),
        ("{version: '2.0', name: b, workflows: {}}", "workflows", "must be a mapping"),
        ("{version: '2.0', name: b, workflows: {w: x}}", "workflows.w", "must be a mapping"),
        ("{version: '2.0', name: b, actions: {a.b: {base: c}}}", "actions.a.b",
         "the name of a member has letters, digits, _ and - only"),
        ("{version: '2.0', name: b, actions: {a: {}}}", "actions.a",
         "'base' is a required property"),
        ("{version: '2.0', name: b, workflows: {w: {tasks: {t: {on-error: u}}}}}",
         "workflows.w.tasks.t.on-error", "Task 'u' not found."),
    ],
)  # fmt: skip
def test_refused_workbooks(text: str, path: str, message: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_workbook(text)

    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message
