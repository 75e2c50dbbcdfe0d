"""The rules of roles, and what an operator makes of them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from tests.api.matrix import TABLE
from tests.api_client import ApiClient, make_client
from workflows.api.permissions import SCOPED, all_rules, check_permissions, rule_of
from workflows.models import Role

HELLO = "version: '2.0'\nhello:\n  tasks:\n    t: {action: std.noop}\n"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


@pytest.mark.parametrize(
    ("route", "method", "rule"),
    [
        (r"v2/^workflows/?$", "GET", "workflows:list"),
        (r"v2/^workflows/?$", "POST", "workflows:create"),
        (r"v2/^workflows/?$", "PUT", "workflows:update"),
        (r"v2/^workflows/(?P<identifier>[^/]+)/?$", "GET", "workflows:get"),
        (r"v2/^workflows/(?P<identifier>[^/]+)/?$", "HEAD", "workflows:get"),
        (r"v2/^workflows/(?P<identifier>[^/]+)/?$", "DELETE", "workflows:delete"),
        (r"v2/^workflows/validate/?$", "POST", "workflows:validate"),
        (r"v2/^workflows/(?P<identifier>[^/]+)/members/?$", "POST", "members:create"),
        (r"v2/^actions/(?P<i>[^/]+)/(?P<namespace>[^/]+)/?$", "PUT", "actions:update"),
        (r"v2/^executions/(?P<identifier>[^/]+)/report/?$", "GET", "executions:report"),
        (r"v2/^executions/(?P<identifier>[^/]+)/tasks/?$", "GET", "tasks:list"),
        (r"v2/^tasks/(?P<i>[^/]+)/workflow_executions/?$", "GET", "executions:list"),
        (r"^maintenance/?$", "PUT", "maintenance:update"),
        (r"^identity/v3/projects/?$", "GET", ""),
    ],
)
def test_a_rule_is_named_after_the_path(route: str, method: str, rule: str) -> None:
    assert rule_of(route, method) == rule


def default_roles() -> dict[str, set[Role]]:
    """Give the roles that the rows of the matrix ask for, by rule."""
    found: dict[str, set[Role]] = defaultdict(set)
    for row in TABLE:
        route = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", row.template)
        found[rule_of(f"{route}/?$", row.method)].add(row.role)
    return found


def test_each_rule_has_one_role_and_stands_in_the_manual() -> None:
    """The table of docs/operations.md has a line for each default role."""
    defaults = default_roles()
    assert {rule: roles for rule, roles in defaults.items() if len(roles) != 1} == {}
    wanted: dict[str, set[str]] = defaultdict(set)
    for rule, roles in defaults.items():
        wanted[next(iter(roles)).value].add(rule)
    wanted["admin"] |= {f"{kind}:publicize" for kind in SCOPED}
    assert set().union(*wanted.values()) == all_rules()
    written = {}
    for role in Role:
        line = re.search(rf"^\| rules for `{role}` \| (.*) \|$", DOCS.read_text(), re.MULTILINE)
        assert line is not None, sorted(wanted[role])
        written[role.value] = set(re.findall(r"`([\w:]+)`", line.group(1)))
    assert written == dict(wanted)


def test_a_rule_can_ask_for_less_and_for_more(db: None, settings: Settings) -> None:
    viewer, operator = make_client("blue", Role.VIEWER), make_client("blue", Role.OPERATOR)
    author = make_client("blue", Role.AUTHOR)
    settings.LEVANTE_PERMISSIONS = {
        "workflows:create": "operator",
        "workflows:delete": "admin",
        "executions:list": "author",
    }
    assert viewer.post("/workflows", HELLO).status_code == 403
    assert operator.post("/workflows", HELLO).status_code == 201
    assert operator.put("/workflows", HELLO).status_code == 403
    assert author.delete("/workflows/hello").status_code == 403
    assert operator.get("/executions").status_code == 403
    assert author.get("/executions").status_code == 200


def test_publicising_is_a_rule_of_its_own(ann: ApiClient, settings: Settings) -> None:
    environment = {"name": "e", "variables": {}, "scope": "public"}
    assert ann.post("/workflows", HELLO, scope="public").status_code == 403
    settings.LEVANTE_PERMISSIONS = {"workflows:publicize": "author"}
    assert ann.post("/workflows", HELLO, scope="public").status_code == 201
    assert ann.post("/environments", environment).status_code == 403


def test_no_rule_opens_what_belongs_to_another_project(
    ann: ApiClient, bob: ApiClient, settings: Settings
) -> None:
    settings.LEVANTE_PERMISSIONS = dict.fromkeys(all_rules(), "viewer")
    workflow = bob.post("/workflows", HELLO).json()["workflows"][0]["id"]
    assert ann.get(f"/workflows/{workflow}").status_code == 404
    assert ann.delete(f"/workflows/{workflow}").status_code == 404
    assert ann.get("/executions", all_projects="true").status_code == 403
    assert ann.get("/workflows", all_projects="true").status_code == 403


def test_code_stays_with_administrators(ann: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_PERMISSIONS = dict.fromkeys(all_rules(), "viewer")
    answer = ann.post("/code_sources", "x = 1\n", name="m")
    assert answer.status_code == 403


def test_a_rule_that_does_not_exist_stops_the_start(settings: Settings) -> None:
    settings.LEVANTE_PERMISSIONS = {"workflows:create": "operator"}
    check_permissions()
    settings.LEVANTE_PERMISSIONS = {"workflow:create": "operator"}
    with pytest.raises(ImproperlyConfigured, match="workflow:create"):
        check_permissions()
