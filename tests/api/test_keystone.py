"""Tokens of a Keystone, asked at a small one on this machine."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.api_client import ApiClient, fault, make_client
from workflows.models import Project
from workflows.services.identity import keystone
from workflows.services.identity.identity import (
    SYSTEM_PROJECT_ID,
    SYSTEM_PROJECT_NAME,
    forget_callers,
)

HELLO = "version: '2.0'\nhello:\n  tasks:\n    t: {action: std.noop}\n"
PROJECT = "b" * 31 + "0"


@dataclass
class FakeKeystone:
    """Knows tokens, and one user that may ask about them."""

    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # by whom, about what
    status: int = 0  # of all answers, if it is not 0
    body: bytes = b""
    url: str = ""

    def issue(self, token: str, *roles: str, **changes: Any) -> None:
        end = datetime.now(UTC) + timedelta(hours=1)
        domain = {"id": "default", "name": "Default"}
        self.tokens[token] = {
            "user": {"id": "u1", "name": "eve", "domain": domain},
            "project": {"id": PROJECT, "name": "blue", "domain": domain},
            "roles": [{"id": role, "name": role} for role in roles],
            "expires_at": end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        } | changes

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "POST":
            size = int(handler.headers["Content-Length"])
            user = json.loads(handler.rfile.read(size))["auth"]["identity"]["password"]["user"]
            is_right = (user["name"], user["password"]) == ("levante", "secret")
            self.issue("service", "service")
            self.send(handler, 201 if is_right else 401, self.tokens["service"], "service")
            return
        asker, subject = handler.headers["X-Auth-Token"], handler.headers["X-Subject-Token"]
        self.asked.append((asker, subject))
        if self.status:
            self.send(handler, self.status, None)
        elif asker not in self.tokens:
            self.send(handler, 401, None)
        else:
            found = self.tokens.get(subject)
            self.send(handler, 200 if found else 404, found)

    def send(
        self, handler: BaseHTTPRequestHandler, status: int, token: Any, subject: str = ""
    ) -> None:
        body = self.body or json.dumps({"token": token}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        if subject:
            handler.send_header("X-Subject-Token", subject)
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def fake(db: None, settings: Settings) -> Iterator[FakeKeystone]:
    known = FakeKeystone()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.answer(self)

        do_POST = do_GET  # noqa: N815 - the name is the server's

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/v3"
    settings.LEVANTE_KEYSTONE_URL = known.url
    keystone._session.cache_clear()
    try:
        yield known
    finally:
        keystone._session().session.close()
        keystone._session.cache_clear()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_token_acts_for_its_project_which_is_made_on_first_use(fake: FakeKeystone) -> None:
    fake.issue("t1", "member")
    made = ApiClient("t1").post("/workflows", HELLO)
    assert made.status_code == 201
    project = Project.objects.get(name="blue")
    assert project.pk.hex == PROJECT
    assert made.json()["workflows"][0]["project_id"] == str(project.pk)
    assert ApiClient("t1").get("/workflows/hello").status_code == 200
    assert Project.objects.count() == 1
    # The second request was answered from memory. The token asked about itself.
    assert fake.asked == [("t1", "t1")]


def test_an_address_asks_about_so_many_unknown_tokens_a_minute(
    fake: FakeKeystone, ann: ApiClient, settings: Settings
) -> None:
    """Ours stay good, and so does what is remembered; other addresses are not concerned."""
    settings.LEVANTE_UNKNOWN_TOKENS_PER_MINUTE = 3
    fake.issue("t1", "member")
    assert ApiClient("t1").get("/workflows").status_code == 200
    statuses = [ApiClient(f"unknown{number}").get("/workflows").status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert len(fake.asked) == 4
    fake.issue("t2", "member")
    refused = ApiClient("t2").get("/workflows")
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert ann.get("/workflows").status_code == 200
    assert ApiClient("t1").get("/workflows").status_code == 200
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.get("/v2/workflows", headers={"X-Auth-Token": "t2"}).status_code == 200


def test_a_keystone_that_gives_no_answer_is_not_asked_without_end(
    fake: FakeKeystone, settings: Settings
) -> None:
    settings.LEVANTE_UNKNOWN_TOKENS_PER_MINUTE = 2
    fake.status = 500
    statuses = [ApiClient(f"t{number}").get("/workflows").status_code for number in range(3)]
    assert statuses == [503, 503, 429]


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        (("admin",), [200, 201, 200]),
        (("member",), [200, 201, 403]),
        (("reader",), [200, 403, 403]),
        (("reader", "member"), [200, 201, 403]),
        (("unknown",), [403, 403, 403]),
        ((), [403, 403, 403]),
    ],
)
def test_roles_stand_for_ours(fake: FakeKeystone, roles: tuple[str, ...], allowed: Any) -> None:
    fake.issue("t1", *roles)
    client = ApiClient("t1")
    assert [
        client.get("/workflows").status_code,
        client.post("/workflows", HELLO).status_code,
        client.get("/executions", all_projects="true").status_code,
    ] == allowed


def test_the_meaning_of_roles_is_a_setting(fake: FakeKeystone, settings: Settings) -> None:
    settings.LEVANTE_KEYSTONE_ROLES = {"member": "viewer", "boss": "admin"}
    fake.issue("t1", "member")
    fake.issue("t2", "boss")
    fake.issue("t3", "admin")
    assert ApiClient("t1").post("/workflows", HELLO).status_code == 403
    assert ApiClient("t2").post("/workflows", HELLO, scope="public").status_code == 201
    assert ApiClient("t3").get("/workflows").status_code == 403


def test_our_own_tokens_are_good_as_before(fake: FakeKeystone) -> None:
    assert make_client("red").get("/workflows").status_code == 200
    assert fake.asked == []


def test_what_keystone_does_not_know_is_401(fake: FakeKeystone) -> None:
    fake.issue("unscoped", "member", project=None)
    fake.issue("old", "member", expires_at="2020-01-01T00:00:00.000000Z")
    for token in ("unknown", "unscoped", "old", "\udce9", "a\tb"):
        assert ApiClient(token).get("/workflows").status_code == 401, token


def test_a_revoked_token_is_asked_about_again_after_seconds(
    fake: FakeKeystone, settings: Settings
) -> None:
    settings.LEVANTE_TOKEN_CACHE_SECONDS = 0.0
    fake.issue("t1", "member")
    assert ApiClient("t1").get("/workflows").status_code == 200
    del fake.tokens["t1"]
    assert ApiClient("t1").get("/workflows").status_code == 401


def test_a_user_of_ours_asks_if_there_is_one(fake: FakeKeystone, settings: Settings) -> None:
    settings.LEVANTE_KEYSTONE_USER, settings.LEVANTE_KEYSTONE_PASSWORD = "levante", "secret"
    fake.issue("t1", "member")
    assert ApiClient("t1").get("/workflows").status_code == 200
    assert fake.asked == [("service", "t1")]


@pytest.mark.parametrize("status", [500, 503, 403, 302])
def test_without_an_answer_it_is_503_and_our_own_tokens_work(
    fake: FakeKeystone, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.issue("secret-token", "member")
    fake.status = status
    answer = ApiClient("secret-token").get("/workflows")
    assert (answer.status_code, fault(answer)[:7]) == (503, "Whoever")
    assert make_client("red").get("/workflows").status_code == 200
    fake.status = 0
    assert ApiClient("secret-token").get("/workflows").status_code == 200
    assert "secret-token" not in caplog.text + str([one.__dict__ for one in caplog.records])


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"token": {"project": {}}}', b"[]"])
def test_an_answer_that_makes_no_sense_is_503(fake: FakeKeystone, body: bytes) -> None:
    fake.issue("t1", "member")
    fake.body = body
    assert ApiClient("t1").get("/workflows").status_code == 503


def test_a_keystone_that_is_not_there_is_503(fake: FakeKeystone, settings: Settings) -> None:
    settings.LEVANTE_KEYSTONE_URL = "http://127.0.0.1:9/v3"
    assert ApiClient("t1").get("/workflows").status_code == 503


def test_a_name_that_is_taken_gets_its_domain_and_nobody_elses_project(
    fake: FakeKeystone, ann: ApiClient
) -> None:
    fake.issue("t1", "member")
    ann.post("/workflows", HELLO)
    assert ApiClient("t1").get("/workflows").json() == {"workflows": []}
    assert Project.objects.get(pk=PROJECT).name == "blue (Default)"
    forget_callers()
    assert ApiClient("t1").get("/workflows").status_code == 200


def test_nobody_gets_the_project_of_packages(fake: FakeKeystone) -> None:
    domain = {"id": "default", "name": "Default"}
    project = {"id": SYSTEM_PROJECT_ID.hex, "name": "x", "domain": domain}
    fake.issue("t1", "admin", project=project)
    assert ApiClient("t1").get("/workflows").status_code == 403
    assert not Project.objects.exists()
    project = {"id": PROJECT, "name": SYSTEM_PROJECT_NAME, "domain": domain}
    fake.issue("t2", "admin", project=project)
    assert ApiClient("t2").get("/workflows").status_code == 200
    assert Project.objects.get().name == f"{SYSTEM_PROJECT_NAME} (Default)"
