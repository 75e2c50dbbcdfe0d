"""Each request has an id, in the answer and in every line of the log about it."""

from __future__ import annotations

import json
import logging
import re

import pytest

from config.logs import JsonFormatter
from tests.api_client import ApiClient

ID = re.compile(r"req-[0-9a-f-]{36}")


def test_an_answer_names_its_request(ann: ApiClient) -> None:
    first, second = ann.get("/workflows"), ann.get("/workflows")
    assert ID.fullmatch(first["X-Request-Id"])
    assert first["X-Openstack-Request-Id"] == first["X-Request-Id"] != second["X-Request-Id"]


def test_the_name_that_a_caller_gives_is_kept(ann: ApiClient) -> None:
    answer = ann.http.get("/healthz", headers={"X-Request-Id": "proxy.2026-11_25"})
    assert answer["X-Request-Id"] == "proxy.2026-11_25"


@pytest.mark.parametrize("name", ["short", "a" * 65, "12345678\r\nSet-Cookie: x", "nämlich-so"])
def test_what_is_no_id_is_not_taken_over(ann: ApiClient, name: str) -> None:
    answer = ann.http.get("/healthz", headers={"X-Request-Id": name})
    assert ID.fullmatch(answer["X-Request-Id"])


def test_lines_written_for_a_request_have_its_id(ann: ApiClient) -> None:
    written: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Collect()
    handler.setFormatter(JsonFormatter("web"))
    logger = logging.getLogger("workflows.states")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        ann.post("/workflows", "version: '2.0'\none: {tasks: {a: {action: std.noop}}}")
        answer = ann.post("/executions", {"workflow_name": "one"})
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert answer.status_code == 201, answer.content
    lines = [json.loads(text) for text in written]
    accepted = [one for one in lines if one["message"] == "An execution was accepted."]
    assert len(accepted) == 1
    assert {one["request_id"] for one in lines} == {answer["X-Request-Id"]}
    assert {one["execution_id"] for one in lines} == {answer.json()["id"]}
