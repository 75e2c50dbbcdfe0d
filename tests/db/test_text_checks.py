"""What the editor is told about a text: the problems of the API's validate, led to their lines."""

from __future__ import annotations

from typing import Final

import pytest

from workflows.errors import Problem
from workflows.models import Project, Role
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.text_checks import TextCheck, check_text
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller
from workflows.services.pages.editor_words import collect_words

pytestmark = pytest.mark.django_db(transaction=True)

TEXT: Final = """version: '2.0'

flow:
  tasks:
    first:
      action: std.echo
      input:
        outputt: 1
      on-success:
        - second
    second:
      workflow: missing
"""


@pytest.fixture
def caller() -> Caller:
    return Caller(Project.objects.create(name="blue").pk, Role.AUTHOR)


def places(check: TextCheck) -> list[tuple[str, int, int, str]]:
    return [(one.severity, one.line, one.column, one.path) for one in check.problems]


def test_doubts_are_led_to_the_very_line(caller: Caller) -> None:
    found = check_text(caller, TEXT, kind="workflow")
    assert places(found) == [
        ("warning", 7, 7, "tasks.first.input"),
        ("warning", 12, 7, "tasks.second.workflow"),
    ]
    assert found.is_valid
    said = found.problems[0].message
    assert said.endswith("(name=std.echo, missing=['output'], unexpected=['outputt'])")


def test_the_graph_comes_with_the_lines_of_the_tasks(caller: Caller) -> None:
    (drawn,) = check_text(caller, TEXT, kind="workflow").workflows
    assert dict(drawn.lines) == {"first": 5, "second": 11}
    assert [node["name"] for node in drawn.graph["nodes"]] == ["first", "second"]


def test_all_errors_come_at_once_and_nothing_is_drawn(caller: Caller) -> None:
    text = TEXT.replace("action:", "akshun:").replace("- second", "- third")
    found = check_text(caller, text.replace("on-success", "on-sucess"), kind="workflow")
    assert not found.is_valid
    assert found.workflows == ()
    assert [problem.line for problem in found.problems] == [6, 9]


def test_a_text_that_is_no_yaml_has_its_place(caller: Caller) -> None:
    (problem,) = check_text(caller, "version: '2.0'\nflow: [1,\n", kind="workflow").problems
    assert isinstance(problem, Problem)
    assert problem.line == 3
    assert "line" not in problem.message


def test_two_workflows_with_tasks_of_the_same_name_are_told_apart(caller: Caller) -> None:
    text = "version: '2.0'\n" + "".join(
        f"{name}:\n  tasks:\n    t:\n      action: nowhere\n" for name in ("one", "two")
    )
    found = check_text(caller, text, kind="workflow")
    assert [problem.line for problem in found.problems] == [5, 9]
    assert [drawn.name for drawn in found.workflows] == ["one", "two"]


def test_members_of_a_workbook_know_each_other(caller: Caller) -> None:
    text = """version: '2.0'
name: book
actions:
  shout: {base: std.echo, base-input: {output: 1}}
workflows:
  flow:
    tasks:
      t: {action: shout}
      u:
        action: whisper
"""
    found = check_text(caller, text, kind="workbook")
    assert places(found) == [("warning", 10, 9, "tasks.u.action")]


def test_the_words_are_those_that_the_project_sees(caller: Caller) -> None:
    create_actions(caller=caller, text="version: '2.0'\nshout: {base: std.noop}\n")
    text = "version: '2.0'\ngreet:\n  input: [who]\n  tasks: {t: {action: std.noop}}\n"
    create_workflows(caller=caller, text=text)
    other = Caller(Project.objects.create(name="red").pk, Role.AUTHOR)
    own, others = (collect_words(one, kind="workflow") for one in (caller, other))
    assert {"shout", "std.echo"} <= {one["name"] for one in own["actions"]}
    assert "shout" not in {one["name"] for one in others["actions"]}
    assert [(one["name"], one["input"]) for one in own["workflows"]] == [("greet", "who")]
    assert others["workflows"] == []
    assert "on-success" in own["keys"]["task"]
