"""The verdicts that an upload gets, as recorded from Mistral."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.expressions.check import find_expression_problems
from workflows.expressions.evaluate import is_expression


@pytest.mark.parametrize(
    "text",
    [
        "<% 1 = 1 and not 2 > 3 %>",
        "<% {a => 1, b => [2, 3]} %>",
        "<% let(x => 20) -> $x + 1 %>",
        "{{ 1 == 1 and not 2 > 3 }}",
        "{{ {'a': 1, 'b': [2, 3]} }}",
        "{% set x = 20 %}{{ x + 1 }}",
        "{% if _.a %}x{% endif %}",
        "<% 1 %> and <% 2 %>",
        "<% nosuch($.x) %>",
        "{{ nosuch(_.x) | nosuch }}",
        # One mark alone is text.
        "5 <% of all",
        "5 %> of all",
        "a {{ b",
        "a }} b",
        "{ a } < b > 100%",
        "a {# b #} c",
        "<% $.a\n%>",
        "{{ _.a\n}}",
        "",
    ],
)
def test_good_expressions_and_plain_text_have_no_problem(text: str) -> None:
    assert find_expression_problems(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "<% %>",
        "<%%>",
        "{{ }}",
        "<% $.a == 1 %>",
        "<% $.a and $.b && $.c %>",
        "<% [1, 2,] %>",
        "<% {a: 1} %>",
        "<% 'abc %>",
        "<% 1 %> and <% 2 + %>",
        "<% 1e3 %>",
        "<% $.__env %>",
        "<% '%>' %>",
        "{{ _.a = 1 }}",
        "{% when _.a %}x{% endwhen %}",
        "{% if _.a %}x",
        "x {% endif %}",
        "<% $.a %> and {{ _.a }}",
        "<% $.a %> {% if _.a %}x{% endif %}",
    ],
)
def test_bad_syntax_is_one_problem_that_shows_the_text(text: str) -> None:
    (problem,) = find_expression_problems(text)

    assert problem.startswith("Expression [")


def test_all_problems_at_any_depth_are_found_and_keys_are_not_looked_at() -> None:
    value: Any = {"<% bad bad %>": [{"a": "<% ( %>"}, "fine", 5, None], "b": "{{ ) }}"}

    problems = find_expression_problems(value)

    assert [problem.partition("]")[0] for problem in problems] == [
        "Expression [<% ( %>",
        "Expression [{{ ) }}",
    ]


def test_a_problem_has_a_bounded_length() -> None:
    (problem,) = find_expression_problems("<% " + "1 " * 5000 + "%>")

    assert len(problem) < 700


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<% 1 %>", True),
        ("x {{ 1 }}", True),
        ("{% if 1 %}x{% endif %}", True),
        ({"a": [{"b": "<% 1 %>"}]}, True),
        ({"<% 1 %>": "a"}, False),
        ("<% 1", False),
        ("{# a #}", False),
        ("<% $.a\n%>", False),
        (["a", 1, None, {}], False),
        (5, False),
    ],
)
def test_is_expression_looks_at_any_depth_but_not_at_keys(value: Any, expected: bool) -> None:
    assert is_expression(value) is expected
