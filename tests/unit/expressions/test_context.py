from __future__ import annotations

from typing import Any

import pytest

from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.frozen import frozen_variables
from workflows.expressions.reader import NoReader


def test_the_first_layer_that_has_a_name_wins_also_with_null() -> None:
    context = Context({"a": None}, {"a": 1, "b": 2}, {"b": 3, "c": 4})

    assert dict(context) == {"a": None, "b": 2, "c": 4}
    assert len(context) == 3
    assert repr(context) == "{'a': None, 'b': 2, 'c': 4}"


def test_hidden_names_answer_but_are_not_listed() -> None:
    context = Context({"a": 1}, hidden={"__env": {"x": 1}})

    assert context["__env"] == {"x": 1}
    assert context.get("__env") == {"x": 1}
    assert "__env" in context
    assert list(context) == ["a"]
    assert len(context) == 1


def test_what_no_layer_has_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Context({"a": 1})["b"]
    assert Context().get("b", 5) == 5
    assert len(Context()) == 0


def test_methods_of_mappings_come_before_variables_in_jinja_only() -> None:
    context = Context({"items": 1, "keys": 2, "pop": 3})

    assert evaluate("<% $.items + $.keys %>", context, NoReader()) == 3
    assert evaluate("{{ _['items'] }}", context, NoReader()) == 1
    assert evaluate("{{ _.pop }}", context, NoReader()) == 3
    assert evaluate("{{ _.keys() | list }}", context, NoReader()) == ["items", "keys", "pop"]


def test_values_are_frozen_once_and_handed_back_as_they_were() -> None:
    rows: list[Any] = [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}]
    context = Context({"rows": rows})

    found: Any = evaluate("<% $.rows.where($.id > 1) %>", context, NoReader())

    assert found[0] is rows[1]
    assert evaluate("<% $.rows.select($) %>", context, NoReader()) == rows
    assert frozen_variables(context)["rows"] is frozen_variables(context)["rows"]


def test_frozen_data_can_be_compared_hashed_and_combined() -> None:
    context = Context({"a": {"l": [1, {"b": 2}]}, "b": {"l": [1, {"b": 2}]}})
    questions = {
        "<% $.a = $.b %>": True,
        "<% $.a = {l => [1, {b => 2}]} %>": True,
        "<% [$.a, $.b].distinct().len() %>": 1,
        "<% $.a.l = [1, {b => 2}] %>": True,
        "<% ($ + {c => 1}).len() %>": 3,
        "<% $.a.get(nothing, 5) %>": 5,
    }

    assert {text: evaluate(text, context, NoReader()) for text in questions} == questions
