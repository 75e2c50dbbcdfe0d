"""Messages name the expression and the reason, never the data."""

from __future__ import annotations

import pytest

from tests.unit.expressions.conftest import Evaluate
from workflows.errors import ExpressionFailed

SECRET = "tiger-7"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("<% $.nobody %>", "YAQL expression failed [<% $.nobody %>]: there is no 'nobody'"),
        ("<% [1][5] %>", "YAQL expression failed [<% [1][5] %>]: an index is out of range"),
        (
            "<% frobnicate(1) %>",
            'YAQL expression failed [<% frobnicate(1) %>]: Unknown function "frobnicate"',
        ),
        (
            "<% $.secret.frobnicate() %>",
            "YAQL expression failed [<% $.secret.frobnicate() %>]: "
            'Unknown method "frobnicate" for this value',
        ),
        (
            "<% $.secret.select(1) %>",
            'YAQL expression failed [<% $.secret.select(1) %>]: No method "select" for this value',
        ),
        (
            "<% int($.secret) %>",
            "YAQL expression failed [<% int($.secret) %>]: invalid literal for int() with base 10",
        ),
        (
            "<% {a => 1}[$.secret] %>",
            "YAQL expression failed [<% {a => 1}[$.secret] %>]: there is no such key",
        ),
        (
            "{{ _.nobody }}",
            "Jinja expression failed [{{ _.nobody }}]: the context has no attribute 'nobody'",
        ),
        ("{{ nobody }}", "Jinja expression failed [{{ nobody }}]: 'nobody' is undefined"),
        (
            "x {{ 1 | frobnicate }}",
            "Jinja expression failed [x {{ 1 | frobnicate }}]: No filter named 'frobnicate'.",
        ),
        (
            "<% json_parse($.secret) %>",
            "YAQL expression failed [<% json_parse($.secret) %>]: "
            "json_parse() was given a text that is not JSON (line 1, column 1)",
        ),
        (
            "<% 5.assert($ < 2, 'too much') %>",
            "YAQL expression failed [<% 5.assert($ < 2, 'too much') %>]: too much",
        ),
        (
            "<% 1 / 0 %>",
            "YAQL expression failed [<% 1 / 0 %>]: integer division or modulo by zero",
        ),
    ],
)
def test_the_message_is_clear(run: Evaluate, expression: str, message: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        run(expression, secret=SECRET)

    assert failed.value.message == message
    assert SECRET not in failed.value.message


def test_the_message_has_a_bounded_length(run: Evaluate) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        run("<% 1.assert(false, 'b' * 5000) + " + " + ".join("1" * 500) + " %>")

    assert len(failed.value.message) < 700
