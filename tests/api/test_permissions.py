"""The rules of roles, and what an operator makes of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.api import recipes
from tests.api.matrix import TABLE, Owner, Row
from tests.api_client import ApiClient, make_client
from workflows.api.permissions import rule_of
from workflows.models import Role
from workflows.services.identity.rules import LEAST_ROLES

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


def rule_of_row(row: Row) -> str:
    route = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", row.template)
    return rule_of(f"{route}/?$", row.method)


PUBLIC: dict[str, Callable[[recipes.Setting], recipes.Request]] = {
    "workflows:publicize": recipes.upload_workflow,
    "workbooks:publicize": recipes.upload_workbook,
    "actions:publicize": recipes.upload_action,
    "code_sources:publicize": recipes.new_code_source,
    "environments:publicize": recipes.new_environment,
    "cron_triggers:publicize": recipes.new_cron_trigger,
    "event_triggers:publicize": recipes.new_event_trigger,
    "dynamic_actions:publicize": recipes.new_dynamic_action,
}


def test_the_rules_are_those_of_the_paths() -> None:
    assert {rule_of_row(row) for row in TABLE} | set(PUBLIC) == set(LEAST_ROLES)
    assert {row.name for row in TABLE if LEAST_ROLES[rule_of_row(row)] != row.role} == set()


def test_each_rule_stands_in_the_manual() -> None:
    """The table of docs/operations.md has a line for each default role."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for rule, least in LEAST_ROLES.items():
        wanted[least].add(rule)
    written = {}
    for role in Role:
        line = re.search(rf"^\| rules for `{role}` \| (.*) \|$", DOCS.read_text(), re.MULTILINE)
        assert line is not None, sorted(wanted[role])
        written[role.value] = set(re.findall(r"`([\w:]+)`", line.group(1)))
    assert written == dict(wanted)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_rule_of_a_path_holds(row: Row, db: None, settings: Settings) -> None:
    """A rule that asks for an administrator refuses an author; a viewer is enough if it says so."""
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    viewer, author = make_client("blue", Role.VIEWER), make_client("blue", Role.AUTHOR)
    setting = recipes.Setting(
        viewer.caller, "private", is_shared=False, asker=viewer.caller.project_id
    )
    settings.LEVANTE_PERMISSIONS = {rule_of_row(row): "admin"}
    assert ask(author, row.method, row.make(setting)) == 403
    settings.LEVANTE_PERMISSIONS = {rule_of_row(row): "viewer"}
    assert ask(viewer, row.method, row.make(setting)) == row.status(Role.ADMIN, Owner.OWN)


@pytest.mark.parametrize("rule", PUBLIC)
def test_each_rule_of_making_public_holds(rule: str, db: None, settings: Settings) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    viewer = make_client("blue", Role.VIEWER)
    setting = recipes.Setting(
        viewer.caller, "private", is_shared=False, asker=viewer.caller.project_id
    )
    create = rule.replace("publicize", "create")
    settings.LEVANTE_PERMISSIONS = {create: "viewer"}
    assert ask(viewer, "POST", public(PUBLIC[rule](setting))) == 403
    settings.LEVANTE_PERMISSIONS = {create: "viewer", rule: "viewer"}
    assert ask(viewer, "POST", public(PUBLIC[rule](setting))) == 201


def ask(client: ApiClient, method: str, request: recipes.Request) -> int:
    kind = "text/plain" if isinstance(request.body, str) else "application/json"
    return client.raw(method, request.path, request.body, kind).status_code


def public(request: recipes.Request) -> recipes.Request:
    """The same request for something that everybody sees."""
    if isinstance(request.body, dict):
        return replace(request, body=request.body | {"scope": "public"})
    mark = "&" if "?" in request.path else "?"
    return replace(request, path=f"{request.path}{mark}scope=public")


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
    settings.LEVANTE_PERMISSIONS = dict.fromkeys(LEAST_ROLES, "viewer")
    workflow = bob.post("/workflows", HELLO).json()["workflows"][0]["id"]
    assert ann.get(f"/workflows/{workflow}").status_code == 404
    assert ann.delete(f"/workflows/{workflow}").status_code == 404
    assert ann.get("/executions", all_projects="true").status_code == 403
    assert ann.get("/workflows", all_projects="true").status_code == 403


def test_a_rule_that_does_not_exist_stops_the_start() -> None:
    """As the settings are read, so in every process."""
    ended = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env={**os.environ, "LEVANTE_PERMISSIONS": "workflow:create=viewer"},
        cwd=DOCS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    told = "LEVANTE_PERMISSIONS: there is no 'workflow:create'; there are action_executions:create,"
    assert told in ended.stderr
