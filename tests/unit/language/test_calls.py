"""The one-line call syntax with its inline parameters."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.language.calls import Call, parse_call, parse_parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"two words"', "two words"),
        ("'two words'", "two words"),
        ("'he said \"hi\"'", 'he said "hi"'),
        ('"it\'s fine"', "it's fine"),
        ("'a=1 b=2'", "a=1 b=2"),
        ("''", ""),
        ("'42'", "42"),
        ("42", 42),
        ("-4", -4),
        ("1.5", 1.5),
        ("007", "007"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("word", "word"),
        ("a,b,c", "a,b,c"),
        ("trueish", "trueish"),
        ("<% $.n + 1 %>", "<% $.n + 1 %>"),
        ("<% 'x ' + $.s %>", "<% 'x ' + $.s %>"),
        ("<% $.a %>/<% $.b %>", "<% $.a %>/<% $.b %>"),
        ("{{ _.l }}", "{{ _.l }}"),
        ("{{ {'a': -1.5} }}", "{{ {'a': -1.5} }}"),
        ("'n is <% $.n %>'", "n is <% $.n %>"),
        ('[1, "b", true, [2]]', [1, "b", True, [2]]),
        ('[-5, 2.5, {"a": {"b": [null]}}]', [-5, 2.5, {"a": {"b": [None]}}]),
        ("[<% $.n %>, 1]", ["<% $.n %>", 1]),
        ('["]"]', ["]"]),
        ('{"a": {"b": 1}}', {"a": {"b": 1}}),
        ('{"a": <% $.x %>}', {"a": "<% $.x %>"}),
        ("{}", {}),
        ("[a, b]", "[a, b]"),
        ("[NaN]", "[NaN]"),
        ("1e999", "1e999"),
        ("[1e999]", "[1e999]"),
        ("[" * 5000 + "]" * 5000, "[" * 5000 + "]" * 5000),
        ("[open", "[open"),
    ],
)
def test_a_parameter_keeps_the_type_it_is_written_with(text: str, value: Any) -> None:
    for call in (parse_call(f"std.echo output={text}"), parse_call(f"std.echo output={text} x=1")):
        assert call is not None
        assert call.name == "std.echo"
        assert call.parameters["output"] == value
        assert type(call.parameters["output"]) is type(value)
        assert call.ignored == ()


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("std.noop", "std.noop", {}),
        ("label.x-y first-name='Ann' last_name=\"Lee\"", "label.x-y",
         {"first-name": "Ann", "last_name": "Lee"}),
        ("a   b=1   c=2", "a", {"b": 1, "c": 2}),
        ("a b=1, c='x',d=3", "a", {"b": 1, "c": "x", "d": 3}),
        ("<% $.which %> x=1", "<% $.which %>", {"x": 1}),
        ("{{ _.which }} x={{ _.y }}", "{{ _.which }}", {"x": "{{ _.y }}"}),
        ("my.<% $.name %> x=1", "my.<% $.name %>", {"x": 1}),
        ("fail(msg='oven is cold')", "fail", {"msg": "oven is cold"}),
        ("fail(msg='word')", "fail", {"msg": "word"}),
        ("fail(msg=<% f(1) %>)", "fail", {"msg": "<% f(1) %>"}),
        ("fail msg=cold", "fail", {"msg": "cold"}),
        ("with=signs", "with=signs", {}),
        ("plain(text)", "plain(text)", {}),
        ("!odd", "!odd", {}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_a_call_is_split_into_name_and_parameters(
    text: str, name: str, parameters: dict[str, Any]
) -> None:
    assert parse_call(text) == Call(name, parameters)


@pytest.mark.parametrize("text", [" std.echo output=1", "!std.echo output=1", "-other a=1"])
def test_a_text_that_begins_with_no_name_is_no_call(text: str) -> None:
    assert parse_call(text) is None


@pytest.mark.parametrize(
    ("text", "parameters", "ignored"),
    [
        ("count=3 delay=1", {"count": 3, "delay": 1}, ()),
        ("count=3 delay=", {"count": 3}, ("delay=",)),
        ("count=3 and delay=1", {"count": 3, "delay": 1}, ("and",)),
        ("a='x'y b=1", {"a": "x", "b": 1}, ("y",)),
        ("a = 1", {}, ("a", "=", "1")),
    ],
)
def test_nothing_is_dropped_silently(
    text: str, parameters: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    assert parse_parameters(text) == (parameters, ignored)
