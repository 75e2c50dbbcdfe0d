"""Stored Python code: what is read from it without running it, and how a worker runs it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from workflows.actions import code as module
from workflows.actions.base import ActionContext, check_input, parameters, perform_action
from workflows.actions.code import Code, check_code, code_action, find_fault, list_classes
from workflows.actions.registry import describe_action, summarize_input
from workflows.errors import ActionInputInvalid, RequestInvalid
from workflows.jsontypes import JSONValue

TEXT = '''
from mistral_lib import actions
from somewhere.unknown import Base  # never imported while reading


class Greet(actions.Action):
    """Says hello."""

    def __init__(self, name, greeting="hi", *, times=1, sep=str()):
        self.text = f"{greeting} {name}"

    def run(self, context):
        return self.text


class Louder(Greet):
    def run(self, context):
        return self.text.upper()


class Plain(object):
    def run(self, context):
        return 1


class Foreign(Base):
    pass


class Open(actions.Action):
    def __init__(self, **kwargs):
        pass


class Later(actions.Action):
    def is_sync(self):
        return False
'''
RUNNABLE = """
from mistral_lib import actions
from mistral_lib.actions import Result

LOADED = []


class Echo(actions.Action):
    def __init__(self, value):
        self.value = value

    def run(self, context):
        LOADED.append(1)
        return {"value": self.value, "count": len(LOADED)}


class Where(actions.Action):
    def run(self, context):
        return [context.execution.workflow_name, context.security.project_id]


class Failing(actions.Action):
    def run(self, context):
        return Result(error={"why": "no"})


class Fine(actions.Action):
    def run(self, context):
        return Result(data=[1, 2])


class GivenUp(actions.Action):
    def run(self, context):
        return Result(data="half", cancel=True)


class GivenUpSilently(actions.Action):
    def run(self, context):
        return Result(error="late", cancel=True)


class Raising(actions.Action):
    def run(self, context):
        raise ValueError("broken")
"""
CONTEXT = ActionContext(action_execution_id="a1", workflow_name="w", project_id="p")


def make(text: str, class_name: str, version: int = 1, key: UUID | None = None) -> module.Action:
    return code_action("act", class_name, Code(key or uuid4(), version, "source", text))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Process, "is_worker", True)


@pytest.mark.parametrize(
    ("class_name", "wanted"),
    [
        ("Greet", 'name, greeting="hi", times=1, sep=null'),
        ("Louder", 'name, greeting="hi", times=1, sep=null'),
        ("Plain", ""),
        ("Later", ""),
    ],
)
def test_what_a_class_takes_is_read_from_the_text(class_name: str, wanted: str) -> None:
    action = make(TEXT, class_name)
    assert summarize_input(parameters(action)) == wanted
    with pytest.raises(ActionInputInvalid, match="unexpected"):
        check_input("act", action, {"name": 1, "more": 1})


def test_missing_input_is_refused_before_any_run() -> None:
    with pytest.raises(ActionInputInvalid, match=r"missing=\['name'\]"):
        check_input("act", make(TEXT, "Greet"), {})


@pytest.mark.parametrize("class_name", ["Foreign", "Open", "NotThere"])
def test_a_class_that_cannot_be_seen_through_takes_anything(class_name: str) -> None:
    check_input("act", make(TEXT, class_name), {"any": 1})


def test_description_and_kind_are_read_too() -> None:
    assert describe_action(make(TEXT, "Greet")) == "Says hello."
    assert make(TEXT, "Greet").is_sync
    assert not make(TEXT, "Later").is_sync


@pytest.mark.parametrize("text", ["class", "x = (", "\x00", "(" * 10_000, "  x = 1"])
def test_what_is_no_python_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid, match="could not be parsed"):
        check_code(text)


def test_a_fault_is_told_with_its_place() -> None:
    assert find_fault("class A:\n    pass\n") is None
    fault = find_fault("x = 1\ndef (:\n")
    assert fault is not None
    assert (fault.line, fault.column, fault.severity) == (2, 5, "error")


def test_classes_that_can_run_are_listed() -> None:
    text = "class A:\n    def run(self, context): ...\nclass B(A): ...\nclass C: ...\n"
    assert list_classes(text) == ["A", "B"]


def test_code_is_run_by_workers_alone() -> None:
    text = "raise SystemExit('it was run')"
    outcome = perform_action(make(text, "Any"), CONTEXT, {})
    assert not outcome.is_success
    assert "Stored code runs in workers only." in str(outcome.result)


@pytest.mark.parametrize(
    ("class_name", "state", "result"),
    [
        ("Where", "SUCCESS", ["w", "p"]),
        ("Failing", "ERROR", {"why": "no"}),
        ("Fine", "SUCCESS", [1, 2]),
        ("GivenUp", "CANCELLED", "half"),
        ("GivenUpSilently", "CANCELLED", "late"),
    ],
)
def test_a_worker_runs_it(class_name: str, state: str, result: JSONValue, worker: None) -> None:
    outcome = perform_action(make(RUNNABLE, class_name), CONTEXT, {})
    assert (outcome.state, outcome.result) == (state, result)


def test_what_it_raises_is_an_error_without_a_traceback(worker: None) -> None:
    outcome = perform_action(make(RUNNABLE, "Raising"), CONTEXT, {})
    assert not outcome.is_success
    assert "broken" in str(outcome.result)
    assert "Traceback" not in str(outcome.result)


def test_a_module_is_loaded_once_for_each_version(worker: None) -> None:
    key = uuid4()

    def count(version: int, text: str = RUNNABLE) -> object:
        outcome = perform_action(make(text, "Echo", version, key), CONTEXT, {"value": 0})
        assert isinstance(outcome.result, dict)
        return outcome.result["count"]

    assert [count(1), count(1), count(2), count(1)] == [1, 2, 1, 3]


def test_a_class_that_is_not_there_is_an_error(worker: None) -> None:
    outcome = perform_action(make(RUNNABLE, "Nothing"), CONTEXT, {})
    assert "has no class Nothing" in str(outcome.result)
