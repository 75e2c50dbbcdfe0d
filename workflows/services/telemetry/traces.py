"""Traces for a collector, by OpenTelemetry: execution > task > attempt of an action.

A trace is one root execution with everything below it. Its parts run in many processes, and days
may lie between them; so the ids of its spans are made of the ids of the rows, and a span is sent
when its row has ended. Nothing has to be handed from process to process, and who sends the parent
need not know who sent the child. Loaded by `observing` alone.
"""

from __future__ import annotations

import atexit
from datetime import datetime
from functools import cache, lru_cache
from typing import Final
from uuid import UUID

from django.conf import settings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from workflows.engine.commands import RecordHistory
from workflows.engine.states import FINAL, State
from workflows.models import WorkflowExecution
from workflows.services.telemetry.observing import AttemptEnd, Changed

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_LOW_BITS: Final = (1 << 62) - 1  # of a UUID: those that are random
_SPAN_BITS: Final = (1 << 64) - 1
_NANOSECONDS: Final = 1_000_000_000


def trace_changes(changed: Changed) -> None:
    """Send the spans of what has ended."""
    root = changed.execution.root_execution_id or changed.execution.id
    if not _is_chosen(root):
        return
    for one in changed.changes:
        if one.state_to in FINAL:
            _trace_end(changed, one, root)


def trace_attempt(attempt: AttemptEnd) -> None:
    """Send the span of a run of an action."""
    assert attempt.execution_id is not None
    root = _root_of(attempt.execution_id)
    if not _is_chosen(root):
        return
    _send(
        attempt.name,
        root=root,
        row=attempt.action_id,
        parent=attempt.task_id or attempt.execution_id,
        began=attempt.began,
        ended=attempt.ended,
        state=attempt.state,
        # A repeated run of the same row needs a name of its own.
        salt=int(attempt.began.timestamp() * 1_000_000),
        attributes={"levante.action_execution_id": str(attempt.action_id)},
    )


def flush() -> None:
    """Send what is waiting."""
    _processor().force_flush()


def _trace_end(changed: Changed, one: RecordHistory, root: UUID) -> None:
    execution = changed.execution
    attributes = {
        "levante.workflow": execution.workflow_name,
        "levante.execution_id": str(execution.id),
    }
    if one.task_id is None:
        row, parent, began = execution.id, execution.parent_task_id, execution.created_at
    else:
        row, parent, began = one.task_id, execution.id, changed.began.get(one.task_id, one.at)
        attributes["levante.task_execution_id"] = str(one.task_id)
    _send(
        one.name,
        root=root,
        row=row,
        parent=parent,
        began=began,
        ended=one.at,
        state=one.state_to,
        attributes=attributes,
    )


def _send(
    name: str,
    *,
    root: UUID,
    row: UUID,
    parent: UUID | None,
    began: datetime,
    ended: datetime,
    state: str,
    attributes: dict[str, str],
    salt: int = 0,
) -> None:
    _processor().on_end(
        ReadableSpan(
            name=name,
            context=_context(root, row, salt),
            parent=None if parent is None else _context(root, parent),
            resource=_resource(),
            attributes={**attributes, "levante.state": state},
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if state == State.ERROR else StatusCode.UNSET),
            start_time=_nanoseconds(began),
            end_time=_nanoseconds(max(began, ended)),
        )
    )


def _context(root: UUID, row: UUID, salt: int = 0) -> SpanContext:
    span_id = ((row.int ^ (row.int >> 64)) + salt) & _SPAN_BITS
    return SpanContext(root.int, span_id or 1, is_remote=False, trace_flags=_SAMPLED)


def _is_chosen(root: UUID) -> bool:
    """Choose by the id, so that all processes choose alike."""
    return (root.int & _LOW_BITS) < settings.LEVANTE_TRACES_RATIO * (_LOW_BITS + 1)


@lru_cache(maxsize=2000)
def _root_of(execution_id: UUID) -> UUID:
    found = WorkflowExecution.objects.filter(pk=execution_id)
    root: UUID | None = found.values_list("root_execution_id", flat=True).first()
    return root or execution_id


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * (_NANOSECONDS // 1_000_000)


@cache
def _resource() -> Resource:
    return Resource.create(
        {"service.name": "levante", "levante.process": settings.LEVANTE_PROCESS_NAME}
    )


@cache
def _processor() -> BatchSpanProcessor:
    """Make what collects spans and sends them from a thread of its own; once a process."""
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.LEVANTE_TRACES_URL))
    atexit.register(processor.shutdown)
    return processor
