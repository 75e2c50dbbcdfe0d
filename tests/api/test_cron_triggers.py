"""/v2/cron_triggers: what is refused, and in which order; who sees what; filters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api_client import ApiClient, fault
from workflows.models import CronTrigger

HELLO = """
version: '2.0'
hello:
  input: [who: world]
  tasks:
    greet:
      action: std.noop
"""


@pytest.fixture(autouse=True)
def _workflow(ann: ApiClient) -> None:
    assert ann.post("/workflows", HELLO).status_code == 201


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "t", "workflow_name": "hello", "pattern": "0 3 * * *"} | changes


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"name": None}, 400, "name of the cron trigger is not provided"),
        ({"name": "x" * 256}, 400, "must not be longer"),
        ({"remaining_executions": 0, "scope": "public"}, 400, "greater or equal to 1"),
        ({"remaining_executions": "many"}, 400, "Expected an integer"),
        ({"remaining_executions": 2**40}, 400, "remaining_executions"),
        ({"scope": "public", "first_execution_time": "x"}, 403, "forbidden"),
        ({"first_execution_time": "2125-12-25 13:37:00", "pattern": None}, 400, "does not match"),
        ({"pattern": None}, 400, "Pattern or first_execution_time must be specified."),
        ({"first_execution_time": "2025-01-01 00:00"}, 400, "at least 1 minute in the future"),
        (
            {"first_execution_time": "2125-01-01 00:00", "pattern": None,
             "remaining_executions": 2},
            400, "Pattern must be provided if count is superior to 1.",
        ),
        ({"pattern": "* * * * 15", "workflow_name": "nobody"}, 400, "pattern is not valid"),
        ({"workflow_name": "nobody"}, 404, "Workflow not found"),
        ({"workflow_name": None}, 400, "must be provided"),
        ({"workflow_input": {"what": 1}}, 400, "Invalid input ["),
        ({"unknown": 1}, 400, "Unknown attribute"),
        ({"time_zone": "Mars"}, 400, "no time zone"),
        ({"catch_up": "some"}, 400, "none of none, last, all"),
        ({"overlap": "some"}, 400, "none of allow, skip, queue"),
    ],
)  # fmt: skip
def test_what_is_refused(ann: ApiClient, changes: dict[str, Any], status: int, words: str) -> None:
    answer = ann.post("/cron_triggers", body(**changes))
    assert answer.status_code == status
    assert words in fault(answer)
    assert not CronTrigger.objects.exists()


def test_the_id_of_the_workflow_wins_over_its_name(ann: ApiClient) -> None:
    identity = ann.get("/workflows/hello").json()["id"]
    answer = ann.post("/cron_triggers", body(workflow_id=identity, workflow_name="nobody"))
    assert (answer.status_code, answer.json()["workflow_name"]) == (201, "hello")


def test_what_is_levantes_own(ann: ApiClient) -> None:
    own = {"time_zone": "Europe/Berlin", "catch_up": "all", "overlap": "skip"}
    made = ann.post("/cron_triggers", body(**own)).json()
    assert own.items() <= made.items()
    plain = ann.post("/cron_triggers", body(name="plain")).json()
    assert {"time_zone": "UTC", "catch_up": "last", "overlap": "allow"}.items() <= plain.items()


def test_there_is_no_update(ann: ApiClient) -> None:
    ann.post("/cron_triggers", body())
    assert ann.put("/cron_triggers/t", body()).status_code == 405
    assert ann.put("/cron_triggers", body()).status_code == 405


def test_projects_do_not_see_each_other(ann: ApiClient, bob: ApiClient, root: ApiClient) -> None:
    identity = ann.post("/cron_triggers", body()).json()["id"]
    for call in (bob.get, bob.delete):
        assert call(f"/cron_triggers/{identity}").status_code == 404
    assert bob.get("/cron_triggers").json() == {"cron_triggers": []}
    assert bob.get("/cron_triggers", all_projects="true").status_code == 403
    assert len(root.get("/cron_triggers", all_projects="true").json()["cron_triggers"]) == 1


def test_a_public_one_is_seen_by_all_and_changed_by_its_project(
    root: ApiClient, bob: ApiClient
) -> None:
    root.post("/workflows", HELLO)
    identity = root.post("/cron_triggers", body(scope="public")).json()["id"]
    assert bob.get(f"/cron_triggers/{identity}").status_code == 200
    assert bob.delete(f"/cron_triggers/{identity}").status_code == 403


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"name": "a"}, ["a"]),
        ({"pattern": "has:5"}, ["b"]),
        ({"remaining_executions": "gt:2"}, ["b"]),
        ({"workflow_input": '{"who": "b"}'}, ["b"]),
        ({"workflow_params": '{"env": {}}'}, ["a"]),
        ({"first_execution_time": "gt:2100-01-01 00:00:00"}, ["b"]),
        ({"next_execution_time": "lt:2100-01-01 00:00:00"}, ["a"]),
        ({"workflow_name": "nobody"}, []),
        ({"scope": "private", "sort_keys": "name", "sort_dirs": "desc"}, ["b", "a"]),
    ],
)
def test_filters(ann: ApiClient, arguments: dict[str, str], names: list[str]) -> None:
    ann.post("/cron_triggers", body(name="a", workflow_params={"env": {}}))
    second = body(
        name="b",
        pattern="5 3 * * *",
        remaining_executions=3,
        first_execution_time="2125-01-01 00:00",
        workflow_input=json.dumps({"who": "b"}),
    )
    assert ann.post("/cron_triggers", second).status_code == 201
    found = ann.get("/cron_triggers", **arguments).json()["cron_triggers"]
    assert [one["name"] for one in found] == names


def test_a_page_leads_to_the_next_one(ann: ApiClient) -> None:
    for name in "abc":
        ann.post("/cron_triggers", body(name=name))
    page = ann.get("/cron_triggers", limit=2, sort_keys="name").json()
    assert [one["name"] for one in page["cron_triggers"]] == ["a", "b"]
    rest = ann.raw("GET", page["next"].partition("testserver")[2]).json()
    assert [one["name"] for one in rest["cron_triggers"]] == ["c"]


def test_secrets_of_notify_are_not_shown_and_survive_in_the_store(ann: ApiClient) -> None:
    receiver = {"type": "webhook", "url": "https://u:pw@example.org/?t=1", "secret": "s3cr3t"}
    answer = ann.post("/cron_triggers", body(workflow_params={"notify": [receiver]}))
    shown = [
        answer.json(),
        ann.get("/cron_triggers/t").json(),
        ann.get("/cron_triggers/t?fields=workflow_params").json(),
        ann.get("/cron_triggers").json()["cron_triggers"][0],
    ]
    for one in shown:
        (found,) = json.loads(one["workflow_params"])["notify"]
        assert found == {
            "type": "webhook", "url": "https://***@example.org/?***", "secret": "***"
        }  # fmt: skip
    assert CronTrigger.objects.get().params == {"notify": [receiver]}
