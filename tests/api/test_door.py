"""The door of the server: sessions, headers, cookies, hosts, and how often somebody may ask."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.conf import settings as current
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import Settings

from tests.api_client import ApiClient, fault, make_client
from workflows.api.throttles import client_address, forget_counts
from workflows.models import Membership, Project, Role
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.identity.identity import SYSTEM_PROJECT_ID

HELLO = "version: '2.0'\nhello:\n  tasks:\n    t: {action: std.noop}\n"


# --- Sessions -------------------------------------------------------------------------------------


@pytest.fixture
def browser(db: None) -> Client:
    """The browser of an author of the project blue and viewer of red, who has logged in."""
    user = User.objects.create_user("eve", password="correct horse")
    for name, role in (("blue", Role.AUTHOR), ("red", Role.VIEWER)):
        project = Project.objects.create(name=name)
        Membership.objects.create(user=user, project=project, role=role)
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def csrf(client: Client) -> dict[str, str]:
    """Give the header that our own pages send, with the cookie that goes with it."""
    token = "a" * 32
    client.cookies[current.CSRF_COOKIE_NAME] = token
    return {"X-CSRFToken": token}


def test_a_session_reads_as_the_person_in_the_first_project(browser: Client) -> None:
    assert browser.get("/v2/workflows").status_code == 200
    made = browser.post("/v2/workflows", HELLO, content_type="text/plain", headers=csrf(browser))
    assert made.status_code == 201
    project = Project.objects.get(name="blue")
    assert made.json()["workflows"][0]["project_id"] == str(project.pk)


def test_a_session_changes_nothing_without_the_token_of_a_form(browser: Client) -> None:
    """Another site can make the browser send a request, but it does not know the token."""
    for headers in ({}, {"X-CSRFToken": "b" * 32}):
        for method in ("POST", "PUT", "DELETE"):
            answer = browser.generic(
                method, "/v2/workflows/x", HELLO, content_type="text/plain", headers=headers
            )
            if method != "POST":
                assert (answer.status_code, fault(answer)[:11]) == (403, "CSRF Failed")
    form = {"name": "e", "variables": "{}"}
    for content_type in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        answer = browser.post(
            "/v2/environments", str(form), content_type=content_type, headers=csrf(browser)
        )
        assert answer.status_code == 415


def test_a_session_acts_for_another_project_of_the_person_alone(browser: Client) -> None:
    red, other = Project.objects.get(name="red"), make_client("green")
    headers = csrf(browser) | {"X-Project-Id": str(red.pk)}
    refused = browser.post("/v2/workflows", HELLO, content_type="text/plain", headers=headers)
    assert refused.status_code == 403
    other.post("/workflows", HELLO)
    for project in (other.project_id, uuid4(), "nonsense"):
        answer = browser.get("/v2/workflows", headers={"X-Project-Id": str(project)})
        assert answer.json() == {"workflows": []}


def test_nobody_acts_for_the_project_of_packages(browser: Client) -> None:
    load_packaged_workflows([])
    User.objects.update(is_superuser=True)
    headers = csrf(browser) | {"X-Project-Id": str(SYSTEM_PROJECT_ID)}
    made = browser.post("/v2/workflows", HELLO, content_type="text/plain", headers=headers)
    assert made.status_code == 400
    assert fault(made) == f"There is no project {SYSTEM_PROJECT_ID} to act for."


def test_a_superuser_is_told_that_there_is_no_such_project(browser: Client) -> None:
    User.objects.update(is_superuser=True)
    green, unknown = Project.objects.create(name="green"), uuid4()
    for project, status in ((green.pk, 201), (unknown, 400)):
        headers = csrf(browser) | {"X-Project-Id": str(project)}
        made = browser.post("/v2/workflows", HELLO, content_type="text/plain", headers=headers)
        assert made.status_code == status
    assert fault(made) == f"There is no project {unknown} to act for."


def test_a_session_ends_with_the_person(browser: Client) -> None:
    User.objects.update(is_active=False)
    assert browser.get("/v2/workflows").status_code == 401


def test_a_token_needs_no_csrf_token_and_a_bad_one_is_not_replaced_by_the_session(
    browser: Client, ann: ApiClient
) -> None:
    token = {"X-Auth-Token": ann.token}
    made = browser.post("/v2/workflows", HELLO, content_type="text/plain", headers=token)
    assert made.status_code == 201
    assert browser.get("/v2/workflows", headers={"X-Auth-Token": "bad"}).status_code == 401


# --- Headers and cookies --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2/workflows", "/v2/nothing", "/", "/identity/v3", "/healthz"])
def test_answers_of_the_api_are_data_and_nothing_else(ann: ApiClient, path: str) -> None:
    for answer in (ann.raw("GET", path), ApiClient().raw("GET", path)):
        assert answer["Content-Type"] == "application/json"
        assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in answer


def test_no_cache_keeps_what_depends_on_a_token(ann: ApiClient) -> None:
    for path in ("/workflows", "/executions", "/workflows/nothing"):
        assert ann.get(path)["Cache-Control"] == "no-store"


def test_pages_run_scripts_of_this_server_alone(browser: Client) -> None:
    answer = Client().get("/admin/login/")
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert policy["script-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in policy["default-src"] + policy["script-src"]


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(browser: Client) -> None:
    User.objects.update(is_staff=True)
    form = {"username": "eve", "password": "correct horse"}
    answer = Client().post("/admin/login/", form)
    for name in (current.CSRF_COOKIE_NAME, current.SESSION_COOKIE_NAME):
        assert answer.cookies[name]["httponly"]
        assert answer.cookies[name]["samesite"] == "Lax"


# --- How often ------------------------------------------------------------------------------------


def test_a_token_asks_so_often_a_minute(ann: ApiClient, bob: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_REQUESTS_PER_MINUTE = 5
    for _ in range(5):
        assert ann.get("/workflows").status_code == 200
    refused = ann.get("/workflows")
    assert refused.status_code == 429
    assert fault(refused)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert bob.get("/workflows").status_code == 200
    forget_counts()
    settings.LEVANTE_REQUESTS_PER_MINUTE = 0
    for _ in range(10):
        assert ann.get("/workflows").status_code == 200


def test_looking_at_tokens_counts_like_other_requests(ann: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_REQUESTS_PER_MINUTE = 2
    headers = {"X-Auth-Token": ann.token, "X-Subject-Token": ann.token}
    client = Client(headers=headers)
    statuses = [client.get("/identity/v3/auth/tokens").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_addresses_of_one_network_count_together(
    address: str, counted: str, rf: RequestFactory, settings: Settings
) -> None:
    assert client_address(rf.get("/", REMOTE_ADDR=address)) == counted
    settings.LEVANTE_PROXIES = 1
    request = rf.get("/", REMOTE_ADDR="192.0.2.9", headers={"X-Forwarded-For": address})
    assert client_address(request) == (counted or "192.0.2.9")
    # A proxy that writes something else tells nothing.
    request = rf.get("/", REMOTE_ADDR="192.0.2.9", headers={"X-Forwarded-For": "unknown"})
    assert client_address(request) == "192.0.2.9"


def test_the_address_of_a_client_is_what_our_own_proxies_saw(db: None, settings: Settings) -> None:
    settings.LEVANTE_LOGINS_PER_MINUTE = 1

    def ask(forwarded: str) -> int:
        forget_counts() if not forwarded else None
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return (
            Client()
            .post("/identity/v3/auth/tokens", {}, content_type="application/json", headers=headers)
            .status_code
        )

    assert ask("") == 400
    # Without proxies of ours the header is somebody's invention.
    assert ask("192.0.2.1") == 429
    settings.LEVANTE_PROXIES = 1
    assert ask("192.0.2.1") == 400
    assert ask("192.0.2.9, 192.0.2.1") == 429
    assert ask("192.0.2.1, 192.0.2.2") == 400
