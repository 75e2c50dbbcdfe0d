"""The short steps of YAQL give what the library gives for the same operands."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import ExpressionFailed
from workflows.expressions.context import Context
from workflows.expressions.evaluate import build_program
from workflows.expressions.reader import NoReader
from workflows.expressions.yaql_library import Scope

DATA = {
    "n": 7, "f": 1.5, "t": "text", "w": "word", "nothing": None, "yes": True,
    "l": [1, 2, {"n": 3}], "d": {"n": 1, "d": {"t": "deep"}, "l": [], "len": 5},
    "rows": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}],
}  # fmt: skip

ATOMS = st.sampled_from([
    "$", "$.n", "$.f", "$.t", "$.w", "$.nothing", "$.yes", "$.l", "$.d", "$.d.d.t", "$.rows.n",
    "$.unset", "$.n.t", "$.d.unset", "$.d.len", "$.d.len()", "$.l[0]", "$x", "$.rows.len()",
    "1", "2.5", "true", "null", "word", "'text'", "[1, 2]", "{n => 1}", "now().unset",
    "$.rows.where($.n > 1)", "$.rows.select($.n + 1)", "timespan(days => 1)", "set(1)",
    "let(n => 3) -> $n", "$.d?.n", "$.nothing?.n", "{n => 1}.n", "datetime(2024, 1, 1)",
])  # fmt: skip
OPERATORS = st.sampled_from(["+", "-", "<", "<=", ">", ">=", "=", "!=", "*", "and", "or", "in"])
EXPRESSIONS = st.recursive(
    ATOMS, lambda part: st.builds("({} {} {})".format, part, OPERATORS, part), max_leaves=4
)


def outcome(code: str) -> tuple[str, str]:
    program = build_program(f"<% {code} %>")
    assert program is not None
    try:
        return "value", repr(program(Context(DATA), NoReader()))
    except ExpressionFailed as error:
        return "error", error.message.rpartition("]: ")[0]


@settings(max_examples=800, deadline=None)
@given(EXPRESSIONS)
def test_short_steps_change_no_outcome(code: str) -> None:
    with patch.object(Scope, "takes_short_steps", False):
        by_library = outcome(code)

    assert outcome(code) == by_library


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("$.n + $.f", "8.5"),
        ("$.rows.where($.n > 1).t", "['b']"),
        ("$.t = text and $.nothing = null", "True"),
        ("1 = true", "True"),
        ("$.d.d.t + $.w", "'deepword'"),
    ],
)
def test_short_steps_give_the_right_values(code: str, value: str) -> None:
    assert outcome(code) == ("value", value)
