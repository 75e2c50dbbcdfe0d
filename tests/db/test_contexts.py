"""Contexts: what a process keeps of those it has written is what anybody reads of them."""

from __future__ import annotations

import json

import pytest

from tests.factories import start
from workflows.models import ContextNode
from workflows.services.advancing import contexts

pytestmark = pytest.mark.django_db

ODD = """
version: '2.0'
odd:
  input: [text: é, numbers: [1, 2.0, 1e300]]
  tasks:
    first:
      action: std.noop
      publish:
        keys: <% dict(1 => one, null => none, true => yes) %>
        lazy: <% range(3).select($ * 2) %>
        pairs: <% dict(a => 1).items() %>
        set: <% set(1) %>
        whole: <% 2 + 0 %>
        half: "{{ 1 / 2 }}"
        long: <% 123456789 * 987654321000 %>
        nested:
          list: ["<% $.numbers %>", [{deep: "<% $.text %>"}]]
          "5": five
        date: <% now().format('%Y') %>
        many: "{{ [1, 2] | map('string') | list }}"
      on-success: [second, third]
    second:
      action: std.noop
      publish: {seen: <% $.nested %>}
      on-success: both
    third:
      action: std.noop
      publish:
        lazy: <% $.lazy + [9] %>
      on-success: both
    both:
      join: all
      action: std.noop
      publish: {end: <% $.keys %>}
"""


def test_a_context_is_kept_as_it_is_stored() -> None:
    contexts._kept.clear()
    execution = start(ODD)
    execution.refresh_from_db()
    assert execution.state == "SUCCESS", execution.state_info
    ids = list(ContextNode.objects.filter(execution_id=execution.id).values_list("id", flat=True))
    kept = {one: contexts._kept[one] for one in ids}
    assert len(kept) >= 3
    contexts._kept.clear()
    read = contexts.load_contexts(ids)
    for one, (context, depth) in kept.items():
        assert json.dumps(context.variables) == json.dumps(read[one].variables)
        assert json.dumps(context.versions) == json.dumps(read[one].versions)
        assert depth == contexts._kept[one][1]
        assert types(context.variables) == types(read[one].variables)


def types(value: object) -> object:
    """The shape of a value, down to the kinds of its leaves; dicts may be of any kind."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: types(item) for key, item in dict(value).items()}
    if isinstance(value, list):
        return [types(item) for item in value]
    return type(value)
