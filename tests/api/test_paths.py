"""Every path with every method: known or not, the answer is JSON and never a fault of ours."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from django.test import Client

from tests.api_client import ApiClient, fault
from tests.routes import METHODS, Route, all_routes

# What a path may hold in the place of a name or id.
ODD_NAMES = (
    "x", "a" * 300, "%20", "..%2f..", "%00", "%ff", "*", "null", "0", "-1", "ü", "%F0%9F%92%A9",
    "a;b", "1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed", "{1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbb4be}",
)  # fmt: skip


@pytest.mark.parametrize("method", [*METHODS, "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        "/v2/services", "/v2/workflows/a/b/c", "/v2/tasks/a/b", "/v3", "/nothing", "/v2x",
        "/adminx", "/v2/executions/a/tasks/b", "/v2//workflows", "/.env",
    ],
)  # fmt: skip
def test_an_unknown_path_is_404_for_every_method(db: None, method: str, path: str) -> None:
    strict = Client(raise_request_exception=False, enforce_csrf_checks=True)
    for kind in ("application/json", "text/plain", ""):
        answer = strict.generic(method, path, "{}", content_type=kind)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
        assert fault(answer) == "Not Found"


# The broker of the tests is a thing of memory, which the probe of readiness cannot reach.
ROUTES = [route for route in all_routes() if route.template not in ("readyz", "healthcheck")]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.template)
def test_no_path_answers_500_whatever_it_is_asked(
    root: ApiClient, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    names = (str(uuid4()), *ODD_NAMES) if "{" in route.template else ("",)
    for name in names:
        for method in (*METHODS, "TRACE"):
            for body, kind in (("", ""), ("{}", "application/json"), ("[]", "text/plain")):
                answer = root.raw(method, route.fill(name), body, kind)
                told = (method, name, body, answer.content)
                assert answer.status_code < 500, told
                if method not in route.methods and answer.status_code != 404:
                    assert answer.status_code == 405, told
    assert not caplog.records


def test_a_host_that_is_not_ours_is_refused_in_json(root: ApiClient) -> None:
    for path in ("/", "/v2/workflows", "/healthz"):
        answer = root.http.get(path, headers={"Host": "evil.example.org"})
        assert answer.status_code == 400
        assert "LEVANTE_ALLOWED_HOSTS" in fault(answer)
