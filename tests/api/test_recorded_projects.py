"""Exchanges recorded from Mistral with three projects side by side, replayed in their order."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from tests.api_client import ApiClient, make_client
from tests.exchanges import UUID, compare
from workflows.models import Project, Role

FILES: Final = sorted((Path(__file__).parent / "recordings" / "projects").glob("*.json"))

# The projects of the recordings and who acts for them.
PEOPLE: Final = {
    "token-admin": ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0", Role.ADMIN),
    "token-demo": ("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0", Role.AUTHOR),
    "token-alt": ("ccccccccccccccccccccccccccccccc0", Role.AUTHOR),
}
WORKFLOW: Final = "3df2e40d-fab1-41b0-9903-1ee0554ae8d9"
SHARED: Final = """
version: '2.0'
shared_wf:
  tasks:
    t: {action: std.noop}
"""


@pytest.fixture
def people(db: None) -> dict[str, ApiClient]:
    for token, (project_id, _) in PEOPLE.items():
        Project.objects.create(pk=project_id, name=token)
    return {token: make_client(token, role) for token, (_, role) in PEOPLE.items()}


class Replay:
    """Sends recorded requests as the people of the recordings, with the ids of this service."""

    def __init__(self, people: dict[str, ApiClient]) -> None:
        self.people = people
        self.ids: dict[str, str] = {}

    def send(self, request: dict[str, Any]) -> HttpResponse:
        headers = request.get("headers", {})
        client = self.people.get(headers.get("X-Auth-Token", ""), ApiClient())
        path = UUID.sub(lambda found: self.ids.get(found[0], found[0]), request["path"])
        body = request.get("body", "")
        if isinstance(body, dict):
            body = {key: self.ids.get(value, value) for key, value in body.items()}
        return client.raw(request["method"], path, body, headers.get("Content-Type", ""))

    def differences(self, name: str) -> Iterator[str]:
        """Replay one exchange and tell in what the answers differ."""
        file = next(file for file in FILES if file.stem.startswith(name))
        exchange = json.loads(_with_dashes(file.read_text()))
        recorded = exchange["response"]
        answer = self.send(exchange["request"])
        if answer.status_code != recorded["status"]:
            yield f"{file.stem}: {answer.status_code} {answer.content!r}"
        elif not recorded["body"]:
            yield from [f"{file.stem}: a body"] if answer.content else []
        else:
            if "id" in answer.json():
                self.ids.setdefault(recorded["body"].get("id", ""), answer.json()["id"])
            found = compare("", recorded["body"], answer.json(), set())
            yield from (f"{file.stem}{one}" for one in found)


def _with_dashes(text: str) -> str:
    """Write ids of projects as this service does."""
    for project_id, _ in PEOPLE.values():
        text = text.replace(project_id, str(uuid.UUID(project_id)))
    return text


def test_a_workflow_is_shared_as_recorded(people: dict[str, ApiClient]) -> None:
    replay = Replay(people)
    created = people["token-demo"].post("/workflows", SHARED).json()["workflows"][0]
    replay.ids[WORKFLOW] = created["id"]
    found = [one for number in range(112, 121) for one in replay.differences(str(number))]
    assert found == []


def test_stored_code_is_kept_as_recorded(people: dict[str, ApiClient], settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    replay = Replay(people)
    found = [one for number in range(121, 132) for one in replay.differences(str(number))]
    assert found == []


def test_who_is_nobody_is_turned_away_as_recorded(people: dict[str, ApiClient]) -> None:
    """The recorded page is HTML there; errors are JSON here, whatever was asked for."""
    recorded = json.loads(FILES[1].read_text())
    answer = Replay(people).send(recorded["request"])
    assert FILES[1].stem == "111-unauthorized"
    assert answer.status_code == recorded["response"]["status"] == 401
    assert answer["WWW-Authenticate"]
    assert answer.json()["faultcode"] == "Client"


def test_a_server_may_forbid_to_delete_runs(
    people: dict[str, ApiClient], settings: Settings
) -> None:
    settings.LEVANTE_ALLOW_ACTION_DELETION = False
    exchange = json.loads(FILES[0].read_text())
    assert FILES[0].stem == "081-action-execution-delete-disabled"
    answer = people["token-admin"].raw("DELETE", exchange["request"]["path"])
    assert answer.status_code == 403
    assert list(compare("", exchange["response"]["body"], answer.json(), set())) == []
