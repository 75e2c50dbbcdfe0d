"""Shortcuts give what the libraries give, and leave to them what they do not know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import ExpressionFailed
from workflows.expressions.context import Context
from workflows.expressions.evaluate import build_program, evaluate
from workflows.expressions.reader import NoReader
from workflows.expressions.shortcuts import find_shortcut

NAMES = ["a", "b", "items", "keys", "get", "in", "mod", "true", "result", "größe", "len"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
VARIABLES = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(".".join)
TASKS_IN_YAQL = st.sampled_from(["task()", "task(a)", "task( 'a' )", "task(in)", "task('b-c')"])
TASKS_IN_JINJA = st.sampled_from(["task()", "task('a')", "task( 'a' )", "task('b-c')"])
TEXTS = st.one_of(
    st.builds("<% $.{} %>".format, PATHS),
    st.builds("<%$.{}%>".format, PATHS),
    st.builds("{{{{ _.{} }}}}".format, PATHS),
    st.builds("<% {}.result.{} %>".format, TASKS_IN_YAQL, PATHS),
    st.builds("<% {}.{} %>".format, TASKS_IN_YAQL, PATHS),
    st.builds("{{{{ {}.{} }}}}".format, TASKS_IN_JINJA, PATHS),
    st.builds("{{{{{}.result.{}}}}}".format, TASKS_IN_JINJA, PATHS),
)


class OneTask(NoReader):
    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def task(self, name: str | None) -> dict[str, Any] | None:
        known = name in (None, "a", "b-c")
        return {"name": name or "current", "result": self.result} if known else None


def outcome(text: str, data: Any, reader: NoReader, *, by_library: bool) -> tuple[str, str]:
    try:
        if by_library:
            program = build_program(text)
            assert program is not None
            return "value", repr(program(data, reader))
        return "value", repr(evaluate(text, data, reader))
    except ExpressionFailed as error:
        return "error", error.message


@settings(max_examples=600, deadline=None)
@given(TEXTS, VARIABLES, JSON)
def test_a_shortcut_gives_what_the_library_gives(
    text: str, variables: dict[str, Any], result: Any
) -> None:
    reader = OneTask(result)
    for data in (Context({}, variables), variables, result):
        shortly = outcome(text, data, reader, by_library=False)

        assert shortly == outcome(text, data, reader, by_library=True)


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("<% $.name %>", True),
        ("<% $.a.b.c %>", True),
        ("<% task().result %>", True),
        ("<% task(read).result.x %>", True),
        ("{{ _.name }}", True),
        ("{{ task().result }}", True),
        ("{{ task('read').result.x }}", True),
        ("<% $ %>", False),
        ("<% $.a + 1 %>", False),
        ("<% $.in %>", False),
        ("<% $.__env %>", False),
        ("{{ _.items }}", False),
        ("{{ _.a.keys }}", False),
        ("{{ _.a }} ", False),
        ("<% $.a %><% $.b %>", False),
    ],
)
def test_the_common_forms_have_a_shortcut(text: str, is_known: bool) -> None:
    assert (find_shortcut(text) is not None) is is_known
