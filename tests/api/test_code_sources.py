"""Code sources and dynamic actions: off at first, for administrators, and found by tasks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.api_client import ApiClient, fault, make_client
from workflows.actions import code
from workflows.canvas import Work
from workflows.models import ActionExecution, CodeSource, Role
from workflows.services.advancing.advance import advance
from workflows.services.identity.rules import LEAST_ROLES
from workflows.services.running import action_runs
from workflows.services.running.turn import take_turn

CODE = """
class Twice:
    def __init__(self, x):
        self.x = x

    def run(self, context):
        return 2 * self.x
"""
MAKE = {"name": "twice", "class_name": "Twice", "code_source_name": "maths"}


@pytest.fixture
def on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored code is switched on, and this process is a worker."""
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    monkeypatch.setattr(code._Process, "is_worker", True)


@pytest.fixture
def twice(on: None, root: ApiClient) -> str:
    assert root.post("/code_sources", CODE, name="maths").status_code == 201
    made = root.post("/dynamic_actions", MAKE)
    assert made.status_code == 201, made.content
    return str(made.json()["id"])


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/code_sources", ""),
    ("POST", "/code_sources?name=x", CODE),
    ("PUT", "/code_sources?identifier=x", CODE),
    ("GET", "/code_sources/x", ""),
    ("DELETE", "/code_sources/x", ""),
    ("GET", "/dynamic_actions", ""),
    ("POST", "/dynamic_actions", MAKE),
    ("PUT", "/dynamic_actions", MAKE),
    ("GET", "/dynamic_actions/x", ""),
    ("DELETE", "/dynamic_actions/x", ""),
]


def test_all_of_it_is_off_at_first(root: ApiClient, ann: ApiClient) -> None:
    for method, path, body in REQUESTS:
        answer = root.send(method, path, body)
        assert answer.status_code == 403
        assert "switched off" in fault(answer)
        assert "insufficient" in fault(ann.send(method, path, body))


def test_what_is_stored_does_not_run_once_it_is_switched_off(
    twice: str, root: ApiClient, settings: Settings
) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = False
    answer = root.post("/action_executions", {"name": "twice", "input": {"x": 1}})
    assert answer.status_code == 400
    assert "Failed to find action" in fault(answer)
    assert root.get("/actions/twice").status_code == 404
    assert "twice" not in root.get("/actions").content.decode()


def test_a_request_waits_for_a_worker_and_leaves_nothing_behind(
    twice: str, root: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rung: Work) -> None:
        take_turn(rung.actions[0].id)

    monkeypatch.setattr(action_runs, "ring", work)
    body = {"name": "twice", "input": {"x": 4}}
    answer = root.post("/action_executions", body).json()
    assert (answer["id"], answer["state"], answer["output"]) == (None, "SUCCESS", '{"result": 8}')
    assert not ActionExecution.objects.exists()
    saved = root.post("/action_executions", {**body, "params": {"run_sync": 1, "save_result": 1}})
    assert (saved.json()["state"], saved.json()["output"]) == ("SUCCESS", '{"result": 8}')
    assert ActionExecution.objects.filter(pk=saved.json()["id"]).exists()


def test_a_request_does_not_wait_for_ever(twice: str, root: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_CODE_WAIT_SECONDS = 0.2
    answer = root.post("/action_executions", {"name": "twice", "input": {"x": 4}}).json()
    assert answer["state"] == "ERROR"
    assert answer["output"] == '{"result": "Timeout after 0.2 seconds"}'
    assert not ActionExecution.objects.exists()


def test_tasks_find_it_and_no_other_project_does(
    twice: str, root: ApiClient, ann: ApiClient
) -> None:
    text = "version: '2.0'\nw:\n  tasks:\n    t: {action: twice x=21}\n"
    states = []
    for client in (root, ann):
        client.post("/workflows", text)
        started = client.post("/executions", {"workflow_name": "w"}).json()["id"]
        advance(started)
        for action in ActionExecution.objects.filter(execution=started, state="RUNNING"):
            take_turn(action.pk, action.execution_id)
        states.append(client.get(f"/executions/{started}").json()["state"])
    assert states == ["SUCCESS", "ERROR"]
    assert ActionExecution.objects.get(name="twice").output == {"result": 42}


def test_an_adhoc_action_may_be_made_of_it(twice: str, root: ApiClient) -> None:
    text = "version: '2.0'\nfour:\n  base: twice\n  base-input: {x: 2}\n  output: <% $ + 100 %>\n"
    root.post("/actions", text)
    body = {"name": "four", "params": {"save_result": True}}
    made = root.post("/action_executions", body).json()
    take_turn(made["id"])
    found = root.get(f"/action_executions/{made['id']}").json()
    assert found["output"] == '{"result": 104}'


def test_it_is_listed_among_the_actions(twice: str, root: ApiClient, bob: ApiClient) -> None:
    row = root.get("/actions/twice").json()
    assert (row["id"], row["input"], row["is_system"]) == ("twice", "x", False)
    listed = {one["name"]: one for one in root.get("/actions").json()["actions"]}
    assert listed["twice"] == row
    assert bob.get("/actions/twice").status_code == 404
    root.put("/dynamic_actions", {"id": twice, "scope": "public"})
    assert bob.get("/actions/twice").status_code == 200


@pytest.mark.usefixtures("on")
def test_a_name_means_ones_own_object_first(root: ApiClient) -> None:
    """Although that of another project is older, and an administrator sees both."""
    other = make_client("red", Role.ADMIN)
    ids = {}
    for client in (other, root):
        source = client.post("/code_sources", CODE, name="maths").json()["id"]
        ids[client.token] = (source, client.post("/dynamic_actions", MAKE).json()["id"])
    for path in ("/code_sources/maths", "/dynamic_actions/twice"):
        assert root.get(path).json()["project_id"] == str(root.project_id)
        assert other.get(path).json()["project_id"] == str(other.project_id)
    assert root.get("/actions/twice").json()["project_id"] == str(root.project_id)
    assert root.put("/code_sources/maths", "x = 1\n").json()["id"] == ids[root.token][0]
    changed = root.put("/code_sources", "x = 2\n", identifier="maths")
    assert changed.json()["id"] == ids[root.token][0]
    changed = root.put("/dynamic_actions", {"name": "twice", "class_name": "Other"})
    assert changed.json()["id"] == ids[root.token][1]
    for path in ("/dynamic_actions/twice", "/code_sources/maths"):
        assert root.delete(path).status_code == 204
        assert other.get(path).status_code == 200
    assert CodeSource.objects.get().content == CODE


@pytest.mark.usefixtures("on")
def test_code_has_an_owner_where_a_rule_lets_others_store_it(
    ann: ApiClient, bob: ApiClient, settings: Settings
) -> None:
    settings.LEVANTE_PERMISSIONS = dict.fromkeys(LEAST_ROLES, "author")
    assert ann.post("/code_sources", CODE, name="mine").status_code == 201
    assert ann.post("/code_sources", CODE, name="ours", scope="public").status_code == 201
    assert [one["name"] for one in bob.get("/code_sources").json()["code_sources"]] == ["ours"]
    assert bob.get("/code_sources", all_projects="true").status_code == 403
    assert bob.get("/dynamic_actions", all_projects="true").status_code == 403
    assert bob.get("/code_sources/mine").status_code == 404
    assert bob.put("/code_sources/mine", CODE).status_code == 404
    assert bob.put("/code_sources/ours", CODE).status_code == 403
    assert bob.delete("/code_sources/ours").status_code == 403
    assert ann.put("/code_sources/mine", CODE).status_code == 200
    of_mine = {"name": "t", "class_name": "Twice", "code_source_name": "mine"}
    assert bob.post("/dynamic_actions", of_mine).status_code == 404
    assert bob.post("/dynamic_actions", of_mine | {"code_source_name": "ours"}).status_code == 201
    assert ann.get("/dynamic_actions/t").status_code == 404


def test_one_action_is_found_without_reading_all(twice: str, root: ApiClient) -> None:
    for number in range(5):
        root.post("/dynamic_actions", {**MAKE, "name": f"a{number}"})
    with CaptureQueriesContext(connection) as asked:
        assert root.get("/actions/twice").json()["name"] == "twice"
    (read,) = [one["sql"] for one in asked if 'FROM "dynamic_actions"' in one["sql"]]
    assert read.endswith("LIMIT 1")


def test_a_new_version_counts_from_the_next_run_on(twice: str, root: ApiClient) -> None:
    body = {"name": "twice", "input": {"x": 1}, "params": {"save_result": True}}
    results = []
    for number in (2, 3):
        root.put("/code_sources", CODE.replace("2 *", f"{number} *"), identifier="maths")
        made = root.post("/action_executions", body).json()["id"]
        take_turn(made)
        results.append(root.get(f"/action_executions/{made}").json()["output"])
    assert results == ['{"result": 2}', '{"result": 3}']
    assert CodeSource.objects.get().version == 3


def test_an_action_goes_with_its_code(twice: str, root: ApiClient) -> None:
    assert root.delete("/code_sources/maths").status_code == 204
    assert root.get(f"/dynamic_actions/{twice}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/code_sources", CODE, 400),
        ("POST", "/code_sources?name=a%20b", CODE, 400),
        ("POST", "/code_sources?name=maths", CODE, 409),
        ("POST", "/code_sources?name=other&scope=all", CODE, 400),
        ("POST", "/code_sources?name=other", "class", 400),
        ("PUT", "/code_sources?identifier=nosuch", CODE, 404),
        ("PUT", "/code_sources/maths", "class", 400),
        ("GET", "/code_sources?x=1", "", 400),
        ("POST", "/dynamic_actions", {"class_name": "T", "code_source_name": "maths"}, 400),
        ("POST", "/dynamic_actions", {"name": "t", "code_source_name": "maths"}, 400),
        ("POST", "/dynamic_actions", {"name": "t", "class_name": "T"}, 400),
        ("POST", "/dynamic_actions", {**MAKE, "name": "t", "code_source_name": "no"}, 404),
        ("POST", "/dynamic_actions", {**MAKE, "name": "t", "scope": "all"}, 400),
        ("POST", "/dynamic_actions", MAKE, 409),
        ("POST", "/dynamic_actions", {**MAKE, "name": "std.echo"}, 409),
        ("PUT", "/dynamic_actions", {"class_name": "T"}, 400),
        ("PUT", "/dynamic_actions", {"name": "no", "class_name": "T"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    method: str, path: str, body: Any, status: int, twice: str, root: ApiClient
) -> None:
    answer = root.send(method, path, body)
    assert answer.status_code == status
    assert fault(answer)
