"""Nothing crosses projects: not through ids in bodies and filters, nor names, nor parameters."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api_client import ApiClient, fault
from workflows.models import (
    ActionDefinition,
    ActionExecution,
    Environment,
    WorkbookDefinition,
    WorkflowDefinition,
    WorkflowExecution,
)
from workflows.services.advancing.advance import advance

TEXT = "version: '2.0'\n{name}:\n  tasks:\n    t: {{{task}}}\n"
ASYNC = "action: std.async_noop"
BOOK = (
    "version: '2.0'\nname: book\nworkflows:\n  w:\n    tasks:\n      t: {action: std.noop}\n"
    "actions:\n  a: {base: std.noop}\n"
)


def upload(client: ApiClient, name: str, task: str = ASYNC, **arguments: str) -> str:
    """Store a workflow with one task; gives its id."""
    answer = client.post("/workflows", TEXT.format(name=name, task=task), **arguments)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["workflows"][0]["id"])


def start(client: ApiClient, name: str, **body: Any) -> dict[str, Any]:
    answer = client.post("/executions", {"workflow_name": name, **body})
    assert answer.status_code == 201, answer.content
    started: dict[str, Any] = answer.json()
    return started


def task_of(client: ApiClient, execution: dict[str, Any]) -> dict[str, Any]:
    """Give the one task, after all that can be done without a worker."""
    advance(UUID(execution["id"]))
    listed: list[dict[str, Any]] = client.get(f"/executions/{execution['id']}/tasks").json()[
        "tasks"
    ]
    task: dict[str, Any] = client.get(f"/tasks/{listed[0]['id']}").json()
    return task


@pytest.fixture
def theirs(bob: ApiClient) -> dict[str, Any]:
    """A running execution of bob's project."""
    upload(bob, "secret")
    return start(bob, "secret", input={}, description="theirs")


# --- Ids in bodies --------------------------------------------------------------------------------


def test_an_execution_of_another_project_is_no_source(
    ann: ApiClient, theirs: dict[str, Any]
) -> None:
    for body in (
        {"source_execution_id": theirs["id"]},
        {"source_execution_id": theirs["id"], "workflow_name": "secret"},
    ):
        answer = ann.post("/executions", body)
        assert (answer.status_code, fault(answer)) == (
            404,
            f"WorkflowExecution not found [id={theirs['id']}]",
        )
    assert WorkflowExecution.objects.count() == 1


def test_a_workflow_of_another_project_is_not_started_by_its_id(
    ann: ApiClient, theirs: dict[str, Any]
) -> None:
    for body in (
        {"workflow_id": theirs["workflow_id"]},
        {"workflow_name": theirs["workflow_id"]},
        {"workflow_name": "secret"},
    ):
        assert ann.post("/executions", body).status_code == 404


def test_an_id_that_another_project_has_taken_gives_nothing_of_it(
    ann: ApiClient, theirs: dict[str, Any]
) -> None:
    upload(ann, "own")
    answer = ann.post("/executions", {"id": theirs["id"], "workflow_name": "own"})
    assert (answer.status_code, fault(answer)) == (403, "The execution's id is taken.")
    kept = WorkflowExecution.objects.get()
    assert (kept.workflow_name, kept.description) == ("secret", "theirs")


def test_a_single_action_is_not_put_into_a_task_of_another_project(
    ann: ApiClient, bob: ApiClient, theirs: dict[str, Any]
) -> None:
    task = task_of(bob, theirs)
    body = {
        "name": "std.async_noop",
        "task_execution_id": task["id"],
        "workflow_name": "secret",
        "task_name": "t",
        "state": "SUCCESS",
    }
    answer = ann.post("/action_executions", body)
    assert answer.status_code == 201
    made = ActionExecution.objects.get(pk=answer.json()["id"])
    assert (made.project_id, made.task_id, made.execution_id) == (ann.project_id, None, None)
    assert len(bob.get(f"/tasks/{task['id']}/action_executions").json()["action_executions"]) == 1


def test_no_body_sets_the_project(ann: ApiClient, bob: ApiClient) -> None:
    upload(ann, "own")
    project = str(bob.project_id)
    for path, body in (
        ("/executions", {"workflow_name": "own", "project_id": project}),
        ("/environments", {"name": "e", "variables": {}, "project_id": project}),
        ("/action_executions", {"name": "std.noop", "project_id": project}),
    ):
        answer = ann.post(path, body)
        assert answer.status_code == 400
        assert "Cannot set read only field" in fault(answer)
    # Options of uploads that nobody knows are ignored.
    made = ann.post("/workflows", TEXT.format(name="w", task=ASYNC), project_id=project)
    assert made.json()["workflows"][0]["project_id"] == str(ann.project_id)


# --- Parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["root_execution_id", "task_execution_id", "index", "namespace", "parent_execution_id"],
)
def test_parameters_of_the_inside_attach_nothing(
    ann: ApiClient, bob: ApiClient, theirs: dict[str, Any], name: str
) -> None:
    upload(ann, "own")
    values = {"task_execution_id": task_of(bob, theirs)["id"], "index": 0, "namespace": "other"}
    made = start(ann, "own", params={name: values.get(name, theirs["id"])})
    row = WorkflowExecution.objects.get(pk=made["id"])
    assert (row.root_execution_id, row.parent_task_id, row.parent_execution_id) == (
        None,
        None,
        None,
    )
    assert (made["root_execution_id"], made["task_execution_id"]) == (None, None)
    assert row.workflow_namespace == ""
    if name != "parent_execution_id":
        assert json.loads(made["params"]).get(name, "") == ""
    lists = bob.get(f"/executions/{theirs['id']}/executions").json()["executions"]
    assert [one["id"] for one in lists] == [theirs["id"]]


def test_an_environment_of_another_project_is_not_found_by_name_or_id(
    ann: ApiClient, bob: ApiClient
) -> None:
    upload(ann, "own")
    made = bob.post("/environments", {"name": "prod", "variables": {"key": "theirs"}}).json()
    for env in ("prod", made["id"]):
        answer = ann.post("/executions", {"workflow_name": "own", "params": {"env": env}})
        assert (answer.status_code, fault(answer)) == (400, f"Environment is not found: {env}")


def test_a_public_environment_is_used_unless_there_is_an_own_one(
    ann: ApiClient, root: ApiClient
) -> None:
    upload(ann, "own")
    body = {"name": "prod", "variables": {"key": "public"}, "scope": "public"}
    assert root.post("/environments", body).status_code == 201

    def key() -> str:
        params = json.loads(start(ann, "own", params={"env": "prod"})["params"])
        return str(params["env"]["key"])

    assert key() == "public"
    ann.post("/environments", {"name": "prod", "variables": {"key": "own"}})
    assert key() == "own"


# --- Names in definitions -------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["workflow: secret", "workflow: {id}", "action: theirs"])
def test_a_task_reaches_no_definition_of_another_project(
    ann: ApiClient, bob: ApiClient, theirs: dict[str, Any], task: str
) -> None:
    bob.post("/actions", "version: '2.0'\ntheirs: {base: std.noop}\n")
    upload(ann, "own", task.format(id=theirs["workflow_id"]))
    execution = start(ann, "own")
    found = task_of(ann, execution)
    assert found["state"] == "ERROR"
    assert WorkflowExecution.objects.filter(project_id=ann.project_id).count() == 1


def test_a_public_workflow_runs_with_the_names_of_who_starts_it(
    ann: ApiClient, root: ApiClient
) -> None:
    upload(root, "helper")
    upload(root, "parent", "workflow: helper", scope="public")
    assert task_of(ann, start(ann, "parent"))["state"] == "ERROR"
    own = upload(ann, "helper")
    assert task_of(ann, start(ann, "parent"))["state"] == "RUNNING"
    child = WorkflowExecution.objects.get(workflow_id=own)
    assert child.project_id == ann.project_id


@pytest.mark.parametrize(
    "expression",
    [
        "<% executions(id => '{id}').len() %>",
        "<% executions().where($.id = '{id}').len() %>",
        "<% tasks('{id}').len() %>",
        "<% executions(null, '{id}').len() %>",
    ],
)
def test_an_expression_sees_no_execution_of_another_project(
    ann: ApiClient, theirs: dict[str, Any], expression: str
) -> None:
    text = expression.replace("{id}", theirs["id"])
    upload(ann, "own", f'action: std.echo, input: {{output: "{text}"}}')
    found = task_of(ann, start(ann, "own"))
    assert (found["state"], found["result"]) == ("SUCCESS", "0")


# --- Names that several projects have -------------------------------------------------------------


def test_a_change_by_name_is_of_the_own_object_alone(
    ann: ApiClient, bob: ApiClient, root: ApiClient
) -> None:
    """The same names in three projects, one of them public: each one changes its own."""
    for client, scope in ((bob, "private"), (root, "public"), (ann, "private")):
        upload(client, "same", scope=scope)
        client.post("/workbooks", BOOK, scope=scope)
        client.post("/actions", "version: '2.0'\nsame: {base: std.noop}\n", scope=scope)
        client.post("/environments", {"name": "same", "variables": {"n": 0}, "scope": scope})
    changed = TEXT.format(name="same", task="action: std.fail")
    assert ann.put("/workflows", changed).status_code == 200
    assert ann.put("/workbooks", BOOK + "tags: [changed]\n").status_code == 200
    action = "version: '2.0'\nsame: {base: std.fail}\n"
    assert ann.put("/actions", action).status_code == 200
    assert ann.put("/environments", {"name": "same", "variables": {"n": 1}}).status_code == 200
    assert _untouched(ann) == 0
    assert _untouched(bob) == _untouched(root) == 4
    for path in ("/workflows/same", "/workbooks/book", "/actions/same", "/environments/same"):
        assert ann.delete(path).status_code == 204, path
        # Now the public one has the name, and it is not hers.
        assert ann.delete(path).status_code == 403, path
    assert _untouched(bob) == _untouched(root) == 4


def _untouched(client: ApiClient) -> int:
    """How many of the four objects are as they were made."""
    mine = {"project_id": client.project_id}
    return (
        WorkflowDefinition.objects.filter(**mine, name="same", revision__number=1).count()
        + WorkbookDefinition.objects.filter(**mine, name="book", tags=[]).count()
        + ActionDefinition.objects.filter(**mine, name="same", updated_at=None).count()
        + Environment.objects.filter(**mine, name="same", updated_at=None).count()
    )


def test_a_workbook_leaves_members_of_that_name_in_other_projects_alone(
    ann: ApiClient, bob: ApiClient, root: ApiClient
) -> None:
    bob.post("/workbooks", BOOK)
    root.post("/workbooks", BOOK, scope="public")
    before = {row.pk: row.revision_id for row in WorkflowDefinition.objects.all()}
    actions = {row.pk: row.updated_at for row in ActionDefinition.objects.all()}
    assert ann.post("/workbooks", BOOK).status_code == 201
    assert ann.put("/workbooks", BOOK).status_code == 200
    assert WorkflowDefinition.objects.filter(name="book.w").count() == 3
    after = {row.pk: row.revision_id for row in WorkflowDefinition.objects.all()}
    assert before.items() <= after.items()
    assert actions.items() <= {r.pk: r.updated_at for r in ActionDefinition.objects.all()}.items()


# --- Filters, markers, lists ----------------------------------------------------------------------


def test_filters_and_markers_find_nothing_of_another_project(
    ann: ApiClient, bob: ApiClient, theirs: dict[str, Any]
) -> None:
    task = task_of(bob, theirs)
    for path, arguments in (
        ("/executions", {"workflow_id": theirs["workflow_id"]}),
        ("/executions", {"task_execution_id": task["id"]}),
        ("/executions", {"root_execution_id": theirs["id"]}),
        ("/executions", {"workflow_name": "secret"}),
        ("/tasks", {"workflow_execution_id": theirs["id"]}),
        ("/tasks", {"workflow_id": theirs["workflow_id"]}),
        ("/action_executions", {"task_execution_id": task["id"]}),
        ("/workflows", {"project_id": str(bob.project_id)}),
        ("/workflows", {"name": "secret"}),
    ):
        assert list(ann.get(path, **arguments).json().values()) == [[]], (path, arguments)
        assert ann.get(path, marker=theirs["id"]).status_code == 404
    assert ann.get("/workflows", marker=theirs["workflow_id"]).status_code == 404
    assert ann.get("/tasks", marker=task["id"]).status_code == 404


def test_only_an_administrator_asks_for_other_projects(
    ann: ApiClient, root: ApiClient, theirs: dict[str, Any]
) -> None:
    for path, arguments in (
        ("/executions", {"all_projects": "true"}),
        ("/executions", {"project_id": str(ann.project_id)}),
        ("/workflows", {"all_projects": "true"}),
    ):
        assert ann.get(path, **arguments).status_code == 403
        assert root.get(path, **arguments).status_code == 200
    project = theirs["project_id"]
    found = root.get("/executions", project_id=project).json()["executions"]
    assert [one["id"] for one in found] == [theirs["id"]]


def test_what_an_administrator_starts_belongs_to_its_own_project(
    root: ApiClient, theirs: dict[str, Any]
) -> None:
    for body in (
        {"workflow_id": theirs["workflow_id"]},
        {"source_execution_id": theirs["id"]},
    ):
        made = root.post("/executions", body)
        assert made.status_code == 201
        assert made.json()["project_id"] == str(root.project_id)


def test_the_end_of_sharing_ends_the_copies_too(ann: ApiClient, bob: ApiClient) -> None:
    workflow = upload(bob, "shared")
    member = f"/workflows/{workflow}/members/{ann.project_id}"
    bob.post(f"/workflows/{workflow}/members", {"member_id": str(ann.project_id)})
    ann.put(member, {"status": "accepted"})
    first = start(ann, "shared")
    copy = {"source_execution_id": first["id"]}
    assert ann.post("/executions", copy).status_code == 201
    bob.delete(member)
    assert ann.post("/executions", copy).status_code == 404
    assert ann.post("/executions", {"workflow_id": workflow}).status_code == 404


def test_ids_that_nobody_has_and_ids_of_others_look_the_same(
    ann: ApiClient, bob: ApiClient, theirs: dict[str, Any]
) -> None:
    task = task_of(bob, theirs)
    action = bob.get(f"/tasks/{task['id']}/action_executions").json()["action_executions"][0]
    for kind, identity in (
        ("executions", theirs["id"]),
        ("tasks", task["id"]),
        ("action_executions", action["id"]),
        ("workflows", theirs["workflow_id"]),
    ):
        foreign, nobody = ann.get(f"/{kind}/{identity}"), ann.get(f"/{kind}/{uuid4()}")
        assert foreign.status_code == nobody.status_code == 404
        assert len(foreign.content) == len(nobody.content)
        assert sorted(foreign.headers) == sorted(nobody.headers)
