"""The unmodified command line of Mistral, which logs in with a name and a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1.exceptions import Unauthorized
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from mistralclient.api.client import client as mistral_client

from tests.live import ROOT, LiveStack

pytestmark = pytest.mark.e2e

HELLO = "version: '2.0'\nhello:\n  output: {said: <% $.said %>}\n  tasks:\n    say:\n" + (
    "      action: std.echo output=hi\n      publish: {said: <% task().result %>}\n"
)
SECONDS = 30.0


class Service:
    """A running service with log-ins, and its first administrator."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.identity = f"http://127.0.0.1:{stack.port}/identity/v3"
        deadline = time.monotonic() + SECONDS
        file = stack.directory / "data" / "credentials.json"
        while not file.exists():  # it is written after the service is ready
            assert time.monotonic() < deadline
            time.sleep(0.1)
        self.admin: dict[str, str] = json.loads(file.read_text())

    def manage(self, *arguments: str) -> str:
        environment = os.environ | {"LEVANTE_DATA_DIR": str(self.stack.directory / "data")}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def mistral(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command with nothing but variables of the environment."""
        environment = {key: value for key, value in os.environ.items() if "OS_" not in key}
        environment |= {
            "OS_AUTH_URL": self.identity,
            "OS_USERNAME": self.admin["user"],
            "OS_PASSWORD": self.admin["password"],
            "OS_PROJECT_NAME": "default",
        } | variables
        command = [str(Path(sys.executable).parent / "mistral"), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    stack = LiveStack(tmp_path_factory.mktemp("identity"), options=("--no-examples",))
    stack.start()
    try:
        yield Service(stack)
    finally:
        stack.stop()


def test_the_command_line_logs_in_and_works(service: Service, tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(HELLO)
    made = service.mistral("workflow-create", str(tmp_path / "hello.yaml"))
    assert made.returncode == 0, made.stderr
    started = service.mistral("execution-create", "hello", "-f", "json")
    assert started.returncode == 0, started.stderr
    execution = json.loads(started.stdout)["ID"]
    deadline = time.monotonic() + SECONDS
    while True:
        output: Any = service.mistral("execution-get-output", execution).stdout
        if '"said"' in output:
            break
        assert time.monotonic() < deadline, output
        time.sleep(0.3)
    assert json.loads(output)["said"] == "hi"


@pytest.mark.parametrize(
    "variables",
    [
        {"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default"},
        {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"},
        {"OS_AUTH_URL": "{identity}/"},
        {"OS_IDENTITY_API_VERSION": "3"},
    ],
    ids=" ".join,
)
def test_the_usual_variables_are_understood(service: Service, variables: dict[str, str]) -> None:
    given = {key: value.format(identity=service.identity) for key, value in variables.items()}
    finished = service.mistral("action-list", "-f", "json", **given)
    assert finished.returncode == 0, finished.stderr
    assert "std.echo" in {action["Name"] for action in json.loads(finished.stdout)}


def test_a_wrong_password_and_a_foreign_project_are_refused(service: Service) -> None:
    for variables in ({"OS_PASSWORD": "wrong"}, {"OS_PROJECT_NAME": "elsewhere"}):
        finished = service.mistral("workflow-list", **variables)
        assert finished.returncode != 0
        assert "requires authentication" in finished.stderr
        assert "Traceback" not in finished.stderr


def test_the_library_finds_the_service_in_the_catalogue(service: Service) -> None:
    service.manage("token", "--user", "eve", "--project", "blue", "--role", "viewer")
    password = v3.Password(
        f"{service.identity}",
        username=service.admin["user"],
        password=service.admin["password"],
        project_name="blue",
        user_domain_name="Default",
        project_domain_name="Default",
    )
    session = Session(auth=password)
    url = session.get_endpoint(service_type="workflowv2", interface="public")
    assert url == service.stack.url
    client = mistral_client(session=session, mistral_url=url)
    assert [one.name for one in client.actions.list() if one.name == "std.noop"] == ["std.noop"]
    token = session.get_token()
    other = v3.Token(service.identity, token, project_name="default", project_domain_id="default")
    again = Session(auth=other)
    assert again.get_token() != token
    projects = again.get(f"{service.identity}/auth/projects").json()["projects"]
    assert {"blue", "default"} <= {one["name"] for one in projects}
    session.delete(
        f"{service.identity}/auth/tokens",
        headers={"X-Subject-Token": token},
        authenticated=True,
    )
    with pytest.raises(Unauthorized):
        Session(auth=v3.Token(service.identity, token)).get_token()
