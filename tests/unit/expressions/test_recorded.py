"""Expressions whose values were recorded from a running Mistral."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.errors import ExpressionFailed
from workflows.expressions.check import find_expression_problems
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader

RECORDED = yaml.safe_load(Path(__file__).with_name("recorded.yaml").read_text(encoding="utf-8"))

ROWS = [
    pytest.param(group["data"], expression, group["values"][name], id=f"{number}-{name}")
    for number, group in enumerate(RECORDED)
    for name, expression in group["expressions"].items()
]


@pytest.mark.parametrize(("data", "expression", "value"), ROWS)
def test_an_expression_gives_the_recorded_value(data: Any, expression: Any, value: Any) -> None:
    given = json.dumps(data)

    result = evaluate(expression, Context(data), NoReader())

    assert json.dumps(result, sort_keys=True) == json.dumps(value, sort_keys=True)
    assert json.dumps(data) == given
    assert find_expression_problems(expression) == []


@pytest.mark.parametrize(
    ("data", "expression"),
    [
        ({}, "<% $.unset %>"),
        ({"d": {"a": 1}}, "<% $.d.unset %>"),
        ({"n": None}, "<% $.n.a %>"),
        ({}, "<% [1, 2][5] %>"),
        ({}, "<% frobnicate(1) %>"),
        ({}, "<% 'a' + 1 %>"),
        ({}, "<% 1 < 'b' %>"),
        ({}, "<% int('4x') %>"),
        ({}, "<% json_parse(nope) %>"),
        ({}, "{{ _.nobody }}"),
        ({}, "dear {{ _.nobody }}"),
        ({"p": {"a": 1}}, "{{ _.p.b }}"),
        ({}, "{{ _.nobody.name | default('x') }}"),
        ({"p": 1}, "{{ p }}"),
        ({}, "{{ 'a' | frobnicate }}"),
        ({}, "{{ 'a' + 1 }}"),
    ],
)
def test_what_fails_in_mistral_passes_the_check_and_fails_when_it_runs(
    data: Any, expression: str
) -> None:
    assert find_expression_problems(expression) == []
    with pytest.raises(ExpressionFailed):
        evaluate(expression, Context(data), NoReader())
