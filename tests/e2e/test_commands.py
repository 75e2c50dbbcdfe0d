"""Every command of python-mistralclient against the running service, with what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.live import ROOT, LiveStack
from tests.mistral import MistralShell

pytestmark = pytest.mark.e2e

SECONDS: Final = 60.0
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Person:
    project_id: str
    token: str
    mistral: MistralShell


@dataclass(frozen=True)
class People:
    """An administrator and two authors, each of a project of their own."""

    root: Person
    ann: Person
    bob: Person


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    directory = tmp_path_factory.mktemp("commands")
    stack = LiveStack(directory, options=("--no-examples", "--workers", "2"), settings=SETTINGS)
    stack.start()
    opened: list[Person] = []
    try:
        for project, role in (("green", "admin"), ("blue", "author"), ("red", "author")):
            opened.append(make_person(stack, project, role))
        yield People(*opened)
    finally:
        for person in opened:
            person.mistral.close()
        stack.stop()


SETTINGS: Final = {"LEVANTE_DYNAMIC_ACTIONS": "true"}


def make_person(stack: LiveStack, project: str, role: str) -> Person:
    environment = {**os.environ, "LEVANTE_DATA_DIR": str(stack.directory / "data")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "manage.py", "token", "--user", project]
    made = subprocess.run(
        [*command, "--project", project, "--role", role],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(made.stdout)
    url = stack.url.replace("://", f"://{project}:{facts['token']}@")
    shell = MistralShell("--os-mistral-url", url, "--os-project-id", facts["project_id"])
    return Person(facts["project_id"], facts["token"], shell)


@pytest.fixture(scope="module")
def mistral(people: People) -> MistralShell:
    return people.ann.mistral


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Write a text to a file and give its path."""

    def write_text(text: str) -> str:
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text)
        return str(path)

    return write_text


def find(rows: list[dict[str, Any]], **columns: str) -> dict[str, Any]:
    """Give the one row that has these values; an underscore stands for a space."""
    wanted = {name.replace("_", " "): value for name, value in columns.items()}
    found = [row for row in rows if wanted.items() <= row.items()]
    assert len(found) == 1, (wanted, rows)
    return found[0]


def wait(mistral: MistralShell, command: str, key: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while True:
        record: dict[str, Any] = mistral(command, key)
        if record["State"] in states:
            return record
        assert time.monotonic() < deadline, record
        time.sleep(0.1)


def task_named(mistral: MistralShell, execution: str, name: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while True:
        rows = [row for row in mistral("task-list", execution) if row["Name"] == name]
        if rows and rows[0]["State"] in states:
            return dict(rows[0])
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)


# --- definitions --------------------------------------------------------------------------------

BOOK: Final = """
version: '2.0'
name: {name}
tags: [x, y]
actions:
  say: {{base: std.echo, base-input: {{output: "<% $.word %>"}}, input: [word]}}
workflows:
  main:
    tasks:
      one: {{action: say word=1}}
"""
WORKFLOW: Final = """
version: '2.0'
{name}:
  tags: [x]
  input: [who, greeting: hello]
  output: {{said: <% $.said %>}}
  tasks:
    greet:
      action: std.echo output="<% $.greeting %> <% $.who %>"
      publish: {{said: <% task().result %>}}
"""
ACTION: Final = """
version: '2.0'
{name}:
  description: says {word}
  base: std.echo
  base-input: {{output: "{word} <% $.name %>"}}
  input: [name: you]
"""


def test_workbooks(mistral: MistralShell, write: Callable[[str], str]) -> None:
    file = write(BOOK.format(name="book"))
    made = mistral("workbook-create", file)
    assert (made["Name"], made["Tags"], made["Scope"]) == ("book", "x, y", "private")
    assert DATE.fullmatch(made["Created at"])
    assert made["Updated at"] in (None, "<none>")
    assert mistral("workbook-create", file, "--namespace", "other")["Namespace"] == "other"
    assert find(mistral("workbook-list"), Name="book", Namespace="other")
    listed = mistral("workbook-list", "--filter", "name=book", "--limit", "1")
    assert [row["Name"] for row in listed] == ["book"]
    assert mistral("workbook-get", "book")["Name"] == "book"
    assert mistral("workbook-get", "book", "--namespace", "other")["Namespace"] == "other"
    assert (
        mistral.text("workbook-get-definition", "book").strip() == BOOK.format(name="book").strip()
    )
    assert mistral("workbook-update", file)["Updated at"] in (None, "<none>")  # nothing is new
    changed = write(BOOK.format(name="book").replace("x, y", "x, z"))
    updated = mistral("workbook-update", changed)
    assert updated["Tags"] == "x, z"
    assert DATE.fullmatch(updated["Updated at"])
    assert mistral("workbook-update", file, "--namespace", "other")["Namespace"] == "other"
    assert mistral("workbook-validate", file) == {"Valid": True, "Error": None}
    assert mistral("workbook-validate", write("version: '2.0'"))["Valid"] is False
    assert find(mistral("workflow-list"), Name="book.main", Namespace="")
    assert mistral.text("workbook-delete", "book", "--namespace", "other").strip()
    mistral.text("workbook-delete", "book")
    assert "Workbook not found" in mistral.run("workbook-get", "book").fault


def test_workflows(mistral: MistralShell, people: People, write: Callable[[str], str]) -> None:
    file = write(WORKFLOW.format(name="hello"))
    (made,) = mistral("workflow-create", file)
    assert UUID.fullmatch(made["ID"])
    assert made["Project ID"] == people.ann.project_id
    assert (made["Name"], made["Tags"], made["Scope"]) == ("hello", "x", "private")
    assert made["Input"].startswith("who, greeting=")
    assert mistral("workflow-create", file, "--namespace", "other")[0]["Namespace"] == "other"
    rows = mistral("workflow-list", "--filter", "name=eq:hello", "--filter", "namespace=eq:")
    assert [row["ID"] for row in rows] == [made["ID"]]
    assert rows[0]["Created at"] == made["Created at"]
    for arguments in ((made["ID"],), ("hello",)):
        assert mistral("workflow-get", *arguments)["ID"] == made["ID"]
    other = mistral("workflow-get", "hello", "--namespace", "other")
    assert other["ID"] != made["ID"]
    assert (
        mistral.text("workflow-get-definition", "hello").strip() == Path(file).read_text().strip()
    )
    assert mistral("workflow-update", file)[0]["ID"] == made["ID"]
    renamed = write(WORKFLOW.format(name="renamed"))
    (updated,) = mistral("workflow-update", renamed, "--id", made["ID"])
    assert (updated["ID"], updated["Name"]) == (made["ID"], "renamed")
    assert "forbidden" in mistral.run("workflow-update", renamed, "--public").fault
    assert mistral("workflow-validate", file) == {"Valid": True, "Error": None}
    assert mistral("workflow-validate", write("nothing"))["Valid"] is False
    mistral.text("workflow-delete", "renamed")
    mistral.text("workflow-delete", "hello", "--namespace", "other")
    assert "Workflow not found" in mistral.run("workflow-get", "renamed").fault


def test_actions(mistral: MistralShell, write: Callable[[str], str]) -> None:
    (made,) = mistral("action-create", write(ACTION.format(name="greet", word="hi")))
    assert made["Name"] == "greet"
    assert made["Is system"] is False
    assert made["Description"] == "says hi"
    rows = mistral("action-list")
    assert find(rows, Name="std.echo")["Is system"] is True
    assert find(rows, Name="greet")["Input"] == 'name="you"'
    assert mistral("action-get", "greet")["ID"] == made["ID"]
    assert "says hi" in mistral.text("action-get-definition", "greet")
    file = write(ACTION.format(name="greet", word="bye"))
    assert mistral("action-update", file)[0]["Description"] == "says bye"
    (updated,) = mistral("action-update", file, "--id", made["ID"])
    assert updated["ID"] == made["ID"]
    assert json.loads(mistral.text("run-action", "greet", '{"name": "Ann"}')) == {
        "result": "bye Ann"
    }
    mistral("action-create", file, "--namespace", "other")
    assert find(mistral("action-list", "--namespace", "other"), Name="greet")
    assert mistral("action-get", "greet", "--namespace", "other")["ID"] != made["ID"]
    assert mistral("action-validate", file) == {"Valid": True, "Error": None}
    assert mistral("action-validate", write("version: '2.0'\nx: {}"))["Valid"] is False
    mistral.text("action-delete", "greet")
    mistral.text("action-delete", "greet", "--namespace", "other")
    assert "Action not found" in mistral.run("action-get", "greet").fault


def test_what_is_public_is_for_all_and_administrators_make_it(
    people: People, write: Callable[[str], str]
) -> None:
    root = people.root.mistral
    file = write(WORKFLOW.format(name="for_all"))
    assert root("workflow-create", file, "--public")[0]["Scope"] == "public"
    assert root("workflow-update", file, "--public")[0]["Scope"] == "public"
    book = write(BOOK.format(name="book_for_all"))
    assert root("workbook-create", book, "--public")["Scope"] == "public"
    assert root("workbook-update", book, "--public")["Scope"] == "public"
    action = write(ACTION.format(name="act_for_all", word="hi"))
    root("action-create", action, "--public")
    root("action-update", action, "--public")
    for person in (people.ann, people.bob):
        assert person.mistral("workflow-get", "for_all")["Scope"] == "public"
        assert person.mistral("workbook-get", "book_for_all")["Scope"] == "public"
        assert person.mistral("action-get", "act_for_all")["Name"] == "act_for_all"
        assert "of other projects" in person.mistral.run("workflow-delete", "for_all").fault


# --- runs ---------------------------------------------------------------------------------------

RUNS: Final = """
version: '2.0'
talks:
  input: [who, greeting: hello]
  output: {said: <% $.said %>}
  tasks:
    greet:
      action: std.echo output="<% $.greeting %> <% $.who %>"
      publish: {said: <% task().result %>}
waits:
  tasks:
    ask:
      action: std.async_noop
      publish: {got: <% task().result %>}
publishes:
  tasks:
    t: {action: std.noop, on-success: {publish: {global: {everywhere: 1}}}}
fails:
  tasks:
    act: {action: std.fail}
items:
  tasks:
    each: {with-items: "i in [1, 2]", action: std.fail}
parent:
  tasks:
    below: {workflow: fails}
"""


@pytest.fixture(scope="module")
def runs(mistral: MistralShell, tmp_path_factory: pytest.TempPathFactory) -> MistralShell:
    """The shell, after the workflows above were uploaded."""
    file = tmp_path_factory.mktemp("runs") / "runs.yaml"
    file.write_text(RUNS)
    assert len(mistral("workflow-create", str(file))) == 6
    return mistral


def test_executions(runs: MistralShell) -> None:
    made = runs("execution-create", "talks", '{"who": "Ann"}', "-d", "a test")
    assert UUID.fullmatch(made["ID"])
    assert (made["Workflow name"], made["State"]) == ("talks", "RUNNING")
    assert made["Description"] == "a test"
    execution = wait(runs, "execution-get", made["ID"], "SUCCESS")
    assert DATE.fullmatch(execution["Created at"])
    assert execution["Root Execution ID"] == "<none>"
    assert json.loads(runs.text("execution-get-input", made["ID"])) == {
        "who": "Ann",
        "greeting": "hello",
    }
    assert json.loads(runs.text("execution-get-output", made["ID"])) == {"said": "hello Ann"}
    copy = runs("execution-create", "-s", made["ID"])
    wait(runs, "execution-get", copy["ID"], "SUCCESS")
    assert json.loads(runs.text("execution-get-output", copy["ID"])) == {"said": "hello Ann"}
    by_id = runs("execution-create", made["Workflow ID"], '{"who": "Bob"}')
    assert by_id["Workflow name"] == "talks"
    rows = runs("execution-list", "--filter", "workflow_name=talks", "--rootsonly")
    assert [row["ID"] for row in rows] == [made["ID"], copy["ID"], by_id["ID"]]
    first = runs("execution-list", "--filter", "workflow_name=talks", "--oldest", "--limit", "1")
    assert [row["ID"] for row in first] == [made["ID"]]
    after = runs(
        "execution-list", "--filter", "workflow_name=talks", "--marker", made["ID"], "--limit", "1"
    )
    assert [row["ID"] for row in after] == [copy["ID"]]
    runs.text("execution-delete", made["ID"], copy["ID"])
    assert "WorkflowExecution not found" in runs.run("execution-get", made["ID"]).fault


def test_changes_of_executions(runs: MistralShell) -> None:
    made = runs("execution-create", "waits")["ID"]
    assert runs("execution-update", made, "-s", "PAUSED")["State"] == "PAUSED"
    assert runs("execution-update", made, "-e", '{"x": 1}')["State"] == "PAUSED"
    assert runs("execution-update", made, "-d", "new words")["Description"] == "new words"
    assert runs("execution-update", made, "-s", "RUNNING")["State"] == "RUNNING"
    assert "Only completed executions" in runs.run("execution-delete", made).fault
    other = runs("execution-create", "waits")["ID"]
    assert runs("execution-update", other, "-s", "CANCELLED")["State"] == "CANCELLED"
    runs.text("execution-delete", other, "--force")


def test_published_global_variables(runs: MistralShell) -> None:
    made = runs("execution-create", "publishes")["ID"]
    wait(runs, "execution-get", made, "SUCCESS")
    assert json.loads(runs.text("execution-get-published", made)) == {"everywhere": 1}


def test_reports_and_what_lies_below(runs: MistralShell) -> None:
    made = runs("execution-create", "parent")["ID"]
    wait(runs, "execution-get", made, "ERROR")
    for arguments in ((), ("--no-errors-only",), ("--max-depth", "1"), ("--statistics-only",)):
        report = runs.text("execution-get-report", made, *arguments)
        assert re.search(r"Errors? *: *\d|[Ee]rror tasks: *\d|ERROR", report), report
    rows = runs("execution-get-sub-executions", made, "--errors-only", "--max-depth", "-1")
    assert [row["Workflow name"] for row in rows] == ["parent", "fails"]
    assert rows[1]["Root Execution ID"] == made
    task = runs("task-list", made)[0]
    below = runs("task-get-sub-executions", task["ID"])
    assert [row["ID"] for row in below] == [rows[1]["ID"]]
    assert [row["ID"] for row in runs("execution-list", "--task", task["ID"])] == [rows[1]["ID"]]


def test_tasks(runs: MistralShell) -> None:
    made = runs("execution-create", "waits")["ID"]
    task = task_named(runs, made, "ask", "RUNNING")
    assert task["Workflow Execution ID"] == made
    assert find(runs("task-list"), ID=task["ID"])["Name"] == "ask"
    assert runs("task-get", task["ID"])["Workflow name"] == "waits"
    (action,) = runs("action-execution-list", task["ID"])
    runs("action-execution-update", action["ID"], "--state", "SUCCESS", "--output", '{"a": 1}')
    wait(runs, "task-get", task["ID"], "SUCCESS")
    assert json.loads(runs.text("task-get-result", task["ID"])) == {"a": 1}
    assert json.loads(runs.text("task-get-published", task["ID"])) == {"got": {"a": 1}}
    assert DATE.fullmatch(task_named(runs, made, "ask", "SUCCESS")["Finished at"])


def test_reruns(runs: MistralShell) -> None:
    made = runs("execution-create", "fails")["ID"]
    wait(runs, "execution-get", made, "ERROR")
    task = task_named(runs, made, "act", "ERROR")
    assert runs("task-rerun", task["ID"], "-e", '{"x": 1}')["ID"] == task["ID"]
    wait(runs, "execution-get", made, "ERROR")
    fault = runs.run("task-rerun", task["ID"], "--resume").fault
    assert "Only with-items task has the option to not reset." in fault
    items = runs("execution-create", "items")["ID"]
    wait(runs, "execution-get", items, "ERROR")
    each = task_named(runs, items, "each", "ERROR")
    assert runs("task-rerun", each["ID"], "--resume")["ID"] == each["ID"]


def test_action_executions(runs: MistralShell) -> None:
    assert json.loads(runs.text("run-action", "std.echo", '{"output": [1]}')) == {"result": [1]}
    assert json.loads(runs.text("run-action", "std.fail", '{"error_data": "no"}', "--run-sync"))
    saved = runs("run-action", "std.echo", '{"output": "x"}', "-s")
    assert (saved["Name"], saved["State"]) == ("std.echo", "RUNNING")
    wait(runs, "action-execution-get", saved["ID"], "SUCCESS")
    assert json.loads(runs.text("action-execution-get-input", saved["ID"])) == {"output": "x"}
    assert json.loads(runs.text("action-execution-get-output", saved["ID"])) == {"result": "x"}
    row = find(runs("action-execution-list"), ID=saved["ID"])
    assert (row["State"], row["Accepted"]) == ("SUCCESS", True)
    runs.text("action-execution-delete", saved["ID"])
    assert "ActionExecution not found" in runs.run("action-execution-get", saved["ID"]).fault


def test_an_action_for_another_worker_waits_for_it(runs: MistralShell) -> None:
    made = runs("run-action", "std.noop", "{}", "-s", "-t", "no-such-worker")
    time.sleep(1)
    assert runs("action-execution-get", made["ID"])["State"] == "RUNNING"
    ended = runs("action-execution-update", made["ID"], "--state", "ERROR", "--output", '{"a": 1}')
    assert ended["State"] == "ERROR"
    assert json.loads(runs.text("action-execution-get-output", made["ID"])) == {"result": {"a": 1}}


def test_an_asynchronous_action_is_completed(runs: MistralShell) -> None:
    made = runs("execution-create", "waits")["ID"]
    task = task_named(runs, made, "ask", "RUNNING")
    (action,) = runs("action-execution-list", task["ID"])
    assert (action["Task name"], action["Workflow name"]) == ("ask", "waits")
    ended = runs("action-execution-update", action["ID"], "--state", "SUCCESS", "--output", "{}")
    assert (ended["State"], ended["Accepted"]) == ("SUCCESS", True)
    wait(runs, "execution-get", made, "SUCCESS")


# --- what stands around -------------------------------------------------------------------------


def test_environments(mistral: MistralShell, write: Callable[[str], str]) -> None:
    text = '{"name": "stage", "description": "tests", "variables": {"host": "a"}}'
    made = mistral("environment-create", write(text))
    assert made["Name"] == "stage"
    assert made["Scope"] == "private"
    assert json.loads(made["Variables"]) == {"host": "a"}
    row = find(mistral("environment-list"), Name="stage")
    assert row["Description"] == "tests"
    assert json.loads(mistral("environment-get", "stage")["Variables"]) == {"host": "a"}
    exported = mistral.text("environment-get", "stage", "--export")
    assert "stage" in exported
    changed = mistral("environment-update", write(text.replace('"a"', '"b"')))
    assert json.loads(changed["Variables"]) == {"host": "b"}
    mistral.text("environment-delete", "stage")
    assert "Environment not found" in mistral.run("environment-get", "stage").fault


def test_members(people: People, write: Callable[[str], str]) -> None:
    ann, bob = people.ann, people.bob
    (shared,) = ann.mistral("workflow-create", write(WORKFLOW.format(name="shared")))
    made = ann.mistral("member-create", shared["ID"], "workflow", bob.project_id)
    assert made["Resource ID"] == shared["ID"]
    assert made["Resource Type"] == "workflow"
    assert made["Resource Owner"] == ann.project_id
    assert (made["Member ID"], made["Status"]) == (bob.project_id, "pending")
    assert bob.mistral("member-get", shared["ID"], "workflow")["Status"] == "pending"
    assert "Workflow not found" in bob.mistral.run("workflow-get", shared["ID"]).fault
    accepted = bob.mistral("member-update", shared["ID"], "workflow")
    assert accepted["Status"] == "accepted"
    assert bob.mistral("workflow-get", shared["ID"])["Name"] == "shared"
    (row,) = ann.mistral("member-list", shared["ID"], "workflow")
    assert row["Status"] == "accepted"
    got = ann.mistral("member-get", shared["ID"], "workflow", "-m", bob.project_id)
    assert got["Member ID"] == bob.project_id
    rejected = bob.mistral("member-update", shared["ID"], "workflow", "-s", "rejected")
    assert rejected["Status"] == "rejected"
    ann.mistral.text("member-delete", shared["ID"], "workflow", bob.project_id)
    assert "not found" in bob.mistral.run("member-get", shared["ID"], "workflow").fault


def test_cron_triggers(mistral: MistralShell, write: Callable[[str], str]) -> None:
    mistral("workflow-create", write(WORKFLOW.format(name="scheduled")))
    arguments = ("scheduled", '{"who": "Ann"}', "--pattern", "0 3 * * *", "--count", "5")
    made = mistral("cron-trigger-create", "nightly", *arguments)
    assert (made["Name"], made["Workflow"], made["Pattern"]) == (
        "nightly",
        "scheduled",
        "0 3 * * *",
    )
    assert made["Remaining executions"] == 5
    assert DATE.fullmatch(made["Next execution time"])
    once = ("--first-time", "2090-01-31 12:30", "--utc", "--params", '{"env": {"x": 1}}')
    first = mistral("cron-trigger-create", "once", "scheduled", '{"who": "Bob"}', *once)
    assert first["Next execution time"] == "2090-01-31 12:30:00"
    assert json.loads(first["Params"]) == {"env": {"x": 1}}
    assert find(mistral("cron-trigger-list"), Name="nightly")["Pattern"] == "0 3 * * *"
    assert mistral("cron-trigger-get", "once")["Name"] == "once"
    refused = mistral.run("workflow-delete", "scheduled").fault
    assert "Can't delete workflow that has cron triggers associated" in refused
    mistral.text("cron-trigger-delete", "nightly", "once")
    assert "Cron trigger not found" in mistral.run("cron-trigger-get", "once").fault


def test_event_triggers(mistral: MistralShell, write: Callable[[str], str]) -> None:
    (workflow,) = mistral("workflow-create", write(WORKFLOW.format(name="on_event")))
    where = ("exchange", "topic", "disk.full")
    more = ('{"who": "Ann"}', "--params", '{"env": {"x": 1}}')
    made = mistral("event-trigger-create", "alarm", workflow["ID"], *where, *more)
    assert (made["Name"], made["Workflow ID"]) == ("alarm", workflow["ID"])
    assert (made["Exchange"], made["Topic"], made["Event"]) == where
    assert json.loads(made["Params"]) == {"env": {"x": 1}}
    assert find(mistral("event-trigger-list"), ID=made["ID"])["Event"] == "disk.full"
    assert mistral("event-trigger-get", made["ID"])["Name"] == "alarm"
    refused = mistral.run("workflow-delete", "on_event").fault
    assert "Can't delete workflow that has event triggers associated" in refused
    mistral.text("event-trigger-delete", made["ID"])
    assert "Event trigger not found" in mistral.run("event-trigger-get", made["ID"]).fault


CODE: Final = """
from mistral_lib import actions

class Twice(actions.Action):
    def __init__(self, x, plus=0):
        self.x = x
        self.plus = plus

    def run(self, context):
        return {number} * self.x + self.plus
"""
RUNS_CODE: Final = """
version: '2.0'
runs_code:
  output: {got: <% task(t).result %>}
  tasks:
    t: {action: twice x=21}
"""


def test_code_sources_and_dynamic_actions(people: People, write: Callable[[str], str]) -> None:
    root = people.root.mistral
    source = root("code-source-create", "maths", write(CODE.format(number=2)))
    assert (source["Name"], source["Scope"]) == ("maths", "private")
    assert source["Project ID"] == people.root.project_id
    assert find(root("code-source-list"), Name="maths")["ID"] == source["ID"]
    assert root("code-source-get", "maths")["ID"] == source["ID"]
    assert "class Twice" in root.text("code-source-get-content", "maths")
    made = root("dynamic-action-create", "twice", "Twice", "maths")
    assert (made["Name"], made["Class"]) == ("twice", "Twice")
    assert made["Code source name"] == "maths"
    assert find(root("dynamic-action-list"), Name="twice")["Code source ID"] == source["ID"]
    assert root("dynamic-action-get", "twice")["ID"] == made["ID"]
    assert root("action-get", "twice")["Input"] == "x, plus=0"
    assert find(root("action-list"), Name="twice")
    assert json.loads(root.text("run-action", "twice", '{"x": 2}')) == {"result": 4}
    assert "Invalid input" in root.run("run-action", "twice", '{"y": 2}').fault
    root("workflow-create", write(RUNS_CODE))
    execution = root("execution-create", "runs_code")["ID"]
    wait(root, "execution-get", execution, "SUCCESS")
    assert json.loads(root.text("execution-get-output", execution)) == {"got": 42}
    root("code-source-update", "maths", write(CODE.format(number=3)))
    assert json.loads(root.text("run-action", "twice", '{"x": 2}')) == {"result": 6}
    saved = root("run-action", "twice", '{"x": 5}', "-s")
    assert wait(root, "action-execution-get", saved["ID"], "SUCCESS")["Name"] == "twice"
    changed = root("dynamic-action-update", "twice", "--class-name", "Nothing")
    assert changed["Class"] == "Nothing"
    assert "has no class Nothing" in root.text("run-action", "twice", "{}")
    assert "forbidden" in people.ann.mistral.run("code-source-list").fault
    assert "Failed to find action" in people.ann.mistral.run("run-action", "twice").fault
    root.text("dynamic-action-delete", "twice")
    assert "Dynamic Action not found" in root.run("dynamic-action-get", "twice").fault
    root.text("code-source-delete", "maths")
    assert "Code Source not found" in root.run("code-source-get", "maths").fault


# Commands for what the service does not have.
NOT_THERE: Final = ("bash-completion",)


def test_no_command_is_left_out() -> None:
    """The names are asked from the client, so that a new one is noticed."""
    code = "from mistralclient.shell import MistralShell as s; print(*s._get_commands_v2())"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    names = [name for name in printed.stdout.split() if not name.startswith(NOT_THERE)]
    here = Path(__file__).read_text()
    assert len(names) > 50
    assert [name for name in names if f'"{name}"' not in here] == []
