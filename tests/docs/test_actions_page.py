"""The page on actions says of each what its code says, and its examples are accepted."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from tests.fakes import MemoryExecution
from tests.live import ROOT
from workflows.actions.base import Action, parameters
from workflows.actions.registry import BUILT_IN, find_any_action
from workflows.engine.states import State
from workflows.language.parser import parse_workflows
from workflows.services.definitions.review import BuiltInNames, review_workflows

PAGE: Final = (ROOT / "docs" / "actions.md").read_text()
SECTIONS: Final = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
ROW: Final = re.compile(r"^\| `(\w+)` \| (\S.*?) \| (\S.*) \|$", re.M)


def action_of(name: str) -> Action:
    action = find_any_action(name)
    assert action is not None
    return action


def example_of(name: str) -> str:
    (task,) = re.findall(r"^```yaml\n(.*?)^```$", SECTIONS[name], re.M | re.S)
    return f"version: '2.0'\nexample:\n  tasks:\n    {task}"


def test_each_action_has_a_section() -> None:
    assert list(SECTIONS) == sorted(action.name for action in BUILT_IN)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_lists_the_parameters_in_order(name: str) -> None:
    written = [(parameter, default) for parameter, default, _ in ROW.findall(SECTIONS[name])]
    assert written == [
        (one.name, "required" if one.is_required else f"`{json.dumps(one.default)}`")
        for one in parameters(action_of(name))
    ]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_of_which_kind_the_action_is(name: str) -> None:
    action = action_of(name)
    kinds = {
        "inline": action.inline, "asynchronous": not action.is_sync, "guarded": action.is_guarded,
    }  # fmt: skip
    written = re.match(r"\n\*(.*)\*\n", SECTIONS[name])
    found = written.group(1).split(", ") if written else []
    assert found == [kind for kind, is_true in kinds.items() if is_true]


@pytest.mark.parametrize("name", SECTIONS)
def test_an_example_is_accepted_without_a_doubt(name: str) -> None:
    document = parse_workflows(example_of(name))
    names = BuiltInNames(document.workflows, {})
    assert document.warnings + review_workflows(document.workflows.values(), names) == ()
    (task,) = document.workflows["example"].tasks.values()
    assert task.action == name


@pytest.mark.parametrize("name", [name for name in SECTIONS if action_of(name).inline])
def test_an_example_that_needs_no_worker_runs(name: str) -> None:
    assert MemoryExecution(example_of(name)).start().execution.state is State.SUCCESS
