"""What is told to the log and to the collector of traces: changes of state, and ends of actions.

Called after a commit, so that only what is true is told. Names, states, ids and times; never an
input, an output, a context, or the reason of a change, since that may quote one.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Final
from uuid import UUID

from django.conf import settings

from workflows.engine.commands import RecordHistory
from workflows.engine.snapshot import ExecutionSnapshot
from workflows.engine.states import State
from workflows.models import WorkflowExecution

logger: Final = logging.getLogger("workflows.states")


@dataclass(frozen=True, slots=True)
class Changed:
    """The changes of state of one execution and its tasks that one transaction has made.

    `began` has the times when tasks that ended were made; it is filled for traces alone.
    """

    execution: ExecutionSnapshot
    changes: Sequence[RecordHistory]
    began: Mapping[UUID, datetime]
    actor: str = ""


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """A run of an action by this process. `state` is empty if the result comes from outside."""

    action_id: UUID
    task_id: UUID | None
    execution_id: UUID | None
    name: str
    began: datetime
    ended: datetime
    state: str


def tell_start(execution: WorkflowExecution) -> None:
    """Log that an execution was accepted; a line that has both its id and that of the request."""
    facts = {
        "workflow": execution.workflow_name,
        "state_to": str(execution.state),
        **({"actor": execution.started_by} if execution.started_by else {}),
        **_ids(execution.id, None),
    }
    logger.info("An execution was accepted.", extra=facts)


def tell_admission(execution_id: UUID, workflow: str) -> None:
    """Log that an execution that had to wait may begin."""
    facts = {"workflow": workflow, "state_from": str(State.IDLE), "state_to": str(State.RUNNING)}
    logger.info("The state of an execution has changed.", extra=facts | _ids(execution_id, None))


def tell_changes(changed: Changed) -> None:
    """Log what has changed, and trace what has ended with it."""
    if logger.isEnabledFor(logging.INFO):
        for one in changed.changes:
            _log_change(changed, one)
    if settings.LEVANTE_TRACES_URL and changed.changes:
        _traces().trace_changes(changed)


def tell_attempt(attempt: AttemptEnd) -> None:
    """Log and trace the end of an action's run."""
    if logger.isEnabledFor(logging.INFO):
        facts = {
            "action": attempt.name,
            "state": attempt.state or "handed over",
            "seconds": round((attempt.ended - attempt.began).total_seconds(), 3),
            **_ids(attempt.execution_id, attempt.task_id, attempt.action_id),
        }
        logger.info("The run of an action has ended.", extra=facts)
    if settings.LEVANTE_TRACES_URL and attempt.execution_id is not None:
        _traces().trace_attempt(attempt)


def flush_traces() -> None:
    """Send what is waiting, before the process ends."""
    if settings.LEVANTE_TRACES_URL:
        _traces().flush()


def _log_change(changed: Changed, one: RecordHistory) -> None:
    facts = {
        "workflow": changed.execution.workflow_name,
        **({"task": one.name} if one.task_id else {}),
        "state_from": str(one.state_from),
        "state_to": str(one.state_to),
        **({"actor": changed.actor} if changed.actor else {}),
        **_ids(changed.execution.id, one.task_id),
    }
    subject = "a task" if one.task_id else "an execution"
    logger.info(f"The state of {subject} has changed.", extra=facts)


def _ids(
    execution_id: UUID | None, task_id: UUID | None, action_id: UUID | None = None
) -> dict[str, str]:
    ids = {"execution_id": execution_id, "task_id": task_id, "action_id": action_id}
    return {name: str(value) for name, value in ids.items() if value is not None}


@cache
def _traces() -> ModuleType:
    """Load what sends traces, and with it its libraries, only where traces are wanted."""
    return importlib.import_module("workflows.services.telemetry.traces")
