"""Who may call: tokens in three forms, their end, and what each role may do."""

from __future__ import annotations

import base64
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.api_client import ApiClient, fault, make_client, revoke
from workflows.models import ApiToken, Role
from workflows.services.identity import identity
from workflows.services.identity.identity import OPEN_PROJECT_ID, forget_callers

HELLO = "version: '2.0'\nhello:\n  tasks:\n    say: {action: std.noop}\n"
BASIC = "Basic "


def _basic(text: str) -> str:
    return BASIC + base64.b64encode(text.encode()).decode()


def test_a_token_is_taken_from_each_of_three_places(ann: ApiClient) -> None:
    for headers in (
        {"X-Auth-Token": ann.token},
        {"Authorization": f"Bearer {ann.token}"},
        {"Authorization": _basic(f"anybody:{ann.token}")},
    ):
        assert Client().get("/v2/workflows", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Auth-Token": "wrong"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": _basic("ann:wrong")},
        {"Authorization": "Basic %%%"},
        {"Authorization": _basic("no-colon")},
        {"X-Auth-Token": "\udce9"},
    ],
)
def test_without_a_good_token_the_answer_is_401(db: None, headers: dict[str, str]) -> None:
    answer = Client().get("/v2/workflows", headers=headers)
    assert answer.status_code == 401
    assert "Basic" in answer["WWW-Authenticate"]
    assert fault(answer)


def test_only_the_digest_of_a_token_is_stored(ann: ApiClient) -> None:
    stored = ApiToken.objects.get(project_id=ann.project_id)
    assert len(stored.digest) == 64
    assert ann.token not in (stored.digest, stored.name)


@pytest.mark.parametrize("attribute", ["revoked_at", "expires_at"])
def test_a_token_ends_when_it_is_revoked_or_expires(ann: ApiClient, attribute: str) -> None:
    assert ann.get("/workflows").status_code == 200
    revoke(ann, **{attribute: timezone.now() - timedelta(seconds=1)})
    forget_callers()
    assert ann.get("/workflows").status_code == 401


def test_a_remembered_token_is_looked_up_again_after_seconds(
    ann: ApiClient, settings: Settings
) -> None:
    settings.LEVANTE_TOKEN_CACHE_SECONDS = 0.0
    assert ann.get("/workflows").status_code == 200
    revoke(ann, revoked_at=timezone.now())
    assert ann.get("/workflows").status_code == 401


def test_a_remembered_token_never_outlives_its_expiry(
    ann: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    revoke(ann, expires_at=now + timedelta(seconds=2))
    seconds = [0.0]
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    with time_machine.travel(now, tick=False) as clock:
        assert ann.get("/workflows").status_code == 200
        clock.shift(3)
        seconds[0] = 3.0
        assert ann.get("/workflows").status_code == 401


def test_a_header_cannot_choose_the_project(ann: ApiClient, bob: ApiClient) -> None:
    ann.post("/workflows", HELLO)
    headers = {"X-Auth-Token": bob.token, "X-Project-Id": str(ann.project_id)}
    assert Client().get("/v2/workflows", headers=headers).json() == {"workflows": []}


def test_roles_include_each_other(db: None) -> None:
    """Per role: read, run an action, upload, publicise."""
    allowed = {}
    for role in Role:
        client = make_client("blue", role)
        allowed[role] = [
            client.get("/workflows").status_code,
            client.post(
                "/action_executions", {"name": "std.noop", "params": {"save_result": True}}
            ).status_code,
            client.post("/workflows", HELLO.replace("hello", f"by_{role}")).status_code,
            client.post(
                "/workflows", HELLO.replace("hello", f"all_{role}"), scope="public"
            ).status_code,
        ]
    assert allowed == {
        Role.VIEWER: [200, 403, 403, 403],
        Role.OPERATOR: [200, 201, 403, 403],
        Role.AUTHOR: [200, 201, 201, 403],
        Role.ADMIN: [200, 201, 201, 201],
    }


def test_version_documents_and_probes_need_no_token(db: None) -> None:
    for path in ("/", "/v2", "/v2/", "/healthz"):
        assert Client().get(path).status_code == 200
    assert Client().get("/v2").json() == {"uri": "http://testserver/v2"}


def test_without_authentication_everybody_is_the_administrator_of_one_project(
    db: None, settings: Settings
) -> None:
    settings.LEVANTE_NO_AUTH = True
    nobody = ApiClient()
    made = nobody.post("/workflows", HELLO, scope="public")
    assert made.status_code == 201
    assert made.json()["workflows"][0]["project_id"] == str(OPEN_PROJECT_ID)
    assert nobody.get("/executions", all_projects="true").status_code == 200
