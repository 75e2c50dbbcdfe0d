"""What comes out: types, texts, and what cannot be stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.expressions.conftest import Evaluate
from workflows.errors import ExpressionFailed
from workflows.expressions.evaluate import evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("<% set(1) %>", [1]),
        ("<% [1, 2].select($ + 1) %>", [2, 3]),
        ("<% $.d.keys() %>", ["x", "z"]),
        ("<% {1 => a, null => b, 1.5 => c} %>", {"1": "a", "null": "b", "1.5": "c"}),
        ("<% {true => a} %>", {"true": "a"}),
        ("<% [[1, 2], [3]].toDict($[0]) %>", {"1": [1, 2], "3": [3]}),
        ("<% datetime('2024-02-29T10:20:30+02:00') %>", "2024-02-29T10:20:30.000000"),
        ("<% str($.d) %>", "{'x': (1, {'y': 2}), 'z': None}"),
        ("<% $ %>", {"a": 1, "d": {"x": [1, {"y": 2}], "z": None}}),
        ("<% $.len() %>", 2),
        ("<% $x %>", None),
        ("<% $__env.region %>", "south"),
        ("<% $['__env'].region %>", "south"),
        ("<% $.get('__env').region %>", "south"),
        ("<% $['__env'].region = env().region %>", True),
        ("{{ __env.region }}", "south"),
        ("{{ _.__env.region }}", "south"),
        ("<%<% 1 %>", 1),
        ("{{-5}}", -5),
        ("{{- 5 -}}", 5),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ [1, 2] | map('string') }}", ["1", "2"]),
        ("{{ {1: 2, none: 3} }}", {"1": 2, "null": 3}),
        ("{{ 'a' | e }}", "a"),
        ("{{ _ }}", {"a": 1, "d": {"x": [1, {"y": 2}], "z": None}}),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ {'a': {'b': false}}.a.b }}", False),
        ('{{ "}}" }}', "}}"),
    ],
)
def test_a_whole_expression_keeps_the_type_as_json_has_it(
    run: Evaluate, expression: str, value: Any
) -> None:
    assert repr(run(expression, a=1, d={"x": [1, {"y": 2}], "z": None})) == repr(value)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("at <% datetime('2024-02-29T10:20:30+02:00') %>", "at 2024-02-29 10:20:30+02:00"),
        ("x <% timespan(hours => 30) %>", "x 1 day, 6:00:00"),
        ("x <% {1 => a, null => b} %>", "x {1: 'a', None: 'b'}"),
        ("x <% [1, 2].select($) %>", "x [1, 2]"),
        ("x <% float(nan) %>", "x nan"),
        ("x <% {a => 1}.keys() %>", "x {'a'}"),
        ("x <% set() %> <% set(1) %>", "x set() {1}"),
        ("x {{ {'a': 1}.keys() }}", "x dict_keys(['a'])"),
        ("x {{ 'text' | wordwrap(2) }}", "x te\nxt"),
        ("<% $.d.x %> ", "[1, {'y': 2}] "),
        ("{{ _.d.x }}{{ '' }}", "[1, {'y': 2}]"),
        ("x {{ (1, 2) }}", "x (1, 2)"),
        ("x {{ [1] | map('string') }}", "x ['1']"),
        ('{{ _.a }} {{ "}}" }}', "1 }}"),
        ("x {{ _ }}", "x {'a': 1, 'd': {'x': [1, {'y': 2}]}}"),
        ("{{ _.a }}\n", "1"),
        ("{{ _.a\n}} {{ _.a }}", "1 1"),
    ],
)
def test_an_expression_in_a_text_is_written_as_python_does(
    run: Evaluate, expression: str, text: str
) -> None:
    assert run(expression, a=1, d={"x": [1, {"y": 2}]}) == text


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{% if _.a == 1 %}yes{% endif %}", "yes"),
        ("a{% if _.a %}\n b\n  {% endif %}\nc", "a b\nc"),
        ("{% for x in [1, 2] %}{{ x }}/{{ loop.length }} {% endfor %}", "1/2 2/2 "),
        ("{% set x = 1 %}", ""),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{# hidden #}{{ _.a }}", "1"),
        ("{{ _.a }} <b>&", "1 <b>&"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f('b') }}", "<1><b>"),
        (
            "{{ 'call 06641234567 or %3d' % 5 }} {{ 'at %s' | format(1) }}",
            "call 06641234567 or   5 at 1",
        ),
        (
            "{{ '{:>5}|{a}'.format(1, a=2) }} {{ [1, 2] | batch(linecount=1) | list }}",
            "    1|2 [[1], [2]]",
        ),
        ("{{ _ | tojson }} {{ 'a-b' | replace('-', '+') }} {{ [1] | join(0) }}", '{"a": 1} a+b 1'),
        ("{{ 'a' ~ 1 ~ none }} {{ [2, 1] | sort | join('+') }}", "a1None 1+2"),
    ],
)
def test_blocks_are_rendered(run: Evaluate, text: str, rendered: str) -> None:
    assert run(text, a=1) == rendered


@pytest.mark.parametrize("text", ["<% $.a", "{{ _.a", "{# c #}", "<% $.a\n%>", "{{ _.a\n}}", "%>"])
def test_marks_that_do_not_close_on_their_line_are_text(run: Evaluate, text: str) -> None:
    assert run(text, a=1) == text


def test_each_place_is_filled_once(run: Evaluate) -> None:
    assert run("<% $.a %> <% $.b %>", a="<% $.b %>", b="{{ _.a }}") == "<% $.b %> {{ _.a }}"
    assert run("<% uuid() %> <% uuid() %>") == "uuid-1 uuid-2"


def test_keys_and_other_values_stay_as_they_are(run: Evaluate) -> None:
    value = {"<% $.a %>": ["<% $.a %>", 5, None, 1.5, {"b": "x <% $.a %>"}]}

    assert run(value, a=1) == {"<% $.a %>": [1, 5, None, 1.5, {"b": "x 1"}]}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("<% timespan(hours => 1) %>", "its value is a timespan, which cannot be stored"),
        ("<% regex(a) %>", "its value is a regular expression, which cannot be stored"),
        ("<% let(a => 1) %>", "its value is a context, which cannot be stored"),
        ("<% [timespan(days => 1)] %>", "its value is a timespan, which cannot be stored"),
        ("<% float(nan) %>", "its value is not a finite number"),
        ("<% json_parse('Infinity') %>", "its value is not a finite number"),
        ("<% {set(1) => 1} %>", "a key of its result is neither a text nor a number"),
        ("{{ 1 if false }}", "its value, or a part of it, is undefined"),
        ("{{ [{}] | map(attribute='a') | list }}", "its value, or a part of it, is undefined"),
        ("{{ range }}", "its value is a function, which cannot be stored"),
        ("{{ _.items }}", "its value is a function, which cannot be stored"),
        ("{{ joiner() }}", "its value is a function, which cannot be stored"),
        ("x {{ range }}", "its value is a function, which has no text"),
        ("x <% let(a => 1) %>", "its value is a context, which has no text"),
    ],
)
def test_what_is_no_data_is_an_error(run: Evaluate, expression: str, reason: str) -> None:
    with pytest.raises(ExpressionFailed, match=reason):
        run(expression, a=1)


def test_a_value_that_is_no_mapping_can_be_the_context(reader: Any) -> None:
    from_list = ["<% $.len() %>", "{{ _ | length }}", "<% $[0] %>", "<% $.name %>"]

    assert [evaluate(text, [{"name": "Ann"}], reader) for text in from_list] == [
        1,
        1,
        {"name": "Ann"},
        ["Ann"],
    ]
    assert evaluate("<% $ %>", None, reader) is None
    assert evaluate("{{ _ | upper }}", "text", reader) == "TEXT"
