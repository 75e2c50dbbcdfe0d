"""Log-ins with name and password, and what their tokens are good for."""

from __future__ import annotations

import logging
import re
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.api_client import ApiClient, make_client
from tests.routes import all_routes
from workflows.models import ApiToken, Membership, Project, Role
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.identity.identity import (
    SYSTEM_PROJECT_ID,
    SYSTEM_PROJECT_NAME,
    forget_callers,
)

TOKENS = "/identity/v3/auth/tokens"
DEFAULT = {"name": "Default"}
PASSWORD = "correct horse"


@pytest.fixture
def eve(db: None) -> User:
    """An author of the project blue and a viewer of the project red, with a password."""
    user = User.objects.create_user("eve", password=PASSWORD)
    for name, role in (("blue", Role.AUTHOR), ("red", Role.VIEWER)):
        project, _ = Project.objects.get_or_create(name=name)
        Membership.objects.create(user=user, project=project, role=role)
    Project.objects.create(name="green")
    return user


def by_password(name: str = "eve", password: str = PASSWORD, **user: Any) -> dict[str, Any]:
    given = {"name": name, "password": password, "domain": DEFAULT} | user
    return {"methods": ["password"], "password": {"user": given}}


def by_token(token: str) -> dict[str, Any]:
    return {"methods": ["token"], "token": {"id": token}}


def scope(name: str, /, **domain: str) -> dict[str, Any]:
    return {"project": {"name": name, "domain": domain or DEFAULT}}


def ask(
    identity: Any, wanted: Any = None, client: Client | None = None, **query: str
) -> HttpResponse:
    auth = {"identity": identity} | ({} if wanted is None else {"scope": wanted})
    asker = client or Client(raise_request_exception=False)
    return asker.post(
        TOKENS, {"auth": auth}, content_type="application/json", query_params=query or None
    )


def get(path: str, token: str, **headers: str) -> HttpResponse:
    return Client().get(f"/identity/v3{path}", headers={"X-Auth-Token": token, **headers})


def error(answer: HttpResponse) -> tuple[int, str]:
    """Give code and text of an error, after a look at its form."""
    body = answer.json()
    assert body["error"]["message"] == body["faultstring"]
    assert sorted(body["error"]) == ["code", "message", "title"]
    assert body["error"]["code"] == answer.status_code
    return answer.status_code, str(body["error"]["message"])


def test_a_password_gives_a_token_of_the_project(eve: User, settings: Settings) -> None:
    answer = ask(by_password(), scope("red"))
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    token, body = answer["X-Subject-Token"], answer.json()["token"]
    project = Project.objects.get(name="red")
    assert body["user"]["name"] == "eve"
    assert body["project"] == {
        "id": str(project.pk), "name": "red", "domain": {"id": "default", "name": "Default"}
    }  # fmt: skip
    assert [role["name"] for role in body["roles"]] == ["viewer", "reader"]
    kinds = {service["type"]: service["endpoints"] for service in body["catalog"]}
    assert {one["url"] for one in kinds["workflowv2"]} == {"http://testserver/v2"}
    assert {one["url"] for one in kinds["identity"]} == {"http://testserver/identity/v3"}
    assert {one["interface"] for one in kinds["workflowv2"]} == {"public", "internal", "admin"}
    client = ApiClient(token)
    assert client.get("/workflows").status_code == 200
    assert client.post("/workflows", "x").status_code == 403
    assert token not in answer.content.decode()


def test_the_token_ends_soon(eve: User, settings: Settings) -> None:
    settings.LEVANTE_LOGIN_TOKEN_SECONDS = 100
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        answer = ask(by_password())
        assert answer.json()["token"]["expires_at"] == "2026-03-01T12:01:40.000000Z"
        client = ApiClient(answer["X-Subject-Token"])
        assert client.get("/workflows").status_code == 200
        clock.shift(100)
        forget_callers()
        assert client.get("/workflows").status_code == 401
        assert ask(by_token(client.token)).status_code == 401
        ask(by_password())
    assert ApiToken.objects.count() == 1


def test_without_a_project_it_is_the_first_of_the_user(eve: User) -> None:
    for wanted in (None, "unscoped"):
        assert ask(by_password(), wanted).json()["token"]["project"]["name"] == "blue"


def test_user_and_project_are_found_by_id_and_the_domain_by_name_or_id(eve: User) -> None:
    project = Project.objects.get(name="blue")
    identity = by_password()
    identity["password"]["user"] = {"id": str(eve.pk), "password": PASSWORD}
    for wanted in (
        {"project": {"id": str(project.pk)}},
        {"project": {"id": project.pk.hex}},
        scope("blue", id="default"),
        scope("blue", name="default"),
    ):
        answer = ask(identity, wanted)
        assert answer.status_code == 201
        assert answer.json()["token"]["project"]["id"] == str(project.pk)
    assert "catalog" not in ask(identity, nocatalog="").json()["token"]


@pytest.mark.parametrize(
    ("identity", "wanted"),
    [
        (by_password(password="wrong"), None),
        (by_password(name="nobody"), None),
        (by_password(domain={"name": "other"}), None),
        (by_password(domain={"id": "other"}), None),
        (by_password(id="999999"), None),
        (by_password(id="x"), None),
        (by_password(), scope("green")),
        (by_password(), scope("nothing")),
        (by_password(), scope("blue", name="other")),
        (by_password(), {"project": {"id": "6f1d2a605a4e4c3b9d7e1c0ffee00001"}}),
        (by_password(), {"system": {"all": True}}),
        (by_password(), {"domain": {"id": "default"}}),
        (by_token("wrong"), None),
        ({"methods": ["totp"], "totp": {}}, None),
        ({"methods": ["password", "totp"]}, None),
    ],
)
def test_what_is_not_right_is_401_and_looks_the_same(
    eve: User, identity: dict[str, Any], wanted: Any
) -> None:
    answer = ask(identity, wanted)
    code, text = error(answer)
    assert code == 401
    assert "authenticat" in text.lower()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auth": 5},
        {"auth": {}},
        {"auth": {"identity": []}},
        {"auth": {"identity": {"methods": "password"}}},
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "a"}}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}},
        {"auth": {"identity": by_password(), "scope": {"project": "blue"}}},
        {"auth": {"identity": by_password(), "scope": {"project": {"name": ["blue"]}}}},
        {"auth": {"identity": by_password(), "scope": "all"}},
        [],
    ],
)
def test_a_body_that_is_no_log_in_is_400(eve: User, body: Any) -> None:
    strict = Client(raise_request_exception=False)
    assert error(strict.post(TOKENS, body, content_type="application/json"))[0] == 400


def test_a_log_in_does_not_read_what_it_has_just_written(eve: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert ask(by_password()).status_code == 201
    tables = [re.findall(r'^SELECT .* FROM "(\w+)"', one["sql"]) for one in asked.captured_queries]
    assert ["memberships"] in tables
    assert ["api_tokens"] not in tables


def test_a_user_who_is_not_active_or_in_no_project_cannot_log_in(eve: User) -> None:
    Membership.objects.all().delete()
    assert ask(by_password()).status_code == 401
    User.objects.update(is_active=False)
    assert ask(by_password()).status_code == 401


def test_a_superuser_is_administrator_of_every_project_but_the_system(eve: User) -> None:
    load_packaged_workflows([])
    User.objects.update(is_superuser=True)
    body = ask(by_password(), scope("green")).json()["token"]
    assert body["roles"][0]["name"] == "admin"
    for wanted in (scope(SYSTEM_PROJECT_NAME), {"project": {"id": str(SYSTEM_PROJECT_ID)}}):
        assert ask(by_password(), wanted).status_code == 401


# --- Exchange -------------------------------------------------------------------------------------


def test_a_log_in_is_exchanged_for_another_project_of_the_user(eve: User) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        first = ask(by_password(), scope("blue"))
        clock.shift(60)
        second = ask(by_token(first["X-Subject-Token"]), scope("red"))
    assert second.status_code == 201
    body = second.json()["token"]
    assert (body["project"]["name"], body["roles"][0]["name"]) == ("red", "viewer")
    # Else somebody with a stolen token could prolong it for ever.
    assert body["expires_at"] == first.json()["token"]["expires_at"]
    assert ask(by_token(first["X-Subject-Token"]), scope("green")).status_code == 401


def test_a_token_that_was_made_for_one_project_is_good_for_that_one_alone(eve: User) -> None:
    client = make_client("blue", Role.VIEWER)
    user = User.objects.get(username="viewer of blue")
    for name in ("blue", "red"):
        project, _ = Project.objects.get_or_create(name=name)
        Membership.objects.create(user=user, project=project, role=Role.ADMIN)
    same = ask(by_token(client.token), scope("blue"))
    assert same["X-Subject-Token"] == client.token
    assert same.json()["token"]["roles"][0]["name"] == "viewer"
    assert same.json()["token"]["expires_at"] == "9999-12-31T23:59:59.000000Z"
    assert ask(by_token(client.token), scope("red")).status_code == 401


# --- Looking at tokens ----------------------------------------------------------------------------


def test_a_token_is_looked_at_by_itself_and_by_administrators(
    eve: User, ann: ApiClient, root: ApiClient
) -> None:
    token = ask(by_password())["X-Subject-Token"]
    for asker in (token, root.token):
        answer = get("/auth/tokens", asker, **{"X-Subject-Token": token})
        assert answer.status_code == 200
        assert answer["X-Subject-Token"] == token
        assert answer.json()["token"]["user"]["name"] == "eve"
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert Client().head(TOKENS, headers=headers).status_code == 200
    assert error(get("/auth/tokens", ann.token, **{"X-Subject-Token": token}))[0] == 403
    assert error(get("/auth/tokens", root.token, **{"X-Subject-Token": "wrong"}))[0] == 404
    assert error(get("/auth/tokens", root.token))[0] == 400


def test_a_revoked_token_is_good_for_nothing(eve: User, ann: ApiClient) -> None:
    token = ask(by_password())["X-Subject-Token"]
    other = {"X-Auth-Token": ann.token, "X-Subject-Token": token}
    assert Client().delete(TOKENS, headers=other).status_code == 403
    own = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert Client().delete(TOKENS, headers=own).status_code == 204
    assert ApiClient(token).get("/workflows").status_code == 401
    assert ask(by_token(token)).status_code == 401


# --- Documents and projects -----------------------------------------------------------------------


def test_the_version_documents_lead_to_version_3(db: None) -> None:
    several = Client().get("/identity")
    assert several.status_code == 300
    one = Client().get("/identity/v3/")
    assert one.status_code == 200
    version = one.json()["version"]
    assert several.json()["versions"]["values"] == [version]
    assert (version["id"], version["status"]) == ("v3.14", "stable")
    assert version["links"] == [{"rel": "self", "href": "http://testserver/identity/v3/"}]


def test_the_public_address_stands_in_documents_if_it_is_set(db: None, settings: Settings) -> None:
    settings.LEVANTE_PUBLIC_URL = "https://levante.example.org"
    link = Client().get("/identity/v3").json()["version"]["links"][0]["href"]
    assert link == "https://levante.example.org/identity/v3/"


def test_projects_are_listed_for_who_may_know_of_them(eve: User, root: ApiClient) -> None:
    token = ask(by_password())["X-Subject-Token"]

    def names(path: str, asker: str) -> list[str]:
        return [one["name"] for one in get(path, asker).json()["projects"]]

    assert names("/auth/projects", token) == ["blue", "red"]
    assert names(f"/users/{eve.pk}/projects", token) == ["blue", "red"]
    assert names(f"/users/{eve.pk}/projects", root.token) == ["blue", "red"]
    assert get(f"/users/{eve.pk + 1}/projects", token).status_code == 403
    assert names("/projects", token) == ["blue"]
    assert names("/projects?name=red", token) == []
    assert names("/projects", root.token) == ["blue", "green", "red"]
    assert names("/projects?name=red", root.token) == ["red"]
    own, other = Project.objects.get(name="blue"), Project.objects.get(name="red")
    assert get(f"/projects/{own.pk}", token).json()["project"]["name"] == "blue"
    assert error(get(f"/projects/{other.pk}", token))[0] == 404
    assert error(get(f"/projects/{uuid4()}", root.token))[0] == 404
    assert error(get("/projects/blue", root.token))[0] == 404


def test_there_is_one_domain_and_a_catalogue(ann: ApiClient) -> None:
    assert [one["id"] for one in get("/domains", ann.token).json()["domains"]] == ["default"]
    assert get("/domains/default", ann.token).json()["domain"]["name"] == "Default"
    assert error(get("/domains/other", ann.token))[0] == 404
    kinds = [one["type"] for one in get("/auth/catalog", ann.token).json()["catalog"]]
    assert kinds == ["identity", "workflowv2"]


def test_all_but_documents_and_the_log_in_need_a_token(db: None) -> None:
    for route in all_routes():
        if route.template.startswith("identity/v3/"):
            for method in set(route.methods) - {"POST"}:
                answer = Client().generic(method, route.fill("x"))
                assert error(answer)[0] == 401, route.template
                assert answer["WWW-Authenticate"]


# --- Guessing -------------------------------------------------------------------------------------


@pytest.fixture
def lock(settings: Settings) -> None:
    settings.AXES_ENABLED = True


@pytest.mark.usefixtures("lock")
def test_after_some_failures_no_password_is_tried_for_a_while(
    eve: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        for _ in range(settings.LEVANTE_FAILED_LOGINS - 1):
            assert ask(by_password(password="guess")).status_code == 401
        last = ask(by_password(password="guess"))
        assert error(last) == (429, "Too many failed log-ins. Try again later.")
        assert error(ask(by_password()))[0] == 429
        # Another address of the same user is not locked out by it.
        elsewhere = Client(REMOTE_ADDR="192.0.2.7")
        assert ask(by_password(), client=elsewhere).status_code == 201
        clock.shift(settings.LEVANTE_LOCK_SECONDS + 1)
        assert ask(by_password()).status_code == 201
    assert "guess" not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.usefixtures("lock")
def test_the_admin_pages_are_locked_by_the_same_failures(eve: User, settings: Settings) -> None:
    User.objects.update(is_staff=True)
    for _ in range(settings.LEVANTE_FAILED_LOGINS):
        ask(by_password(password="guess"))
    form = {"username": "eve", "password": PASSWORD}
    answer = Client(raise_request_exception=False).post("/admin/login/", form)
    assert answer.status_code == 429


def test_an_address_logs_in_so_often_a_minute(eve: User, settings: Settings) -> None:
    settings.LEVANTE_LOGINS_PER_MINUTE = 3
    for _ in range(3):
        assert ask(by_password()).status_code == 201
    refused = ask(by_password())
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert ask(by_password(), client=Client(REMOTE_ADDR="192.0.2.7")).status_code == 201
    # Looking at a token is no log-in.
    token = ApiToken.objects.order_by("pk").first()
    assert token is not None
    assert Client().get("/identity/v3").status_code == 200


def test_neither_password_nor_token_reaches_the_log(
    eve: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = ask(by_password())["X-Subject-Token"]
    ask(by_password(password="mistaken"))
    ask(by_token(token), scope("green"))
    text = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "logged in" in text
    for secret in (PASSWORD, "mistaken", token):
        assert secret not in text


def test_people_log_in_during_maintenance(eve: User, root: ApiClient) -> None:
    root.raw("PUT", "/maintenance", {"status": "PAUSED"}, "application/json")
    token = ask(by_password())["X-Subject-Token"]
    own = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert Client().delete(TOKENS, headers=own).status_code == 204
