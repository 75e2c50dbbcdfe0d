"""`manage.py validate`: what it prints and how it ends."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.live import ROOT
from workflows.management.commands.validate import find_problems


def validate(*files: Path) -> str:
    output = StringIO()
    call_command("validate", *map(str, files), stdout=output)
    return output.getvalue()


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda f: f.stem)
def test_the_examples_are_fine(file: Path) -> None:
    assert validate(file) == f"{file}: fine\n"


def test_an_error_is_shown_with_its_line_and_a_caret(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: '2.0'\nw:\n  tasks:\n    t: {action: std.noop, join: some}\n")
    output = StringIO()
    with pytest.raises(CommandError, match="1 error"):
        call_command("validate", str(file), stdout=output)
    shown = output.getvalue().splitlines()
    assert shown[0].startswith(f"{file}:4:")
    assert "error: tasks.t.join" in shown[0]
    assert shown[1] == "        t: {action: std.noop, join: some}"
    assert shown[2].strip() == "^"
    assert shown[1][shown[2].index("^") :].startswith("join")


DOUBTS = """
version: '2.0'
w:
  input: [name]
  tasks:
    a:
      action: std.ehco output=1
      on-success: b
    b:
      action: std.echo otput=<% $.nmae %>
      on-success: c
    c:
      workflow: child
      input: {amuont: 1}
    lost: {action: std.noop, on-success: lost}
child:
  input: [amount]
  tasks: {t: {action: std.noop}}
"""


def test_doubts_are_warnings_with_place_and_hint() -> None:
    problems = find_problems(DOUBTS)
    assert {problem.severity for problem in problems} == {"warning"}
    said = {problem.path: (problem.line, problem.message, problem.hint) for problem in problems}
    assert said["tasks.a.action"][:2] == (7, "there is no action 'std.ehco' so far")
    assert "missing=['output']" in said["tasks.b.input"][1]
    assert said["tasks.b"] == (9, "nothing sets the variable 'nmae'", "did you mean 'name'?")
    assert said["tasks.c.input.amuont"][2] == "did you mean 'amount'?"
    assert said["tasks.c.input"][1] == "'child' needs amount, too"
    assert any("never runs" in message for _, message, _ in said.values())


def test_a_text_that_is_no_yaml_has_its_place(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: '2.0'\nflow: [1,\n")
    output = StringIO()
    with pytest.raises(CommandError, match="1 error"):
        call_command("validate", str(file), stdout=output)
    assert output.getvalue().startswith(f"{file}:3:1: error: ")


def test_doubts_about_a_member_of_a_workbook_lead_to_its_line() -> None:
    text = (
        "version: '2.0'\nname: book\nactions:\n  greet: {base: std.echo output=hi}\nworkflows:\n"
        "  w:\n    tasks:\n      a: {action: greet}\n      b: {action: std.ehco}\n"
    )
    (doubt,) = find_problems(text)
    assert (doubt.line, doubt.message) == (9, "there is no action 'std.ehco' so far")


def test_the_kind_of_a_definition_is_found_out() -> None:
    action = "version: '2.0'\ngreet: {base: std.echo, base-input: {output: hi}}\n"
    book = "version: '2.0'\nname: book\nactions:\n  greet: {base: std.echo}\n"
    assert find_problems(action) == ()
    assert [problem.severity for problem in find_problems(book)] in ([], ["warning"])
