"""How actions declare their input and how a run ends."""

from __future__ import annotations

import pytest

from workflows.actions.base import (
    Action,
    ActionContext,
    ActionFailed,
    Outcome,
    check_input,
    parameters,
    perform_action,
)
from workflows.actions.std.echo import EchoAction
from workflows.actions.std.noop import NoopAction
from workflows.errors import ActionInputInvalid
from workflows.jsontypes import JSONValue
from workflows.language.specs import InputParameter


class Greet(Action):
    """Greets."""

    name = "test.greet"

    def run(self, context: ActionContext, who: str, *, mood: str = "glad") -> JSONValue:
        return f"{who} is {mood}"


class TakeAnything(Action):
    """Returns its input."""

    name = "test.anything"

    def run(self, context: ActionContext, first: JSONValue, **rest: JSONValue) -> JSONValue:
        return {"first": first, **rest}


class Break(Action):
    """Raises what it is told to raise."""

    name = "test.break"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def run(self, context: ActionContext) -> JSONValue:
        raise self.error


def test_parameters_come_from_the_signature_of_run() -> None:
    assert parameters(Greet()) == (
        InputParameter("who"),
        InputParameter("mood", "glad"),
    )
    assert parameters(NoopAction()) == ()


def test_an_input_that_fits_is_accepted() -> None:
    check_input("test.greet", Greet(), {"who": "Ann"})
    check_input("test.greet", Greet(), {"who": None, "mood": "cross"})


@pytest.mark.parametrize(
    ("input", "text"),
    [
        ({}, "missing=['output']"),
        ({"output": 1, "volume": 11}, "unexpected=['volume']"),
        ({"volume": 11}, "missing=['output'], unexpected=['volume']"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_in_the_words_clients_know(
    input: dict[str, JSONValue], text: str
) -> None:
    with pytest.raises(ActionInputInvalid) as caught:
        check_input("std.echo", EchoAction(), input)
    place = "class=workflows.actions.std.echo.EchoAction"
    assert caught.value.message == f"Invalid input [name=std.echo, {place}, {text}]"


def test_an_open_signature_takes_any_name_but_still_needs_the_required_ones() -> None:
    check_input("test.anything", TakeAnything(), {"first": 1, "second": 2})
    with pytest.raises(ActionInputInvalid, match=r"missing=\['first'\]\]"):
        check_input("test.anything", TakeAnything(), {"second": 2})


def test_the_returned_value_is_the_result_of_a_run() -> None:
    outcome = perform_action(Greet(), ActionContext(), {"who": "Ann"})
    assert outcome == Outcome(is_success=True, result="Ann is glad")


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (ActionFailed("no paper"), "no paper"),
        (ActionFailed("no paper", data={"tray": 2}), {"tray": 2}),
        (ActionFailed("no paper", data=None), None),
    ],
)
def test_a_failed_action_ends_with_its_message_or_its_data(
    failure: ActionFailed, result: JSONValue
) -> None:
    outcome = perform_action(Break(failure), ActionContext(), {})
    assert outcome == Outcome(is_success=False, result=result)


@pytest.mark.parametrize(
    ("error", "message"), [(ValueError("bad tray"), "bad tray"), (KeyError(), "KeyError")]
)
def test_an_exception_ends_as_one_line_that_names_the_run(error: Exception, message: str) -> None:
    outcome = perform_action(Break(error), ActionContext(action_execution_id="42"), {})
    assert outcome == Outcome(
        is_success=False,
        result="The action raised an exception "
        f"[action=test.break, action_ex_id=42, msg='{message}']",
    )


def test_a_failure_can_be_rebuilt_from_its_arguments() -> None:
    failure = ActionFailed("no paper", data=[1])
    rebuilt = ActionFailed(*failure.args)
    assert (str(rebuilt), rebuilt.result) == ("no paper", [1])
