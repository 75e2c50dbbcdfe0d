"""A caller of the API for tests that need no running server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from workflows.models import ApiToken, Project, Role
from workflows.services.identity.identity import Caller, issue_token


@dataclass
class ApiClient:
    """Somebody with a token, or without one if it is empty."""

    token: str = ""
    project_id: UUID | None = None
    role: Role = Role.AUTHOR
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def caller(self) -> Caller:
        assert self.project_id is not None
        return Caller(self.project_id, self.role, name="test")

    def get(self, path: str, **arguments: object) -> HttpResponse:
        return self.send("GET", path, **arguments)

    def delete(self, path: str, **arguments: object) -> HttpResponse:
        return self.send("DELETE", path, **arguments)

    def post(self, path: str, body: Any, **arguments: object) -> HttpResponse:
        return self.send("POST", path, body, **arguments)

    def put(self, path: str, body: Any, **arguments: object) -> HttpResponse:
        return self.send("PUT", path, body, **arguments)

    def send(self, method: str, path: str, body: Any = "", **arguments: object) -> HttpResponse:
        """Send text as a definition and anything else as JSON."""
        kind = "text/plain" if isinstance(body, str) else "application/json"
        query = "&".join(f"{name}={quote(str(value))}" for name, value in arguments.items())
        return self.raw(method, f"/v2{path}" + (f"?{query}" if query else ""), body, kind)

    def raw(self, method: str, url: str, body: Any = "", kind: str = "") -> HttpResponse:
        """Send exactly this, with the token."""
        headers = {"X-Auth-Token": self.token} if self.token else {}
        return self.http.generic(
            method,
            url,
            body if isinstance(body, str | bytes) else _json(body),
            content_type=kind,
            headers=headers,
            CONTENT_TYPE=kind,  # also without a body
        )


def _json(body: Any) -> str:
    return json.dumps(body)


def make_client(project: str, role: Role = Role.AUTHOR) -> ApiClient:
    """Make a person with a role in a project, and a token for both."""
    place, _ = Project.objects.get_or_create(name=project)
    user, _ = User.objects.get_or_create(username=f"{role} of {project}")
    return ApiClient(issue_token(user, place, role), place.pk, role)


def fault(response: HttpResponse) -> str:
    """Return the text of an error, after a look at its form."""
    body = response.json()
    assert sorted(body) == ["debuginfo", "faultcode", "faultstring"]
    assert body["debuginfo"] is None
    assert body["faultcode"] == ("Client" if response.status_code < 500 else "Server")
    return str(body["faultstring"])


def revoke(client: ApiClient, **changes: object) -> None:
    """Change what is stored of the client's token."""
    ApiToken.objects.filter(project_id=client.project_id, role=client.role).update(**changes)
