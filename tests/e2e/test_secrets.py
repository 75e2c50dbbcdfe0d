"""Secrets are planted everywhere, and then everything that is written or shown is searched.

Passwords and tokens may be nowhere in readable form. What an author gives to a run is the data of
that run: it stands in the tables of runs and in the answers to who may read the run, and nowhere
else - no log, no message, no page of others, no error.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import redis
import requests
from psycopg import sql

from tests.live import ROOT, LiveStack

pytestmark = pytest.mark.e2e

# Tables of runs: what an author gave stands there. What stood in a definition is in it.
OF_RUNS: Final = {
    "workflow_executions",
    "task_executions",
    "action_executions",
    "context_nodes",
    "environments",
}
TEXT: Final = """
version: '2.0'
uses_secrets:
  input: [password, header, address]
  task-defaults: {on-error: noop}
  tasks:
    call:
      action: std.http
      input:
        url: <% $.address %>
        method: POST
        headers: {Authorization: <% $.header %>}
        body: {key: <% env().key %>}
      publish: {answer: <% task().result %>}
    nowhere:
      action: std.http url=<% $.address.replace('127.0.0.1', '127.0.0.2') %> timeout=2
    forbidden:
      action: std.http url=<% $.address.replace('127.0.0.1', '10.0.0.1') %>
    fails:
      action: std.sleep seconds=<% $.password %>
    items:
      with-items: "i in <% [$.password, $.header] %>"
      action: std.echo output=<% $.i %> delay=0.01
    last: {action: std.sleep seconds=1}
breaks:
  input: [password]
  tasks:
    act:
      action: std.noop
      publish: {x: <% $.password.unknown() %>}
breaks_jinja:
  input: [password]
  tasks:
    act: {action: std.noop, publish: {x: "{{ _.password.unknown.deeper() }}"}}
asks:
  tasks:
    ask: {action: std.async_noop}
long:
  input: [password]
  tasks:
    act:
      action: std.echo output=<% $.password %> delay=30
      timeout: 20
      on-error: noop
"""


class Canary:
    """Texts that appear nowhere else in the world."""

    def __init__(self) -> None:
        def make(name: str) -> str:
            return f"canary-{name}-{secrets.token_hex(8)}"

        self.data = {name: make(name) for name in ("input", "header", "url", "env", "stored")}
        self.data |= {name: make(name) for name in ("output", "bad-body", "action", "query")}
        self.keys = {name: make(name) for name in ("password", "wrong-password", "metrics")}


class Listener:
    """A server that the workflows call, and everything that the broker was told meanwhile."""

    def __init__(self, redis_url: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.commands: list[str] = []
        self._client = redis.Redis.from_url(redis_url)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self._monitor, daemon=True).start()

    def _monitor(self) -> None:
        try:
            with self._client.monitor() as monitor:
                for command in monitor.listen():
                    self.commands.append(str(command["command"]))
        except (redis.RedisError, OSError, ValueError):
            return

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._client.close()


class Drive:
    """Everything that is done with the canaries, and what was answered."""

    def __init__(self, stack: LiveStack, canary: Canary) -> None:
        self.stack = stack
        self.canary = canary
        self.root = stack.url.removesuffix("/v2")
        self.errors: list[str] = []
        self.data_directory = stack.directory / "data"
        self.admin = self.make_token("keeper", "vault", "admin")
        self.stranger = self.make_token("stranger", "street", "viewer")

    def manage(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ
            | {"LEVANTE_DATA_DIR": str(self.data_directory), "DJANGO_SETTINGS_MODULE": ""}
            | {"DJANGO_SETTINGS_MODULE": "config.settings"}
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def make_token(self, user: str, project: str, role: str) -> str:
        output = self.manage("token", "--user", user, "--project", project, "--role", role)
        return str(json.loads(output.splitlines()[-1])["token"])

    def send(self, method: str, path: str, body: Any = None, token: str = "") -> requests.Response:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        kind = "text/plain" if path == "/v2/workflows" else "application/json"
        answer = requests.request(
            method,
            f"{self.root}{path}",
            data=data if body is not None else None,
            headers={"Authorization": f"Bearer {token or self.admin}", "Content-Type": kind},
            timeout=30,
        )
        if answer.status_code >= 400:
            self.errors.append(answer.text)
        return answer

    def start(self, workflow: str, **given: Any) -> str:
        body = {"workflow_name": workflow, "input": given, "params": self.params}
        answer = self.send("POST", "/v2/executions", body)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    @property
    def params(self) -> dict[str, Any]:
        return {"env": {"key": self.canary.data["env"]}}

    def wait(self, execution_id: str) -> None:
        deadline = time.monotonic() + 90
        while self.send("GET", f"/v2/executions/{execution_id}").json()["state"] == "RUNNING":
            assert time.monotonic() < deadline, self._describe(execution_id)
            time.sleep(0.2)

    def _describe(self, execution_id: str) -> str:
        tasks = self.send("GET", f"/v2/executions/{execution_id}/tasks").json()["tasks"]
        return "stuck: " + ", ".join(f"{one['name']} {one['state']}" for one in tasks)

    def drive(self, port: int) -> None:
        """Use every canary in the way of its kind, also in ways that fail."""
        data = self.canary.data
        uploaded = self.send("POST", "/v2/workflows", TEXT)
        assert uploaded.ok, uploaded.text
        variables = {"name": "vault", "variables": {"token": data["stored"]}}
        assert self.send("POST", "/v2/environments", variables).ok
        address = f"http://user:{data['url']}@127.0.0.1:{port}/?token={data['query']}"
        header = f"Bearer {data['header']}"
        given = {"password": data["input"], "header": header, "address": address}
        started = [self.start("uses_secrets", **given)]
        others = ("breaks", "breaks_jinja", "long")
        started += [self.start(name, password=data["input"]) for name in others]
        asking = self.start("asks")
        self._fail_requests()
        self._answer(asking)
        self._log_in()
        time.sleep(2)
        for process in self.stack.processes("worker-actions"):
            os.kill(process, signal.SIGKILL)  # what is at work is lost, and logged as such
        for execution_id in [*started, asking]:
            self.wait(execution_id)

    def _fail_requests(self) -> None:
        bad = self.canary.data["bad-body"]
        body = {"workflow_name": "breaks", "input": {"password": 1, "other": bad}}
        for path, wrong in (
            ("/v2/executions", '{"input": "' + bad),
            ("/v2/executions", body),
            ("/v2/executions", {"workflow_name": "breaks", "input": [bad]}),
            ("/v2/environments", {"name": "x", "variables": bad}),
            ("/v2/workflows", f"version: '2.0'\nx: {{tasks: {{a: {{action: [{bad}]}}}}}}"),
        ):
            assert self.send("POST", path, wrong).status_code >= 400
        run = {"name": "std.echo", "input": {"output": self.canary.data["action"], "wrong": bad}}
        self.send("POST", "/v2/action_executions", run)
        run["input"] = {"output": self.canary.data["action"]}
        self.send("POST", "/v2/action_executions", {**run, "params": {"save_result": True}})
        # Clients may put a token into any place; it is no token there.
        self.send("GET", "/v2/executions", token=self.canary.keys["wrong-password"])

    def _answer(self, execution_id: str) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = self.send("GET", "/v2/action_executions").json()["action_executions"]
            asked = [one for one in found if one["name"] == "std.async_noop"]
            if asked:
                body = {"state": "SUCCESS", "output": {"answer": self.canary.data["output"]}}
                answer = self.send("PUT", f"/v2/action_executions/{asked[0]['id']}", body)
                assert answer.ok, answer.text
                return
            time.sleep(0.2)

    def _log_in(self) -> None:
        environment = {"DJANGO_SUPERUSER_PASSWORD": self.canary.keys["password"]}
        names = ("--username", "warden", "--email", "warden@example.org")
        self.manage("createsuperuser", "--noinput", *names, **environment)
        for key in ("wrong-password", "password"):
            with requests.Session() as session:
                page = session.get(f"{self.root}/admin/login/", timeout=30)
                form = {
                    "username": "warden",
                    "password": self.canary.keys[key],
                    "csrfmiddlewaretoken": session.cookies.get("csrftoken", ""),
                }
                session.post(page.url, data=form, headers={"Referer": page.url}, timeout=30)


@pytest.fixture(scope="module")
def canary() -> Canary:
    return Canary()


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory, canary: Canary) -> Iterator[Drive]:
    settings = {
        "LEVANTE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8",
        "LEVANTE_METRICS_TOKEN": canary.keys["metrics"],
        "LEVANTE_BEAT_SECONDS": "0.5",
        "LEVANTE_DEAD_SECONDS": "4",
        "LEVANTE_RESEND_SECONDS": "1",
    }
    options = ("--no-examples", "--workers", "2")
    directory = tmp_path_factory.mktemp("secrets")
    stack = LiveStack(directory, options=options, settings=settings).start()
    listener = None
    try:
        made = Drive(stack, canary)
        listener = Listener(_servers(stack)["redis_url"])
        made.drive(listener.server.server_port)
        made.commands = listener.commands  # type: ignore[attr-defined]
        yield made
    finally:
        if listener is not None:
            listener.stop()
        stack.stop()


def _servers(stack: LiveStack) -> dict[str, str]:
    found: dict[str, str] = json.loads((stack.directory / "data" / "servers.json").read_text())
    return found


def keys_of(drive: Drive) -> dict[str, str]:
    """Everything that opens something, by its name."""
    data = drive.data_directory
    keys = {
        "admin's token": drive.admin,
        "stranger's token": drive.stranger,
        "secret key": (data / "secret.key").read_text(),
        "database password": (data / "postgres.password").read_text(),
        "broker password": (data / "redis.password").read_text(),
        "flower password": (data / "flower.password").read_text(),
    }
    return keys | drive.canary.keys


def leaks(text: str, names: dict[str, str]) -> list[str]:
    """Name what stands in a text, as it is or as JSON and forms write it."""
    return [name for name, value in names.items() if value.strip() in text]


def test_the_drive_has_done_what_it_was_to_do(drive: Drive) -> None:
    """Otherwise the other tests would search for what was never there."""
    with psycopg.connect(_servers(drive.stack)["database_url"]) as database:
        rows = "\n".join(_dump(database, table) for table in sorted(OF_RUNS))
    planted = {n: v for n, v in drive.canary.data.items() if n != "bad-body"}
    assert sorted(leaks(rows, planted)) == sorted(planted)
    assert any("run_action" in command for command in drive.commands)  # type: ignore[attr-defined]
    assert len(drive.errors) >= 6


def test_no_log_has_a_secret(drive: Drive) -> None:
    log = drive.stack.log.read_text(errors="replace")
    assert "std.http" in log or "worker" in log
    assert leaks(log, keys_of(drive) | drive.canary.data) == []


def test_no_message_has_a_secret(drive: Drive) -> None:
    commands = "\n".join(drive.commands)  # type: ignore[attr-defined]
    with redis.Redis.from_url(_servers(drive.stack)["redis_url"]) as broker:
        for key in broker.scan_iter():
            commands += str(broker.dump(key)) + str(key)
    assert leaks(commands, keys_of(drive) | drive.canary.data) == []


def test_no_table_has_a_key_and_only_those_of_runs_have_data(drive: Drive) -> None:
    keys = keys_of(drive)
    found: dict[str, list[str]] = {}
    with psycopg.connect(_servers(drive.stack)["database_url"]) as database:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in database.execute(tables).fetchall():
            names = keys if table in OF_RUNS else keys | drive.canary.data
            if leaked := leaks(_dump(database, table), names):
                found[table] = leaked
    assert found == {}


def _dump(database: psycopg.Connection, table: str) -> str:
    query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
    rows = database.execute(query).fetchall()
    return "\n".join(str(row[0]) for row in rows)


def test_no_error_repeats_what_was_sent(drive: Drive) -> None:
    assert leaks("\n".join(drive.errors), keys_of(drive) | drive.canary.data) == []


def test_strangers_pages_and_probes_show_nothing(drive: Drive) -> None:
    names = keys_of(drive) | drive.canary.data
    for path in ("executions", "tasks", "action_executions", "workflows", "environments"):
        answer = drive.send("GET", f"/v2/{path}?limit=100", token=drive.stranger)
        assert answer.ok
        assert leaks(answer.text, names) == [], path
    metrics = drive.send("GET", "/metrics", token=drive.canary.keys["metrics"])
    assert metrics.ok
    shown = metrics.text + drive.manage("doctor")
    for path in ("/healthz", "/readyz", "/", "/v2", "/admin/login/"):
        shown += requests.get(f"{drive.root}{path}", timeout=30).text
    assert leaks(shown, names) == []


def test_flower_shows_nothing(drive: Drive) -> None:
    password = (drive.data_directory / "flower.password").read_text()
    shown = ""
    for path in ("workers", "tasks", "broker", "api/tasks"):
        url = f"http://127.0.0.1:{drive.stack.flower_port}/admin/flower/{path}"
        answer = requests.get(url, auth=("admin", password), timeout=30)
        assert answer.ok, path
        shown += answer.text
    assert leaks(shown, keys_of(drive) | drive.canary.data) == []


def test_no_command_line_has_a_key(drive: Drive) -> None:
    """Everybody on the machine can read them."""
    lines = ""
    for pid in drive.stack.processes():
        lines += Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    assert "manage.py" in lines
    assert leaks(lines, keys_of(drive)) == []
