"""Sharing a private workflow with another project."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api_client import ApiClient, fault
from workflows.models import WorkflowMember

TEXT = "version: '2.0'\nshared:\n  tasks:\n    t: {action: std.noop}\n"
PARENT = "version: '2.0'\nparent:\n  tasks:\n    t: {workflow: shared}\n"


@pytest.fixture
def workflow(ann: ApiClient) -> str:
    """A private workflow of ann's project; gives its id."""
    answer = ann.post("/workflows", TEXT)
    assert answer.status_code == 201
    return str(answer.json()["workflows"][0]["id"])


def share(owner: ApiClient, workflow: str, member: ApiClient) -> Any:
    body = {"member_id": str(member.project_id)}
    return owner.post(f"/workflows/{workflow}/members", body)


def reply(member: ApiClient, workflow: str, status: str) -> Any:
    return member.put(f"/workflows/{workflow}/members/{member.project_id}", {"status": status})


def test_a_member_that_accepted_reads_and_runs_but_changes_nothing(
    ann: ApiClient, bob: ApiClient, workflow: str
) -> None:
    answer = share(ann, workflow, bob)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "resource_id": workflow,
        "resource_type": "workflow",
        "project_id": str(ann.project_id),
        "member_id": str(bob.project_id),
        "status": "pending",
        "created_at": answer.json()["created_at"],
        "updated_at": None,
    }
    assert bob.get(f"/workflows/{workflow}").status_code == 404
    assert reply(bob, workflow, "accepted").json()["status"] == "accepted"
    assert bob.get(f"/workflows/{workflow}").json()["project_id"] == str(ann.project_id)
    assert [one["id"] for one in bob.get("/workflows").json()["workflows"]] == [workflow]
    started = bob.post("/executions", {"workflow_name": "shared"})
    assert started.status_code == 201
    assert started.json()["project_id"] == str(bob.project_id)
    assert ann.get(f"/executions/{started.json()['id']}").status_code == 404
    assert bob.delete(f"/workflows/{workflow}").status_code == 403
    assert bob.put(f"/workflows/{workflow}", TEXT).status_code == 403
    assert share(bob, workflow, bob).status_code == 403
    assert reply(bob, workflow, "rejected").status_code == 200
    assert bob.get(f"/workflows/{workflow}").status_code == 404


def test_an_own_workflow_wins_over_a_shared_one(
    ann: ApiClient, bob: ApiClient, workflow: str
) -> None:
    share(ann, workflow, bob)
    reply(bob, workflow, "accepted")
    own = bob.post("/workflows", TEXT).json()["workflows"][0]["id"]
    assert bob.get("/workflows/shared").json()["id"] == own


def test_owner_and_member_see_the_relation_and_others_do_not(
    ann: ApiClient, bob: ApiClient, root: ApiClient, workflow: str
) -> None:
    share(ann, workflow, bob)
    share(ann, workflow, root)
    path = f"/workflows/{workflow}/members"

    def members(client: ApiClient) -> list[str]:
        answer = client.get(path)
        assert answer.status_code == 200
        return [one["member_id"] for one in answer.json()["members"]]

    assert members(ann) == [str(bob.project_id), str(root.project_id)]
    assert members(bob) == [str(bob.project_id)]
    assert ann.get(f"{path}/{bob.project_id}").json()["status"] == "pending"
    assert bob.get(f"{path}/{bob.project_id}").json()["status"] == "pending"
    assert bob.get(f"{path}/{root.project_id}").status_code == 404
    assert ann.get(f"/workflows/{uuid4()}/members").json() == {"members": []}


def test_only_the_member_answers_and_only_the_owner_removes(
    ann: ApiClient, bob: ApiClient, workflow: str
) -> None:
    share(ann, workflow, bob)
    path = f"/workflows/{workflow}/members/{bob.project_id}"
    refused = ann.put(path, {"status": "accepted"})
    assert (refused.status_code, fault(refused)) == (
        404,
        f"Resource member not found [resource_id={workflow}, member_id={bob.project_id}]",
    )
    assert reply(bob, workflow, "accepted").status_code == 200
    assert bob.delete(path).status_code == 404
    assert ann.delete(path).status_code == 204
    assert bob.get(f"/workflows/{workflow}").status_code == 404
    assert ann.delete(path).status_code == 404


@pytest.mark.parametrize("status", ["maybe", "", None])
def test_a_bad_status_is_refused(
    ann: ApiClient, bob: ApiClient, workflow: str, status: str | None
) -> None:
    share(ann, workflow, bob)
    path = f"/workflows/{workflow}/members/{bob.project_id}"
    assert bob.put(path, {"status": status}).status_code == 400


def test_what_cannot_be_shared_says_why(ann: ApiClient, bob: ApiClient, workflow: str) -> None:
    assert share(ann, workflow, bob).status_code == 201
    assert share(ann, workflow, bob).status_code == 409
    assert share(bob, workflow, bob).status_code == 404
    assert share(ann, str(uuid4()), bob).status_code == 404
    by_name = share(ann, "shared", bob)
    assert (by_name.status_code, fault(by_name)) == (
        400,
        "Only support UUID as resource identifier in resource sharing feature.",
    )
    nobody = ann.post(f"/workflows/{workflow}/members", {})
    assert (nobody.status_code, fault(nobody)) == (400, "Member id must be provided.")
    assert ann.post(f"/workflows/{workflow}/members", {"member_id": "x"}).status_code == 400


def test_a_public_workflow_is_not_shared(root: ApiClient, bob: ApiClient) -> None:
    public = root.post("/workflows?scope=public", TEXT).json()["workflows"][0]["id"]
    answer = share(root, public, bob)
    assert (answer.status_code, fault(answer)) == (400, "Only private resource could be shared.")


def test_members_go_with_their_workflow(ann: ApiClient, bob: ApiClient, workflow: str) -> None:
    share(ann, workflow, bob)
    assert ann.delete(f"/workflows/{workflow}").status_code == 204
    assert not WorkflowMember.objects.exists()


def test_sharing_needs_authentication(ann: ApiClient, workflow: str, settings: Any) -> None:
    settings.LEVANTE_NO_AUTH = True
    answer = ann.get(f"/workflows/{workflow}/members")
    assert answer.status_code == 400
    assert "authentication enabled" in fault(answer)
