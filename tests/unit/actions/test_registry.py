"""Which actions there are."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from workflows.actions.base import Action, ActionContext
from workflows.actions.registry import (
    ENTRY_POINT_GROUP,
    SystemAction,
    find_action,
    list_actions,
    load_actions,
    summarize_input,
)
from workflows.actions.std.echo import EchoAction
from workflows.jsontypes import JSONValue
from workflows.language.specs import InputParameter


class Plugin(Action):
    """An action of an installed package."""

    name = "acme.print"

    def run(self, context: ActionContext) -> JSONValue:
        return "printed"


def entry_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)


def test_a_built_in_action_is_found_by_name() -> None:
    assert isinstance(find_action("std.echo"), EchoAction)
    assert find_action("std.no_such") is None


def test_the_list_describes_each_action_in_order_of_name() -> None:
    actions = list_actions()
    assert [action.name for action in actions] == sorted(action.name for action in actions)
    # Other tests may have brought actions of their own.
    assert [one for one in actions if one.name.startswith("std.")][-1] == SystemAction(
        name="std.test_dict",
        description="Returns a map of `size` entries, named `key_prefix` and a number from 0, "
        "all with `val`.",
        input='size=0, key_prefix="", val=""',
    )


def test_the_input_summary_writes_defaults_as_json() -> None:
    declared = (
        InputParameter("who"),
        InputParameter("age", 5),
        InputParameter("title", "Dr"),
        InputParameter("note", None),
        InputParameter("tags", [True]),
    )
    assert summarize_input(declared) == 'who, age=5, title="Dr", note=null, tags=[true]'
    assert summarize_input(()) == ""


def test_an_action_of_an_installed_package_is_loaded() -> None:
    actions = load_actions([entry_point("acme.print", f"{__name__}:Plugin")])
    assert isinstance(actions["acme.print"], Plugin)
    assert isinstance(actions["std.echo"], EchoAction)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acme.gone", "acme_no_such_package:Gone"),
        ("acme.absent", f"{__name__}:Absent"),
        ("acme.print", f"{__name__}:entry_point"),
        ("acme.other_name", f"{__name__}:Plugin"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_logged_and_left_out(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert name not in load_actions([entry_point(name, value)])
    assert caplog.records[-1].entry_point == name


def test_no_plugin_replaces_a_built_in_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plugin, "name", "std.echo")
    actions = load_actions([entry_point("std.echo", f"{__name__}:Plugin")])
    assert isinstance(actions["std.echo"], EchoAction)
