"""Nothing that an address or a form holds breaks a page: what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.datastructures import MultiValueDict

from tests.admin.routes_of_pages import address_of, list_pages
from tests.browser import runs
from tests.people import log_in
from workflows.admin.arguments import read_choice, read_id, read_number
from workflows.errors import RequestInvalid
from workflows.models import Environment, Project, Role
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.environments import create_environment
from workflows.services.identity.identity import Caller
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_triggers import create_event_trigger

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE: Final = ("x y", "9" * 19, "\0", "T~T")
TOO_MUCH: Final = ("9" * 19, "x" * 300)


@pytest.fixture
def objects(project: Project) -> dict[str, Any]:
    """One object of each kind, by the names that places in addresses have."""
    execution = runs.with_failed_items()
    caller = Caller(project.pk, Role.ADMIN)
    workflow, given = execution.workflow_id, {"names": ["a"]}
    trigger = create_event_trigger(
        caller=caller, workflow_id=workflow, exchange="e", topic="t", event="x", input=given
    )
    schedule = create_cron_trigger(
        caller=caller, name="daily", workflow=str(workflow), pattern="0 6 * * *", input=given
    )
    environment: Environment = create_environment(caller=caller, name="north")
    action = create_actions(caller=caller, text="version: '2.0'\nshout: {base: std.noop}\n")[0]
    return {
        "execution_id": execution.pk,
        "task_id": runs.task_of(execution, "each").pk,
        "workflow_id": workflow,
        "action_id": action.pk,
        "environment_id": environment.pk,
        "project_id": project.pk,
        "triggers": trigger.pk,
        "schedules": schedule.pk,
        "name": "std.echo",
    }


@pytest.fixture
def addresses(objects: dict[str, Any]) -> dict[str, str]:
    return {
        page.name: address_of(
            page, {"trigger_id": objects.get(page.route.partition("/")[0]), **objects}
        )
        for page in list_pages()
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of all values that a view looks up."""
    names: set[str] = set()

    def note(method: Any) -> Any:
        def noting(self: Any, name: Any, *more: Any) -> Any:
            names.add(str(name))
            return method(self, name, *more)

        return noting

    for method in ("get", "getlist", "__getitem__", "__contains__"):
        real = getattr(MultiValueDict, method)
        monkeypatch.setattr(MultiValueDict, method, note(real))
    return names


@pytest.fixture
def root(project: Project) -> Client:
    client = log_in("root", project)
    client.raise_request_exception = False
    return client


def find_broken(
    ask: Callable[..., Any], addresses: dict[str, str], asked: set[str], values: Iterable[str]
) -> tuple[set[tuple[str, str]], list[tuple[str, ...]]]:
    """Try each value in the place of each name that a page looks up, other than what all do."""
    ask("/admin/system/?partial=1")
    of_all, tried, broken = set(asked), set(), []
    for page, address in addresses.items():
        asked.clear()
        ask(f"{address}?partial=1")
        for name in asked - of_all:
            tried.add((page, name))
            broken += [
                (page, name, value[:10])
                for value in values
                if ask(f"{address}?partial=1", {name: value}).status_code >= 500
            ]
    return tried, broken


def test_no_value_of_an_address_breaks_a_page(
    root: Client, addresses: dict[str, str], asked: set[str]
) -> None:
    def ask(address: str, values: dict[str, str] | None = None) -> Any:
        return root.get(f"{address}&{urlencode(values or {})}")

    tried, broken = find_broken(ask, addresses, asked, HOSTILE)
    assert not broken
    assert {("executions", "after"), ("task_items", "after"), ("workflows", "after")} <= tried
    assert {("workflow_revisions", "a"), ("execution_changes", "after")} <= tried


def test_no_value_of_a_form_breaks_a_page(
    root: Client, addresses: dict[str, str], asked: set[str]
) -> None:
    tried, broken = find_broken(root.post, addresses, asked, TOO_MUCH)
    assert not broken
    assert {("schedule_new", "count"), ("workflow_edit", "base")} <= tried


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("executions/?after=x", "after must be a time"),
        ("executions/?after=2030-01-31T12:00:00Z~x", "after must be an id"),
        ("executions/?state=GONE", "state must be one of"),
        ("executions/?project=x", "project must be an id"),
        ("executions/?span=x", "span must be one of"),
        ("executions/?until=x", "until must be a time"),
        ("executions/?q=%00", "The field q contains the character U+0000."),
        ("workflows/?after=x+y", "after must be an id"),
    ],
)
def test_the_answer_says_what_is_wrong(ann: Client, address: str, told: str) -> None:
    answer = ann.get(f"/admin/{address}")
    assert answer.status_code == 400
    assert told in answer.content.decode()


def test_numbers_ids_and_choices_are_read_or_refused() -> None:
    assert read_number({"n": " 7 "}, "n", 0) == 7
    assert read_number({}, "n", 3) == 3
    for text in ("-1", "1.0", "2147483648", "٣", "9" * 5000):
        with pytest.raises(RequestInvalid, match="n must be a whole number up to 2147483647"):
            read_number({"n": text}, "n", 0)
    assert read_id({"id": ""}, "id") is None
    with pytest.raises(RequestInvalid, match="id must be an id, and not 'x'"):
        read_id({"id": "x"}, "id")
    assert read_choice({"c": "a"}, "c", ("a", "b")) == "a"
    with pytest.raises(RequestInvalid, match="c must be one of a, b, and not 'x'"):
        read_choice({"c": "x"}, "c", ("a", "b"))
