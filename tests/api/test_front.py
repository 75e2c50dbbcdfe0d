"""What stands around the API: probes, build information, other origins, proxies in front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import set_script_prefix
from django.utils import timezone
from pytest_django import Settings

from config import failures
from tests.api_client import ApiClient, fault
from tests.live import run_python
from workflows.api import health
from workflows.models import WorkerProcess
from workflows.models.statements import execute
from workflows.services.operation.addresses import base_url

ORIGIN = "https://tools.example.org"


def worker(seconds_ago: float) -> None:
    now = timezone.now()
    row = WorkerProcess.objects.create(host="h", pid=1, started_at=now, beat_at=now)
    sql = "UPDATE worker_processes SET beat_at = now() - %s * interval '1 second' WHERE id = %s"
    execute(sql, [seconds_ago, row.pk])


@pytest.mark.parametrize("path", ["/readyz", "/healthcheck", "/healthcheck/"])
def test_a_server_is_ready_when_all_parts_are_there(
    path: str, db: None, settings: Settings, redis_url: str, client: Client
) -> None:
    settings.CELERY_BROKER_URL = redis_url
    worker(seconds_ago=0)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "ok", "worker": "ok"}


@pytest.mark.parametrize("seconds", [None, 31])
def test_a_server_without_a_living_worker_is_not_ready(
    seconds: float | None, db: None, settings: Settings, redis_url: str, client: Client
) -> None:
    settings.CELERY_BROKER_URL = redis_url
    if seconds:
        worker(seconds)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "broker": "ok", "worker": "missing"}


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "nonsense://x"])
def test_a_server_without_a_broker_is_not_ready(
    url: str, db: None, settings: Settings, client: Client
) -> None:
    settings.CELERY_BROKER_URL = url
    worker(seconds_ago=0)
    answer = client.get("/healthcheck")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "broker": "missing", "worker": "ok"}


def test_a_server_without_a_database_is_not_ready(
    db: None, settings: Settings, redis_url: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cursor() -> None:
        raise OperationalError("no database")

    settings.CELERY_BROKER_URL = redis_url
    with monkeypatch.context() as patched:
        patched.setattr(health.connection, "cursor", no_cursor)
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "missing", "broker": "ok", "worker": "missing"}


def test_the_process_itself_is_probed_without_anything_else(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_build_information_is_off_unless_a_file_is_named(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    answer = client.get("/info")
    assert answer.status_code == 400
    assert fault(answer) == "Info endpoint disabled."
    file = tmp_path / "info.json"
    file.write_text('{"version": "1.2", "built": {"by": "Zoë"}}')
    settings.LEVANTE_INFO_FILE = str(file)
    assert client.get("/info").json() == {"version": "1.2", "built": {"by": "Zoë"}}


@pytest.mark.parametrize("text", [None, "{", "\xff"])
def test_a_file_that_cannot_be_read_is_our_fault_and_not_shown(
    text: str | None, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "info.json"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    settings.LEVANTE_INFO_FILE = str(file)
    answer = ApiClient().raw("GET", "/info")
    assert answer.status_code == 500
    assert "info.json" not in fault(answer)


# --- other origins ------------------------------------------------------------------------------


def preflight(client: Client, path: str, origin: str = ORIGIN) -> HttpResponse:
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "x-auth-token",
        },
    )


def cors(answer: HttpResponse) -> dict[str, str]:
    return {
        name: value for name, value in answer.items() if name.startswith("access-control-allow")
    }


def test_no_other_origin_may_call_at_first(client: Client, ann: ApiClient) -> None:
    assert cors(preflight(client, "/v2/workflows")) == {}
    answer = client.get("/v2/workflows", headers={"X-Auth-Token": ann.token, "Origin": ORIGIN})
    assert answer.status_code == 200
    assert cors(answer) == {}


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/executions", "/maintenance", "/info"])
def test_a_listed_origin_may_call_the_api(path: str, client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    answer = preflight(client, path)
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "PUT" in answer["Access-Control-Allow-Methods"]
    assert "x-auth-token" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Access-Control-Allow-Origin" not in preflight(client, path, "https://evil.example")


def test_answers_and_errors_may_be_read_by_a_listed_origin(
    client: Client, settings: Settings, db: None
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    for path, status in (("/v2", 200), ("/v2/workflows", 401), ("/v2/nothing", 404)):
        answer = client.get(path, headers={"Origin": ORIGIN})
        assert answer.status_code == status
        assert answer["Access-Control-Allow-Origin"] == ORIGIN


def test_pages_with_cookies_are_for_no_other_origin(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    assert cors(preflight(client, "/admin/login/")) == {}


# --- proxies ------------------------------------------------------------------------------------

FORWARDED = {"X-Forwarded-Host": "levante.example.org", "X-Forwarded-Proto": "https"}


def next_link(ann: ApiClient, headers: dict[str, str]) -> str:
    for name in ("a", "b"):
        ann.post("/environments", {"name": name})
    headers = {"X-Auth-Token": ann.token, **headers}
    return str(ann.http.get("/v2/environments?limit=1", headers=headers).json()["next"])


def test_headers_of_a_proxy_count_for_nothing_unless_they_are_trusted(ann: ApiClient) -> None:
    assert next_link(ann, FORWARDED).startswith("http://testserver/v2/environments?")


def test_links_are_made_for_who_is_before_the_proxy(
    ann: ApiClient, settings: Settings, client: Client
) -> None:
    settings.ALLOWED_HOSTS = ["levante.example.org", "testserver"]
    settings.USE_X_FORWARDED_HOST = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.FORCE_SCRIPT_NAME = "/flows"
    start = "https://levante.example.org/flows/v2"
    link = next_link(ann, FORWARDED)
    assert link.startswith(f"{start}/environments?")
    assert "limit=1" in link
    versions: Any = client.get("/", headers=FORWARDED).json()["versions"]
    assert versions[0]["links"][0]["href"] == start
    assert client.get("/v2/", headers=FORWARDED).json() == {"uri": start}


@pytest.fixture
def prefix(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy shows the server under a path, as the web server tells Django with each request."""
    settings.FORCE_SCRIPT_NAME = "/flows"
    set_script_prefix("/flows/")
    # Files keep the path that Django knew when the first one was asked for.
    monkeypatch.setattr(staticfiles_storage, "base_url", "/flows/static/")
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("prefix", "db")
def test_pages_lead_to_places_below_the_path_of_the_proxy(
    client: Client, rf: RequestFactory
) -> None:
    assert client.get("/admin?x=1")["Location"] == "/flows/admin/?x=1"
    assert b'href="/flows/static/levante/icon.svg"' in client.get("/admin/login/").content
    for page in (
        failures.page_not_found(rf.get("/admin/nosuch"), Http404()),
        failures.server_error(rf.get("/admin/workflows/")),
    ):
        assert page["Content-Type"].startswith("text/html")
        assert b'href="/flows/admin/"' in page.content
    answer = failures.page_not_found(rf.get("/v2/nosuch"), Http404())
    assert answer["Content-Type"] == "application/json"


def test_files_are_below_the_path_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, as the web server loads everything before the first request."""
    monkeypatch.setenv("LEVANTE_PATH_PREFIX", "flows")
    shown = run_python(
        "from config.wsgi import application\n"
        "from django.templatetags.static import static\n"
        "from django.test import Client\n"
        "print(static('x.css'), Client().get('/static/levante/icon.svg').status_code)"
    )
    assert shown == "/flows/static/x.css 200"


def test_addresses_begin_with_the_public_one_if_it_is_set(
    ann: ApiClient, settings: Settings, client: Client, rf: RequestFactory
) -> None:
    settings.FORCE_SCRIPT_NAME = "/flows"
    assert base_url() == "/flows"
    assert base_url(rf.get("/v2")) == "http://testserver/flows"
    settings.LEVANTE_PUBLIC_URL = "https://levante.example.org/flows"
    assert base_url() == base_url(rf.get("/v2")) == "https://levante.example.org/flows"
    start = "https://levante.example.org/flows/v2"
    assert next_link(ann, {}).startswith(f"{start}/environments?")
    assert client.get("/v2/").json() == {"uri": start}


def test_a_host_that_is_not_ours_is_refused(settings: Settings, client: Client) -> None:
    settings.USE_X_FORWARDED_HOST = True
    answer = client.get("/v2", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 400
    assert fault(answer) == "The host of this request is not one of LEVANTE_ALLOWED_HOSTS."
