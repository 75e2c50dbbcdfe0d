"""Every example of the how-to pages, on the running service and against real servers."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import asyncssh
import pytest
import requests
from django.db import connection, transaction

from tests.factories import make_caller
from tests.live import ROOT, LiveStack, free_port
from tests.unit.actions.ssh_server import Servers, ssh_server
from workflows.models import WorkflowExecution
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions import executions

FENCE: Final = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str, kind: str = "") -> list[str]:
    """The examples of a page in one language."""
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
    return [body for found, word, body in FENCE.findall(text) if (found, word) == (language, kind)]


class Service:
    """The running service with the settings that the pages ask for."""

    def __init__(self, stack: LiveStack, ssh: Servers) -> None:
        self.stack, self.ssh = stack, ssh

    def upload(self, text: str) -> None:
        answer = requests.post(f"{self.stack.url}/workflows", data=text.encode(), timeout=10)
        assert answer.ok, answer.text

    def start(self, workflow: str, **input: Any) -> str:
        body = {"workflow_name": workflow, "input": input}
        answer = requests.post(f"{self.stack.url}/executions", json=body, timeout=10)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.stack.url}/{path}", timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def output(self, execution_id: str) -> Any:
        deadline = time.monotonic() + 60
        while (execution := self.get(f"executions/{execution_id}"))["state"] == "RUNNING":
            assert time.monotonic() < deadline, "the execution is stuck"
            time.sleep(0.1)
        assert execution["state"] == "SUCCESS", execution["state_info"]
        return json.loads(execution["output"])

    def find_action(self, path: str) -> str:
        deadline = time.monotonic() + 30
        while not (found := self.get(path)["action_executions"]):
            assert time.monotonic() < deadline, "there is no such action"
            time.sleep(0.1)
        return str(found[0]["id"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("how-to")
    (folder / "keys").mkdir()
    (folder / "modules").mkdir()
    (folder / "modules" / "shop_actions.py").write_text(
        blocks("write-an-action", "python", "module")[0]
    )
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "keys" / "deploy").write_bytes(key.export_private_key())
    port = free_port()
    with ssh_server(key) as ssh:
        (folder / "known_hosts").write_text(ssh.known_host + "\n")
        settings = {
            "LEVANTE_ENABLED_ACTIONS": "std.ssh",
            "LEVANTE_SSH_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LEVANTE_SSH_KNOWN_HOSTS": str(folder / "known_hosts"),
            "LEVANTE_SSH_KEY_DIRECTORY": str(folder / "keys"),
            "LEVANTE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LEVANTE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "LEVANTE_ACTION_MODULES": "shop_actions",
            "PYTHONPATH": str(folder / "modules"),
        }
        options = ("--no-auth", "--no-examples", "--workers", "4")
        stack = LiveStack(folder, options=options, port=port, settings=settings).start()
        try:
            yield Service(stack, ssh)
        finally:
            stack.stop()


# --- a deployment over SSH


def test_a_release_is_installed_on_all_hosts(service: Service) -> None:
    (text,) = blocks("deploy-over-ssh", "yaml")
    service.upload(text.replace("install-release", "echo"))
    service.ssh.commands.clear()
    hosts = [service.ssh.address] * 3
    execution = service.start("deploy_release", hosts=hosts, release="1.2", user="ann")
    assert service.output(execution) == {"installed": hosts, "failed": []}
    assert service.ssh.commands == ["echo 1.2"] * 3


def test_a_release_that_fails_is_rolled_back(service: Service) -> None:
    (text,) = blocks("deploy-over-ssh", "yaml")
    text = text.replace("deploy_release", "deploy_badly").replace("install-release", "exit")
    service.upload(text.replace("roll-back-release", "echo back to"))
    service.ssh.commands.clear()
    hosts = [service.ssh.address]
    execution = service.start("deploy_badly", hosts=hosts, release="3", user="ann")
    assert service.output(execution) == {"installed": [], "failed": hosts}
    assert service.ssh.commands == ["exit 3", "echo back to 3"]


# --- an approval


def test_an_invoice_is_paid_once_somebody_says_yes(service: Service) -> None:
    (text,), (answer,) = (
        blocks("ask-for-approval", "yaml"),
        blocks("ask-for-approval", "json", "put"),
    )
    service.upload(text)
    execution = service.start("pay_invoice", amount=5)
    action = service.find_action("action_executions?task_name=ask&state=RUNNING")
    url = f"{service.stack.url}/action_executions/{action}"
    body = json.loads(answer)
    assert requests.put(url, json=body, timeout=10).ok
    assert not requests.put(url, json=body, timeout=10).ok
    assert service.output(execution) == {"paid": True, "by": "ann"}


def test_an_invoice_is_not_paid_after_a_no(service: Service) -> None:
    (text,), (answer,) = (
        blocks("ask-for-approval", "yaml"),
        blocks("ask-for-approval", "json", "no"),
    )
    service.upload(text.replace("pay_invoice", "refuse_invoice"))
    execution = service.start("refuse_invoice", amount=5)
    action = service.find_action("action_executions?task_name=ask&state=RUNNING")
    url = f"{service.stack.url}/action_executions/{action}"
    assert requests.put(url, json=json.loads(answer), timeout=10).ok
    assert service.output(execution) == {"paid": False, "by": None}


# --- work done elsewhere


@contextmanager
def render_farm(report: dict[str, Any]) -> Iterator[str]:
    """A service that takes a job, and reports its end after it has answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            callback = self.headers["Mistral-Callback-URL"]
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            threading.Timer(0.5, requests.put, (callback,), {"json": report, "timeout": 10}).start()

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jobs"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_service_reports_to_the_address_it_was_given(service: Service) -> None:
    text = blocks("have-work-done-elsewhere", "yaml")[0]
    (report,) = blocks("have-work-done-elsewhere", "json", "put")
    service.upload(text)
    with render_farm(json.loads(report)) as url:
        assert service.output(service.start("render_film", url=url, film="Ida")) == {"frames": 240}


# --- an action of your own


def test_the_actions_of_a_module_run_and_are_in_the_catalogue(service: Service) -> None:
    (text,) = blocks("write-an-action", "yaml")
    service.upload(text)
    assert service.output(service.start("refund_order", order=7)) == {"paid": 99.5, "gross": 118.41}
    shown = service.get("actions/shop.refund")
    assert (shown["input"], shown["is_system"]) == ("order, amount=0.0", True)
    assert shown["description"].startswith("Pays an order back, in full or in part.")


@pytest.mark.django_db(transaction=True)
def test_the_django_code_starts_its_workflow_with_its_own_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Order:
        pk = 7

        def save(self) -> None:
            assert connection.in_atomic_block

    monkeypatch.setattr(executions, "ring", lambda work: None)
    create_workflows(
        caller=make_caller("default"),
        text="version: '2.0'\nrefund_order: {input: [order], tasks: {a: {action: std.noop}}}",
    )
    names: dict[str, Any] = {}
    exec(blocks("write-an-action", "python", "order")[0], names)  # noqa: S102 - our own page
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _place_and_fail(names["place_order"], Order())
    assert not WorkflowExecution.objects.exists()
    names["place_order"](Order())
    assert WorkflowExecution.objects.get().input == {"order": 7}


def _place_and_fail(place_order: Any, order: Any) -> None:
    place_order(order)
    raise ZeroDivisionError


def test_the_pages_are_all_here() -> None:
    tested = {
        "ask-for-approval", "deploy-over-ssh", "have-work-done-elsewhere", "write-an-action",
    }  # fmt: skip
    pages = {path.stem for path in Path(ROOT / "docs" / "how-to").glob("*.md")}
    assert tested <= pages
