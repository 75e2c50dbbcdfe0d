"""The published description of the API: complete, valid, and what the server really takes."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.validation import validate_schema
from pytest_django import Settings

from tests.api_client import ApiClient, fault
from tests.routes import Route, all_routes
from workflows.api.operations import BodyKind, Operation

ROUTES: Final = [route for route in all_routes() if route.view.schema is not None]
OPERATIONS: Final = [
    (route, method, operation)
    for route in ROUTES
    for method, operation in route.view.operations.items()
]
UNKNOWN_ID: Final = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


@pytest.fixture(autouse=True)
def _stored_code(settings: Settings) -> None:
    """What is off at first is described, too."""
    settings.LEVANTE_DYNAMIC_ACTIONS = True


def name(value: Any) -> str | None:
    return value.template if isinstance(value, Route) else value if isinstance(value, str) else ""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    answer = Client().get("/api/schema")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    return dict(answer.json())


def test_the_description_is_valid(described: dict[str, Any]) -> None:
    validate_schema(described)
    assert described["openapi"].startswith("3.1")


def test_each_path_and_method_is_described(described: dict[str, Any]) -> None:
    wanted = {
        ("/" + route.template.rstrip("/?"), method.lower())
        for route in ROUTES
        for method in route.methods
    }
    there = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert there == wanted
    ids = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))


def test_each_operation_says_what_it_takes_and_answers(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            responses = operation["responses"]
            assert operation["summary"], where
            assert len([status for status in responses if status < "300"]) == 1, where
            for status, response in responses.items():
                if status >= "400" and status != "414" and path not in ("/readyz", "/healthcheck"):
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}, where
            for parameter in operation["parameters"]:
                assert parameter["description"], (where, parameter["name"])
            if operation.get("security"):
                assert {"400", "401", "403", "503"} <= set(responses), where
                assert ("423" in responses) == (method != "get"), where
            assert ("requestBody" in operation) == (method in ("post", "put")), where


def test_what_needs_no_token_is_marked_so(described: dict[str, Any]) -> None:
    for route in ROUTES:
        path = described["paths"]["/" + route.template.rstrip("/?")]
        for operation in path.values():
            assert ("security" in operation) == bool(route.view.authentication_classes)
    assert set(described["components"]["securitySchemes"]) == {"token", "bearer", "basic"}


def ask(client: ApiClient, route: Route, method: str, operation: Operation, query: str) -> Any:
    body: Any = operation.example or ("" if operation.body is BodyKind.TEXT else {})
    kind = "text/plain" if operation.body is BodyKind.TEXT else "application/json"
    path = route.fill(UNKNOWN_ID)
    return client.raw(method, f"{path}?{query}", body, kind)


def refusal(answer: Any) -> str:
    return fault(answer) if answer.status_code == 400 else ""


@pytest.mark.parametrize(("route", "method", "operation"), OPERATIONS, ids=name)
def test_described_arguments_are_known_and_others_are_not(
    route: Route, method: str, operation: Operation, root: ApiClient
) -> None:
    for argument in operation.arguments:
        answer = ask(root, route, method, operation, f"{argument.name}=1")
        assert "Unknown argument" not in refusal(answer), argument.name
    is_strict = operation.media == "application/json" and operation.body is not BodyKind.TEXT
    if is_strict and route.view.authentication_classes:
        answer = ask(root, route, method, operation, "nobody_knows_this=1")
        # What is not there may be noticed first.
        assert "Unknown argument" in refusal(answer) or answer.status_code == 404


@pytest.mark.parametrize(
    ("route", "method", "operation"),
    [one for one in OPERATIONS if one[2].body is BodyKind.JSON],
    ids=name,
)
def test_described_attributes_are_known_and_others_are_not(
    route: Route, method: str, operation: Operation, root: ApiClient
) -> None:
    for attribute in operation.given:
        answer = root.raw(method, route.fill(UNKNOWN_ID), {attribute: None}, "application/json")
        assert "Unknown attribute" not in refusal(answer), attribute
    answer = root.raw(method, route.fill(UNKNOWN_ID), {"nobody": 1}, "application/json")
    assert re.search("Unknown attribute|not found", fault(answer))
    assert set(operation.required) <= set(operation.given)


def test_the_description_names_the_place_behind_a_proxy(settings: Settings) -> None:
    settings.FORCE_SCRIPT_NAME = "/flows"
    assert Client().get("/api/schema").json()["servers"] == [{"url": "/flows"}]


def test_the_description_is_there_as_yaml_too(client: Client) -> None:
    answer = client.get("/api/schema?format=yaml")
    assert answer.content.startswith(b"openapi: 3.1")


def test_the_page_needs_no_script_in_itself_and_no_other_server(client: Client) -> None:
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    html = answer.content.decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 3
    assert all("src=" in attributes and not text.strip() for attributes, text in scripts)
    *files, script = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(files) == 4
    for file in files:
        assert file.startswith("/static/")
        assert finders.find(file.removeprefix("/static/")), file
    assert b"SwaggerUIBundle" in client.get(script).content
