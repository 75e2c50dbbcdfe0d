"""Each route and method, for each role and each relation to the owner of what it is about."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from pytest_django import Settings

from tests.api.matrix import ELSEWHERE, OPEN, TABLE, Owner, Row
from tests.api.recipes import Setting
from tests.api_client import ApiClient, fault, make_client
from tests.routes import all_routes
from workflows.models import Role

ROLES: tuple[Role | None, ...] = (None, *Role)


@pytest.fixture(autouse=True)
def _stored_code(settings: Settings) -> None:
    """What is off at first has its rows, too."""
    settings.LEVANTE_DYNAMIC_ACTIONS = True


@pytest.fixture
def callers(db: None) -> dict[Role | None, ApiClient]:
    """One caller of each role, all of the project blue; None has no token."""
    clients: dict[Role | None, ApiClient] = {role: make_client("blue", role) for role in Role}
    clients[None] = ApiClient(project_id=clients[Role.VIEWER].project_id)
    return clients


def test_the_table_has_each_route_and_method_once() -> None:
    wanted = Counter(
        f"{method} {route.template}"
        for route in all_routes()
        if route.template not in OPEN and not route.template.startswith(ELSEWHERE)
        for method in route.methods
    )
    assert Counter(row.name for row in TABLE) == wanted
    assert set(wanted.values()) == {1}


def test_nothing_but_the_named_paths_is_open() -> None:
    is_open = {route.template for route in all_routes() if not route.view.authentication_classes}
    assert is_open == OPEN


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_caller_gets_what_the_table_says(
    row: Row, callers: dict[Role | None, ApiClient], bob: ApiClient
) -> None:
    wanted = {(role, owner): row.status(role, owner) for role in ROLES for owner in row.statuses}
    got = {(role, owner): _ask(row, callers[role], owner, bob.caller) for role, owner in wanted}
    assert got == wanted


def _ask(row: Row, client: ApiClient, owner: Owner, other: ApiClient) -> int:
    """Make the object, send the request, and look at the answer beyond its status."""
    setting = Setting(
        owner=client.caller if owner is Owner.OWN else other,  # type: ignore[arg-type]
        scope="public" if owner is Owner.PUBLIC else "private",
        is_shared=owner is Owner.SHARED,
        asker=client.caller.project_id,
    )
    asked = row.make(setting)
    kind = "text/plain" if isinstance(asked.body, str) else "application/json"
    answer = client.raw(row.method, asked.path, asked.body, kind)
    if answer.status_code >= 400:
        text = fault(answer)
        assert str(setting.owner.project_id) not in text or owner is Owner.OWN
    elif asked.listed:
        is_visible = asked.listed in _ids(answer.json())
        assert is_visible == _may_see(client.role, owner), (row.name, client.role, owner)
    return answer.status_code


def _may_see(role: Role, owner: Owner) -> bool:
    return role is Role.ADMIN or owner is not Owner.PRIVATE


def _ids(body: object) -> set[str]:
    """All ids of a list, with a look that the body is one."""
    assert isinstance(body, dict)
    rows = next(value for value in body.values() if isinstance(value, list))
    assert json.dumps(rows)
    return {str(one["id"]) for one in rows}
