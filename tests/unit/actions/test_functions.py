"""Actions made of Python functions: what users see of them, and what they take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, Literal

import pytest

from workflows.actions.base import (
    ActionContext,
    ActionFailed,
    Outcome,
    check_input,
    parameters,
    perform_action,
)
from workflows.actions.functions import ActionNotUsable, action, action_class, actions_of_module
from workflows.actions.registry import (
    ENTRY_POINT_GROUP,
    describe_action,
    load_actions,
    summarize_input,
)
from workflows.errors import ActionInputInvalid
from workflows.jsontypes import JSONObject, JSONValue

CONTEXT = ActionContext(action_execution_id="a1", task_name="pay")


@action("shop.refund", safe_rerun=True)
def refund(
    order: int,
    context: ActionContext,
    amount: float = 0.5,
    reasons: Sequence[str] = (),
    kind: Literal["full", "part"] | None = None,
) -> JSONObject:
    """Pays an order back.

    In full, or in part.
    """
    return {"order": order, "amount": amount, "task": context.task_name, "reasons": list(reasons)}


@action("shop.ask", asynchronous=True)
def ask(who: str) -> None:
    """Asks somebody."""


@action("shop.add", inline=True)
def add(a: JSONValue, *, b: Any = None) -> list[Any]:
    return [a, b]


@action("shop.fail")
def fail(with_data: bool) -> None:
    if with_data:
        raise ActionFailed("no stock", data={"left": 0})
    raise ValueError("bad order")


def run(function: Callable[..., Any], **input: Any) -> Outcome:
    made = action_class(function)
    assert made is not None
    return perform_action(made(), CONTEXT, input)


def test_a_function_stays_a_function() -> None:
    assert add(1, b=2) == [1, 2]


def test_users_see_its_parameters_defaults_and_docstring() -> None:
    made = action_class(refund)
    assert made is not None
    assert made.name == "shop.refund"
    assert summarize_input(parameters(made())) == "order, amount=0.5, reasons=[], kind=null"
    assert describe_action(made()) == "Pays an order back.\n\nIn full, or in part."


def test_what_it_declares_of_itself_is_what_the_action_says() -> None:
    classes = [action_class(one) for one in (refund, ask, add)]
    facts = [(one.is_safe_rerun, one.is_sync, one.inline) for one in classes if one is not None]
    assert facts == [(True, True, False), (False, False, False), (False, True, True)]


def test_it_gets_its_input_and_who_asks() -> None:
    outcome = run(refund, order=7, amount=2, reasons=["late"])
    assert outcome == Outcome(
        is_success=True, result={"order": 7, "amount": 2, "task": "pay", "reasons": ["late"]}
    )


@pytest.mark.parametrize(
    ("input", "text"),
    [
        ({"order": "7"}, "'order' must be a whole number."),
        ({"order": True}, "'order' must be a whole number."),
        ({"order": 7.5}, "'order' must be a whole number."),
        ({"order": 7, "amount": "much"}, "'amount' must be a number."),
        ({"order": 7, "amount": False}, "'amount' must be a number."),
        ({"order": 7, "reasons": [1]}, "'reasons' must be a list."),
        ({"order": 7, "kind": "half"}, "'kind' must be one of 'full', 'part' or null."),
    ],
)
def test_a_value_of_another_type_fails_before_the_function_runs(
    input: dict[str, Any], text: str
) -> None:
    assert run(refund, **input) == Outcome(is_success=False, result=text)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a", [{}], {"a": [1]}])
def test_any_json_value_fits_where_the_annotation_says_so(value: Any) -> None:
    assert run(add, a=value, b=value).result == [value, value]


def test_names_are_checked_as_for_any_action() -> None:
    made = action_class(refund)
    assert made is not None
    with pytest.raises(ActionInputInvalid) as error:
        check_input("shop.refund", made(), {"ordr": 1})
    assert error.value.message.endswith("refund, missing=['order'], unexpected=['ordr']]")


def test_the_context_is_no_parameter_that_users_could_set() -> None:
    made = action_class(refund)
    assert made is not None
    with pytest.raises(ActionInputInvalid):
        check_input("shop.refund", made(), {"order": 1, "context": {}})


def test_errors_are_results() -> None:
    assert run(fail, with_data=True).result == {"left": 0}
    assert "msg='bad order'" in str(run(fail, with_data=False).result)


def positional_only(a: int, /) -> None: ...
def any_names(**names: int) -> None: ...
def no_annotation(a) -> None: ...  # type: ignore[no-untyped-def]
def no_json(at: datetime) -> None: ...
def no_json_inside(at: list[datetime]) -> None: ...
def keys_that_are_numbers(at: dict[int, str]) -> None: ...
def wrong_default(count: int = "many") -> None: ...  # type: ignore[assignment]
async def coroutine() -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "reason"),
    [
        ("a.b", positional_only, "cannot be given by its name"),
        ("a.b", any_names, "cannot be given by its name"),
        ("a.b", no_annotation, "has no annotation"),
        ("a.b", no_json, "no type of a JSON value"),
        ("a.b", no_json_inside, "no type of a JSON value"),
        ("a.b", keys_that_are_numbers, "keys of a JSON map"),
        ("a.b", wrong_default, "the default of count has another type"),
        ("a.b", coroutine, "not a coroutine"),
        ("std.mine", ask, "belong to the service"),
        ("celery.mine", ask, "belong to the service"),
        ("a b", ask, "no name of an action"),
        ("", ask, "no name of an action"),
    ],
)
def test_a_function_that_cannot_be_an_action_is_refused_at_once(
    name: str, function: Callable[..., Any], reason: str
) -> None:
    with pytest.raises(ActionNotUsable, match=reason):
        action(name)(function)


def test_an_action_cannot_be_inline_and_asynchronous() -> None:
    with pytest.raises(ActionNotUsable, match="cannot be inline"):
        action("a.b", inline=True, asynchronous=True)(ask)


# --- how they are found


def test_an_entry_point_names_a_function() -> None:
    point = EntryPoint(name="shop.refund", value=f"{__name__}:refund", group=ENTRY_POINT_GROUP)
    assert load_actions([point])["shop.refund"].is_safe_rerun


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with two actions of its own, one that it imports, and one with a taken name."""
    made = ModuleType("shop_actions")
    text = (
        "from workflows.actions.functions import action\n"
        "from workflows.actions.std.echo import EchoAction\n"
        "@action('shop.one')\n"
        "def one() -> int:\n    return 1\n"
        "@action('shop.two')\n"
        "def two() -> int:\n    return 2\n"
        "@action('shop.one')\n"
        "def again() -> int:\n    return 3\n"
    )
    exec(text, made.__dict__)  # noqa: S102 - the test's own text
    monkeypatch.setitem(sys.modules, "shop_actions", made)
    return made


def test_a_module_gives_what_it_defines_itself(module: ModuleType) -> None:
    assert [made.name for made in actions_of_module(module)] == ["shop.one", "shop.two", "shop.one"]


def test_an_entry_point_or_a_setting_may_name_a_module(
    module: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    point = EntryPoint(name="shop", value="shop_actions", group=ENTRY_POINT_GROUP)
    for actions in (load_actions([point]), load_actions([], ["shop_actions"])):
        assert perform_action(actions["shop.one"], CONTEXT, {}).result == 1
        assert "shop.two" in actions
    assert [record.entry_point for record in caplog.records] == ["shop", "shop_actions"]


def test_a_module_that_cannot_be_loaded_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "std.echo" in load_actions([], ["no_such_module"])
    assert "a module with actions cannot be loaded" in caplog.text
