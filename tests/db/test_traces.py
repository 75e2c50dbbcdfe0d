"""Traces reach a collector: an execution, its tasks below it, and below those runs of actions."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.factories import start, work
from tests.live import run_python
from workflows.models import ActionExecution, WorkflowExecution
from workflows.services.advancing.advance import advance
from workflows.services.telemetry import traces
from workflows.services.telemetry.observing import flush_traces

pytestmark = pytest.mark.django_db

SECRET = "the-secret-of-the-day"
TEXT = """
version: '2.0'
traced:
  input: [word]
  tasks:
    quick: {action: std.echo output=<% $.word %>, on-success: slow}
    slow: {action: std.sleep seconds=0, on-success: below}
    below: {workflow: inner}
inner:
  tasks:
    fails: {action: std.fail}
"""


class Collector(HTTPServer):
    """Listens as a collector does, on loopback."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies = b""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def named(self, name: str) -> Span:
        (span,) = [one for one in self.spans if one.name == name]
        return span


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_facts: Any) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def collector(settings: Any) -> Iterator[Collector]:
    with Collector() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        settings.LEVANTE_TRACES_URL = server.url
        traces._processor.cache_clear()
        traces._root_of.cache_clear()
        try:
            yield server
        finally:
            traces._processor().shutdown()
            traces._processor.cache_clear()
            server.shutdown()
            thread.join()


def run() -> WorkflowExecution:
    execution = start(TEXT, input={"word": SECRET})
    work(execution)
    (child,) = WorkflowExecution.objects.filter(parent_execution_id=execution.id)
    advance(child.id)
    advance(execution.id)
    execution.refresh_from_db()
    assert execution.state == "ERROR"
    flush_traces()
    return execution


def test_a_trace_has_execution_tasks_and_runs(collector: Collector) -> None:
    execution = run()
    names = {"traced", "quick", "slow", "std.sleep", "below", "inner", "fails"}
    assert {one.name for one in collector.spans} == names
    assert {one.trace_id for one in collector.spans} == {execution.id.bytes}
    parents = {
        "traced": None,
        "quick": "traced",
        "slow": "traced",
        "std.sleep": "slow",
        "below": "traced",
        "inner": "below",
        "fails": "inner",
    }
    for name, parent in parents.items():
        expected = collector.named(parent).span_id if parent else b""
        assert collector.named(name).parent_span_id == expected, name


def test_a_span_has_the_times_and_the_state_of_its_row(collector: Collector) -> None:
    execution = run()
    span = collector.named("traced")
    assert execution.finished_at is not None
    assert span.start_time_unix_nano == int(execution.created_at.timestamp() * 1e6) * 1000
    assert span.end_time_unix_nano == int(execution.finished_at.timestamp() * 1e6) * 1000
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert collector.named("slow").status.code == Status.STATUS_CODE_UNSET
    slow, attempt = collector.named("slow"), collector.named("std.sleep")
    assert slow.start_time_unix_nano <= attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= slow.end_time_unix_nano
    attributes = {one.key: one.value.string_value for one in attempt.attributes}
    action = ActionExecution.objects.get(name="std.sleep")
    assert attributes == {
        "levante.action_execution_id": str(action.id),
        "levante.state": "SUCCESS",
    }


def test_no_value_of_the_user_is_traced(collector: Collector) -> None:
    run()
    assert collector.bodies
    assert SECRET.encode() not in collector.bodies


def test_an_execution_that_is_not_chosen_is_not_traced_at_all(
    collector: Collector, settings: Any
) -> None:
    settings.LEVANTE_TRACES_RATIO = 0.0
    run()
    assert collector.spans == []


def test_a_collector_that_is_away_harms_nothing(settings: Any, collector: Collector) -> None:
    collector.server_close()
    assert run().state == "ERROR"


def test_nothing_is_loaded_where_no_traces_are_wanted() -> None:
    program = (
        "import sys, django; django.setup(); import workflows.tasks;"
        " print(sys.modules.keys() & {'workflows.services.telemetry.traces',"
        " 'opentelemetry.exporter'})"
    )
    assert run_python(program) == "set()"
