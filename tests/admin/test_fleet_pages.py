"""Workers, the system, and Flower behind our log-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.browser import runs
from tests.people import log_in
from workflows.models import ActionExecution, Maintenance, Project, Role, WorkerProcess

FAR = """
version: "2.0"
w:
  tasks:
    t:
      action: std.sleep seconds=1
      target: far
"""

pytestmark = pytest.mark.django_db(transaction=True)


class _Flower(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]] = []  # noqa: RUF012 - the class is all that the server knows

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Set-Cookie", "flower=1")
        self.end_headers()
        self.wfile.write(b"<h1>Flower</h1>")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def flower(settings: Settings) -> Iterator[list[tuple[str, str]]]:
    server = HTTPServer(("127.0.0.1", 0), _Flower)
    _Flower.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.LEVANTE_FLOWER_URL = f"http://127.0.0.1:{server.server_port}"
    settings.FLOWER_BASIC_AUTH = "admin:secret"
    yield _Flower.seen
    server.shutdown()
    server.server_close()


def test_flower_is_shown_to_administrators_for_reading(
    project: Project, flower: list[tuple[str, str]]
) -> None:
    client = log_in("ann", project)
    answer = client.get("/admin/flower/worker/engine@host?tab=pool")
    assert answer.streaming
    assert answer.getvalue() == b"<h1>Flower</h1>"
    assert flower == [("/admin/flower/worker/engine%40host?tab=pool", "Basic YWRtaW46c2VjcmV0")]
    assert "Set-Cookie" not in answer.headers
    assert "script-src 'self' 'sha256-" in answer.headers["Content-Security-Policy"]
    assert client.post("/admin/flower/api/worker/shutdown/engine@host").status_code == 405
    assert len(flower) == 1


def test_the_table_of_flower_is_read_by_post(
    project: Project, flower: list[tuple[str, str]]
) -> None:
    client = log_in("ann", project, enforce_csrf_checks=True)
    answer = client.post("/admin/flower/tasks/datatable", {"draw": "1", "search[value]": "a b"})
    assert answer.getvalue() == b"<h1>Flower</h1>"
    assert flower[0][0] == "/admin/flower/tasks/datatable?draw=1&search%5Bvalue%5D=a+b"
    other = log_in("bob", project, Role.AUTHOR, enforce_csrf_checks=True)
    assert other.post("/admin/flower/tasks/datatable", {"draw": "1"}).status_code == 403


def test_flower_is_below_the_path_of_the_proxy(
    project: Project, flower: list[tuple[str, str]], settings: Settings
) -> None:
    """As it links to its own pages: it is told that path when it starts."""
    settings.LEVANTE_PATH_PREFIX = "flows"
    assert log_in("ann", project).get("/admin/flower/workers").getvalue() == b"<h1>Flower</h1>"
    assert flower[0][0] == "/flows/admin/flower/workers"


def test_flower_is_closed_to_everybody_else(
    project: Project, flower: list[tuple[str, str]]
) -> None:
    assert log_in("ann", project, Role.AUTHOR).get("/admin/flower/").status_code == 403
    assert flower == []


def test_without_flower_the_page_of_workers_still_works(
    project: Project, settings: Settings
) -> None:
    settings.LEVANTE_FLOWER_URL = "http://127.0.0.1:9"
    client = log_in("ann", project)
    assert client.get("/admin/workers/").status_code == 200
    answer = client.get("/admin/flower/")
    assert answer.status_code == 400
    assert "Flower does not answer" in answer.content.decode()


def test_workers_and_queues_are_told_from_rows(project: Project) -> None:
    now = timezone.now()
    WorkerProcess.objects.create(host="box", pid=7, queues="gpu-box", started_at=now, beat_at=now)
    old = now - timedelta(hours=1)
    WorkerProcess.objects.create(host="box", pid=8, queues="gpu-box", started_at=old, beat_at=old)
    execution = runs.start(
        FAR,
        caller=runs.make_caller("blue"),
    )
    page = log_in("ann", project).get("/admin/workers/").content.decode()
    assert "1 of 2 alive" in page
    assert "no worker serves it" in page
    assert "far" in page
    task = runs.task_of(execution, "t")
    panel = log_in("bob", project)
    shown = panel.get(f"/admin/executions/{execution.pk}/tasks/{task.pk}/").content.decode()
    assert "No worker serves the queue far." in shown


def test_the_system_shows_no_secret(project: Project, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "memory://user:hunter2@localhost"
    settings.FLOWER_BASIC_AUTH = "admin:hunter2"
    settings.LEVANTE_SOME_PASSWORD = "hunter2"
    page = log_in("ann", project).get("/admin/system/").content.decode()
    assert "LEVANTE_DEAD_SECONDS" in page
    assert "hunter2" not in page
    assert settings.SECRET_KEY not in page.replace("tests", "", 0) or settings.SECRET_KEY == "tests"


def test_maintenance_is_begun_and_ended(project: Project) -> None:
    client = log_in("ann", project)
    client.post("/admin/system/maintenance/", {"status": "PAUSED"})
    assert Maintenance.objects.get().status == "PAUSING"
    assert "Maintenance: the service is pausing." in client.get("/admin/").content.decode()
    client.post("/admin/system/maintenance/", {"status": "RUNNING"})
    assert Maintenance.objects.get().status == "RUNNING"


def test_an_author_cannot_begin_maintenance(project: Project) -> None:
    client = log_in("ann", project, Role.AUTHOR)
    assert client.post("/admin/system/maintenance/", {"status": "PAUSED"}).status_code == 403
    assert client.get("/admin/system/").status_code == 403


def test_the_work_of_other_projects_has_no_name(project: Project) -> None:
    now = timezone.now()
    process = WorkerProcess.objects.create(host="box", pid=7, started_at=now, beat_at=now)
    own, foreign = runs.waiting(), runs.waiting("red")
    actions = ActionExecution.objects.filter(execution__in=(own, foreign))
    actions.update(process_id=process.pk, token=uuid4(), started_at=now)
    actions.filter(execution=own).update(name="blue.heal")
    actions.filter(execution=foreign).update(name="red.secret_plan")
    shown = log_in("oli", project, Role.OPERATOR).get("/admin/workers/").content.decode()
    assert "red.secret_plan" not in shown
    assert str(foreign.pk) not in shown
    assert "an action of another project" in shown
    assert f"/admin/executions/{own.pk}/tasks/" in shown
    assert "2 at work" not in shown  # of one process
    everything = log_in("root").get("/admin/workers/").content.decode()
    assert "red.secret_plan" in everything


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED"])
def test_what_waits_for_a_result_is_the_same_everywhere(project: Project, state: str) -> None:
    execution = runs.waiting()
    ActionExecution.objects.update(state=state)
    client = log_in("ann", project)
    listed = client.get("/admin/open-actions/").context["rows"]
    assert [row.name for row in listed] == ["std.async_noop"]
    assert client.get("/admin/dashboard/now/").context["outside"] == 1
    panel = client.get(f"/admin/executions/{execution.pk}/tasks/{listed[0].task_id}/")
    assert "(1 open)" in panel.context["waits"][0]
