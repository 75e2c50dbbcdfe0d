"""The catalogue of actions: built-in, ad-hoc and stored code, each only for who can use it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from workflows.errors import NotFound
from workflows.models import Project, Role, Scope
from workflows.services.definitions.action_catalogue import (
    get_adhoc_action,
    get_python_action,
    list_catalogue,
)
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.code_sources import create_code_source, create_dynamic_action
from workflows.services.definitions.text_checks import check_text
from workflows.services.identity.identity import Caller
from workflows.services.pages.editor_words import collect_words

pytestmark = pytest.mark.django_db(transaction=True)

CODE = """
class Twice:
    def __init__(self, x, times=2):
        self.x = x

    def run(self, context):
        return 2 * self.x
"""


@pytest.fixture
def caller() -> Caller:
    return Caller(Project.objects.create(name="blue").pk, Role.ADMIN)


@pytest.fixture
def other() -> Caller:
    return Caller(Project.objects.create(name="red").pk, Role.AUTHOR)


@pytest.fixture
def twice(caller: Caller, settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    private = {"namespace": "team", "scope": Scope.PRIVATE}
    create_code_source(caller=caller, name="maths", content=CODE, **private)
    create_dynamic_action(
        caller=caller, name="twice", class_name="Twice", source="maths", **private
    )


def names(caller: Caller, text: str = "") -> list[str]:
    return [one.name for one in list_catalogue(caller, text)]


def test_it_is_searched_by_name_and_description(caller: Caller) -> None:
    assert "std.echo" in names(caller)
    assert names(caller, "ECHO") == ["std.echo"]
    assert "std.sleep" in names(caller, "sleeps for the given")


def test_adhoc_actions_belong_to_their_project(caller: Caller, other: Caller) -> None:
    text = "version: '2.0'\nshout:\n  input: [text]\n  base: std.echo\n"
    made = create_actions(caller=caller, text=text)[0]
    assert "shout" in names(caller)
    assert "shout" not in names(other)
    details = get_adhoc_action(caller, made.pk)
    assert (details.base, details.is_sync, details.problem) == ("std.echo", True, "")
    assert [one.name for one in details.parameters] == ["text"]
    with pytest.raises(NotFound):
        get_adhoc_action(other, made.pk)


def test_an_adhoc_action_without_its_base_says_so(caller: Caller) -> None:
    made = create_actions(caller=caller, text="version: '2.0'\nbroken: {base: nowhere}\n")[0]
    assert "base=nowhere" in get_adhoc_action(caller, made.pk).problem


@pytest.mark.usefixtures("twice")
def test_stored_code_is_listed_completed_and_known(caller: Caller, other: Caller) -> None:
    details = get_python_action(caller, "twice", "team")
    assert [(one.name, one.is_required) for one in details.parameters] == [
        ("x", True), ("times", False),
    ]  # fmt: skip
    assert "twice" in {one["name"] for one in words(caller, "team")}
    assert "twice" not in {one["name"] for one in words(caller, "")}
    assert "twice" not in names(other)
    for wrong in (("twice", ""), ("nowhere", "")):
        with pytest.raises(NotFound):
            get_python_action(caller, *wrong)


@pytest.mark.usefixtures("twice")
def test_no_doubt_is_raised_about_stored_code(caller: Caller) -> None:
    text = "version: '2.0'\nflow:\n  tasks: {t: {action: twice x=1}}\n"
    assert check_text(caller, text, kind="workflow", namespace="team").problems == ()
    (doubt,) = check_text(caller, text, kind="workflow").problems
    assert "there is no action 'twice'" in doubt.message


@pytest.mark.usefixtures("twice")
def test_stored_code_that_is_switched_off_is_not_there(caller: Caller, settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = False
    assert "twice" not in names(caller)


def words(caller: Caller, namespace: str) -> list[dict[str, str]]:
    found = collect_words(caller, kind="workflow", namespace=namespace)["actions"]
    return [dict(one) for one in found]
