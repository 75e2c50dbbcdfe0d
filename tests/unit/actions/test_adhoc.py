"""Ad-hoc actions: found, checked, filled in on the way down, and finished on the way up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from workflows.actions.adhoc import (
    AdhocBaseCyclic,
    AdhocBaseInputInvalid,
    AdhocBaseMissing,
    ResolvedAction,
    check_action_input,
    finish_output,
    prepare_input,
    resolve_action,
)
from workflows.errors import ActionInputInvalid, ActionUnknown, ExpressionFailed
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.specs import AdhocActionSpec, InputParameter

NO_READER: Any = None  # no expression here asks for other executions

WRAP = AdhocActionSpec(
    name="wrap",
    input=(InputParameter("thing"), InputParameter("paper", "brown")),
    base="std.echo",
    base_input={"output": "<% $.paper %> <% $.thing %>"},
    output="<% $ + ' tied' %>",
)
GIFT = AdhocActionSpec(
    name="gift",
    input=(InputParameter("what"),),
    base="wrap",
    base_input={"thing": "<% $.what %>"},
    output={"gift": "<% $ %>"},
)


def resolve(name: str, *stored: AdhocActionSpec, namespace: str = "") -> ResolvedAction:
    table: Mapping[str, AdhocActionSpec] = {spec.name: spec for spec in stored}
    return resolve_action(name, namespace, lambda wanted, _namespace: table.get(wanted))


def prepare(
    resolved: ResolvedAction, input: JSONObject, context: JSONObject | None = None
) -> JSONObject:
    return prepare_input(resolved, input, context or {}, NO_READER)


def test_a_python_action_is_found_without_a_look_up() -> None:
    def refuse(name: str, namespace: str) -> AdhocActionSpec | None:
        raise AssertionError

    resolved = resolve_action("std.echo", "", refuse)
    assert (resolved.name, resolved.base.name, resolved.chain) == ("std.echo", "std.echo", ())


def test_a_chain_is_followed_down_to_the_python_action() -> None:
    resolved = resolve("gift", GIFT, WRAP)
    assert (resolved.name, resolved.base.name) == ("gift", "std.echo")
    assert resolved.chain == (GIFT, WRAP)


def test_every_level_is_looked_up_in_the_namespace_of_the_workflow() -> None:
    asked: list[tuple[str, str]] = []

    def find(name: str, namespace: str) -> AdhocActionSpec | None:
        asked.append((name, namespace))
        return {"gift": GIFT, "wrap": WRAP}.get(name)

    resolve_action("gift", "lab", find)
    assert asked == [("gift", "lab"), ("wrap", "lab")]


def test_an_unknown_name_is_reported_as_clients_know_it() -> None:
    with pytest.raises(ActionUnknown, match=r"^Failed to find action \[action_name=no\.such\]$"):
        resolve("no.such")


def test_a_missing_base_is_another_error_than_an_unknown_name() -> None:
    with pytest.raises(AdhocBaseMissing, match="action_name=gift, base=wrap"):
        resolve("gift", GIFT)


def test_actions_made_from_each_other_are_refused() -> None:
    chicken = AdhocActionSpec(name="chicken", base="egg")
    egg = AdhocActionSpec(name="egg", base="chicken")
    with pytest.raises(AdhocBaseCyclic):
        resolve("chicken", chicken, egg)


def test_an_adhoc_action_is_as_synchronous_and_inline_as_its_base() -> None:
    ask = resolve("ask", AdhocActionSpec(name="ask", base="std.async_noop"))
    assert not ask.is_sync
    wrap = resolve("wrap", WRAP)
    assert wrap.is_sync
    assert wrap.is_inline({"output": 1})
    assert not wrap.is_inline({"output": 1, "delay": 2})


def test_only_the_outermost_declaration_is_checked() -> None:
    resolved = resolve("gift", GIFT, WRAP)
    check_action_input(resolved, {"what": "book"})
    with pytest.raises(ActionInputInvalid) as caught:
        check_action_input(resolved, {"thing": "book"})
    assert "name=gift" in caught.value.message
    assert "missing=['what'], unexpected=['thing']" in caught.value.message


def test_a_python_action_is_checked_by_its_signature() -> None:
    with pytest.raises(ActionInputInvalid, match=r"missing=\['output'\]"):
        check_action_input(resolve("std.echo"), {})


def test_the_input_of_a_python_action_stays_as_it_is() -> None:
    assert prepare(resolve("std.echo"), {"output": "<% 1 %>"}) == {"output": "<% 1 %>"}


def test_input_goes_down_the_chain_with_the_defaults_of_each_level() -> None:
    resolved = resolve("gift", GIFT, WRAP)
    assert prepare(resolved, {"what": "book"}) == {"output": "brown book"}


def test_defaults_keep_their_type_and_are_not_evaluated() -> None:
    brew = AdhocActionSpec(
        name="brew",
        input=(InputParameter("later", "<% 1 + 1 %>"), InputParameter("extras", {"milk": 1})),
        base="std.echo",
        base_input={"output": ["<% $.later %>", "<% $.extras %>"]},
    )
    assert prepare(resolve("brew", brew), {}) == {"output": ["<% 1 + 1 %>", {"milk": 1}]}


def test_a_given_null_is_not_replaced_by_the_default() -> None:
    resolved = resolve("wrap", WRAP)
    note = AdhocActionSpec(
        name="note",
        input=(InputParameter("text", "none"),),
        base="std.echo",
        base_input={"output": "<% $.text %>"},
    )
    assert prepare(resolve("note", note), {"text": None}) == {"output": None}
    assert prepare(resolved, {"thing": "egg", "paper": None}) == {"output": "None egg"}


def test_expressions_see_their_own_input_before_the_context_of_the_task() -> None:
    stamp = AdhocActionSpec(
        name="stamp",
        input=(InputParameter("text"),),
        base="std.echo",
        base_input={"output": "<% $.text %> <% $.clerk %>"},
    )
    context: JSONObject = {"text": "hidden", "clerk": "Sam"}
    assert prepare(resolve("stamp", stamp), {"text": "seen"}, context) == {"output": "seen Sam"}


def test_without_base_input_the_base_gets_nothing() -> None:
    rest = AdhocActionSpec(name="rest", input=(InputParameter("hours", 1),), base="std.noop")
    assert prepare(resolve("rest", rest), {"hours": 2}) == {}


def test_an_input_that_the_base_does_not_take_is_an_error_of_the_base() -> None:
    shout = AdhocActionSpec(name="shout", base="std.echo", base_input={"volume": 11})
    with pytest.raises(AdhocBaseInputInvalid, match=r"name=std\.echo.*unexpected=\['volume'\]"):
        prepare(resolve("shout", shout), {})


def test_a_base_input_that_cannot_be_evaluated_is_an_error_of_the_base() -> None:
    with pytest.raises(AdhocBaseInputInvalid, match="action_name=wrap"):
        prepare(resolve("wrap", WRAP), {"paper": "brown"})


def test_a_base_input_that_gives_no_map_is_an_error_of_the_base() -> None:
    odd = AdhocActionSpec(name="odd", base="std.echo", base_input="<% 12 %>")
    with pytest.raises(AdhocBaseInputInvalid, match="base-input must give a map"):
        prepare(resolve("odd", odd), {})


def test_the_declared_input_of_an_inner_action_is_not_checked() -> None:
    outer = AdhocActionSpec(
        name="outer", base="wrap", base_input={"thing": "egg", "undeclared": True}
    )
    assert prepare(resolve("outer", outer, WRAP), {}) == {"output": "brown egg"}


def test_the_result_goes_up_through_the_output_of_each_level() -> None:
    resolved = resolve("gift", GIFT, WRAP)
    assert finish_output(resolved, "brown book", NO_READER) == {"gift": "brown book tied"}


@pytest.mark.parametrize("result", [None, 3, "text", [1], {"a": 1}])
def test_without_output_or_with_null_the_result_stays_as_it_is(result: JSONValue) -> None:
    plain = AdhocActionSpec(name="plain", base="std.echo")
    null = AdhocActionSpec(name="null", base="std.echo", output=None)
    assert finish_output(resolve("plain", plain), result, NO_READER) == result
    assert finish_output(resolve("null", null), result, NO_READER) == result


def test_an_output_that_cannot_be_evaluated_is_a_failed_expression() -> None:
    wrong = AdhocActionSpec(name="wrong", base="std.echo", output="<% $.nope.x %>")
    with pytest.raises(ExpressionFailed):
        finish_output(resolve("wrong", wrong), {"a": 1}, NO_READER)


def test_an_output_can_be_any_structure_of_values_and_expressions() -> None:
    ask = AdhocActionSpec(
        name="ask",
        base="std.async_noop",
        output={"agreed": "<% $.answer = yes_please %>", "words": ["<% $.answer %>", None]},
    )
    result: Any = {"answer": "yes_please"}
    assert finish_output(resolve("ask", ask), result, NO_READER) == {
        "agreed": True,
        "words": ["yes_please", None],
    }
