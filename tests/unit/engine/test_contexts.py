"""Branch variables: publication and merges at joins."""

from __future__ import annotations

import pytest

from workflows.engine.contexts import apply_publication, merge, merge_globals, publish
from workflows.engine.snapshot import BranchContext
from workflows.jsontypes import JSONObject, JSONValue


def after(context: BranchContext, **variables: JSONValue) -> BranchContext:
    return apply_publication(context, *publish(context, variables))


EMPTY = BranchContext()


def test_a_publication_replaces_a_mapping_in_its_branch() -> None:
    context = after(after(EMPTY, box={"a": 1, "b": 2}), box={"a": 3})
    assert context.variables == {"box": {"a": 3}}


def test_the_variable_published_more_often_wins_whichever_ends_last() -> None:
    start = after(EMPTY, n=1)
    once, twice = after(start, n=2), after(after(start, n=3), n=4)
    assert merge([once, twice]).variables == {"n": 4}
    assert merge([twice, once]).variables == {"n": 4}


def test_the_branch_that_ended_later_wins_a_tie() -> None:
    left, right = after(EMPTY, n="left"), after(EMPTY, n="right")
    assert merge([left, right]).variables == {"n": "right"}
    assert merge([right, left]).variables == {"n": "left"}


def test_mappings_are_merged_at_every_depth_and_lists_never() -> None:
    left = after(EMPTY, box={"a": {"x": 1}, "list": [1]})
    right = after(EMPTY, box={"a": {"y": 2}, "list": [2]})
    assert merge([left, right]).variables == {"box": {"a": {"x": 1, "y": 2}, "list": [2]}}


def test_numbers_are_counted_for_each_leaf_key() -> None:
    start = after(EMPTY, box={"a": 1, "b": 1})
    left = after(start, box={"a": 2, "b": 2})
    right = after(EMPTY, box={"a": 9})
    assert merge([left, right]).variables == {"box": {"a": 2, "b": 2}}
    assert merge([right, left]).variables == {"box": {"a": 2, "b": 2}}


@pytest.mark.parametrize("smaller", [{"a": 1}, {}])
def test_a_removed_key_does_not_come_back_from_an_untouched_branch(smaller: JSONObject) -> None:
    untouched = after(EMPTY, box={"a": 1, "b": 2})
    changed = after(untouched, box=smaller)
    assert merge([changed, untouched]).variables == {"box": smaller}
    assert merge([untouched, changed]).variables == {"box": smaller}


@pytest.mark.parametrize(
    ("before", "now"), [("text", {"k": 1}), ({"k": 1}, "text"), ({"k": 1}, None), ([1], {})]
)
def test_a_change_of_type_counts_as_a_change(before: JSONValue, now: JSONValue) -> None:
    untouched = after(EMPTY, value=before)
    changed = after(untouched, value=now)
    assert merge([changed, untouched]).variables == {"value": now}
    assert merge([untouched, changed]).variables == {"value": now}


def test_a_merge_of_one_branch_changes_nothing() -> None:
    context = after(after(EMPTY, box={"a": 1}), box={"b": {"c": 2}}, n=None)
    assert merge([context]).variables == context.variables
    assert merge([context, context]).versions == context.versions


def test_merged_numbers_count_on() -> None:
    left, right = after(EMPTY, n=1), after(after(EMPTY, n=2), n=3)
    joined = merge([left, right])
    assert joined.versions == {"n": 2}
    assert after(joined, n=4).versions == {"n": 3}


def test_keys_may_hold_any_text() -> None:
    start = after(EMPTY, box={"": 1, "a.b": {"c\n": 1}})
    changed = after(start, box={"": 2, "a.b": {"c\n": 2}})
    assert merge([changed, start]).variables == changed.variables


def test_global_mappings_are_merged_and_other_values_replaced() -> None:
    before: JSONObject = {"w": {"sky": "grey"}, "list": [1], "n": 1}
    assert merge_globals(before, {"w": {"wind": 4}, "list": [2], "n": None}) == {
        "w": {"sky": "grey", "wind": 4},
        "list": [2],
        "n": None,
    }
