"""One attempt of an action: claim its row, run it outside any transaction, record the result.

The claim is one guarded update with a fresh token; every later write names the token, so that only
one process owns an attempt and a result that comes too late is refused.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from workflows.actions.adhoc import finish_output
from workflows.actions.base import ActionContext, Outcome, perform_action
from workflows.actions.celery_task import CeleryTaskAction
from workflows.actions.registry import find_action
from workflows.engine.events import ActionEnded
from workflows.engine.snapshot import ActionSnapshot, TaskSnapshot
from workflows.engine.states import State
from workflows.errors import ActionNotAllowed, WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.log_facts import log_facts
from workflows.models.statements import (
    FINAL_LIST,
    OPEN_LIST,
    as_payload,
    execute,
    fetch_one,
)
from workflows.services.advancing.view import TASK_COLUMNS, as_task
from workflows.services.definitions.catalogue import outside_reader, resolve_stored_action
from workflows.services.definitions.code_sources import find_code_action
from workflows.services.executions.payloads import clean_payload
from workflows.services.operation.addresses import base_url
from workflows.services.running.celery_notes import note_run
from workflows.services.running.lost_work import give_back, give_back_unbegun
from workflows.services.running.process import Interrupted, Stopped, this_process
from workflows.services.telemetry import tallies
from workflows.services.telemetry.observing import AttemptEnd, tell_attempt
from workflows.services.telemetry.tallies import tally

logger = logging.getLogger(__name__)

CLAIMED_COLUMNS = """
    a.id, a.token, a.execution_id, a.task_id, a.project_id, a.target, a.is_item,
    a.name, a.namespace, a.base_name, coalesce(a.base_input, a.input), a.timeout, a.is_sync,
    (SELECT name FROM task_executions WHERE id = a.task_id),
    (SELECT workflow_name FROM workflow_executions WHERE id = a.execution_id)
"""
CLAIM_CHANGES = """
    token = %s, process_id = %s, starts = a.starts + 1,
    started_at = clock_timestamp(), updated_at = clock_timestamp()
"""
_FIND_READY_SQL = """
    SELECT id FROM action_executions
    WHERE execution_id = %s AND target = %s AND state = 'RUNNING' AND token IS NULL
      AND NOT is_handled AND NOT is_inline AND NOT is_item
    ORDER BY created_at LIMIT 1
"""
_CLAIM_READY_SQL = f"""
    UPDATE action_executions a SET {CLAIM_CHANGES}
    WHERE a.id = ({_FIND_READY_SQL} FOR UPDATE SKIP LOCKED)
    RETURNING {CLAIMED_COLUMNS}
"""
_CLAIM_SQL = f"""
    UPDATE action_executions a SET {CLAIM_CHANGES}
    WHERE a.id = %s AND a.state = 'RUNNING' AND a.token IS NULL AND NOT a.is_inline
    RETURNING {CLAIMED_COLUMNS}
"""
# What belongs to no execution is not waited for by any advance.
RECORD_SQL = """
    UPDATE action_executions
    SET state = %s, output = %s, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
        is_handled = (execution_id IS NULL), is_accepted = (execution_id IS NULL)
    WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
# By who holds the execution and goes on at once: the end is seen in the same moment. What else has
# happened, and whether anything can happen meanwhile, is asked in the same trip.
_RECORD_SEEN_SQL = f"""
    UPDATE action_executions a
    SET state = %s, output = %s, finished_at = %s, updated_at = %s,
        is_handled = true, is_accepted = true
    FROM task_executions t
    WHERE a.id = %s AND a.token = %s AND a.state = 'RUNNING' AND NOT a.is_item
      AND NOT a.is_handled AND t.id = a.task_id
    RETURNING a.created_at, a.item_index, a.attempt,
        EXISTS (SELECT 1 FROM action_executions o WHERE o.execution_id = t.execution_id
                AND NOT o.is_handled AND o.state IN {FINAL_LIST})
        OR EXISTS (SELECT 1 FROM workflow_executions c
                   WHERE c.parent_execution_id = t.execution_id AND NOT c.is_handled)
        OR EXISTS (SELECT 1 FROM timers d
                   WHERE d.execution_id = t.execution_id AND d.due_at <= clock_timestamp()),
        (SELECT o.id FROM task_executions o WHERE o.execution_id = t.execution_id
         AND o.state IN {OPEN_LIST} AND o.state <> 'WAITING' AND o.id <> t.id LIMIT 1),
        {", ".join(f"t.{name}" for name in TASK_COLUMNS)}
"""
_STILL_WANTED_SQL = """
    SELECT 1 FROM action_executions WHERE id = %s AND token = %s AND state = 'RUNNING'
"""
_HANDED_OVER_SQL = """
    UPDATE action_executions SET process_id = NULL WHERE id = %s AND token = %s
"""


_Stored = TypeVar("_Stored")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one attempt; the fields are those of CLAIMED_COLUMNS."""

    action_id: UUID
    token: UUID
    execution_id: UUID | None
    task_id: UUID | None
    project_id: UUID
    target: str
    is_item: bool
    name: str
    namespace: str
    base_name: str
    input: JSONObject
    timeout: float | None
    is_sync: bool
    task_name: str | None
    workflow_name: str | None


@dataclass(frozen=True, slots=True)
class SeenEnd:
    """The end of an action that was stored as seen, and the action's task.

    `has_more` says that other events wait to be taken. `other` is another task that is open and no
    join that waits; without one nothing of the execution can end while it is held.
    """

    event: ActionEnded
    task: TaskSnapshot
    has_more: bool
    other: UUID | None


def claim_action(action_id: UUID) -> Claim | None:
    """Take an action to work on it. None if it is taken, ended or cancelled."""
    row = fetch_one(_CLAIM_SQL, [uuid4(), this_process().id, action_id], prepared=True)
    return None if row is None else Claim(*row)


def claim_ready(execution_id: UUID, target: str) -> Claim | None:
    """Take the oldest action of an execution that waits for a worker of this target, if any."""
    values = [uuid4(), this_process().id, execution_id, target]
    row = fetch_one(_CLAIM_READY_SQL, values, prepared=True)
    return None if row is None else Claim(*row)


def find_ready(execution_id: UUID, target: str) -> UUID | None:
    """Find an action of an execution that waits for a worker of this target."""
    row = fetch_one(_FIND_READY_SQL, [execution_id, target], prepared=True)
    return None if row is None else row[0]


def perform(claim: Claim) -> Outcome | None:
    """Run a claimed action. None if its result comes later from outside.

    A process that is to end begins nothing any more.
    """
    if this_process().is_stopping:
        claimed = (claim.action_id, claim.token, claim.execution_id, claim.target)
        keep_trying(partial(give_back_unbegun, *claimed))
        raise SystemExit
    began = timezone.now()
    ids = {"execution_id": claim.execution_id, "task_id": claim.task_id}
    with log_facts(**ids, action_id=claim.action_id):
        outcome = _perform(claim)
        state = "" if outcome is None else outcome.state
        tell_attempt(
            AttemptEnd(
                action_id=claim.action_id,
                task_id=claim.task_id,
                execution_id=claim.execution_id,
                name=claim.name,
                began=began,
                ended=timezone.now(),
                state=state,
            )
        )
    return outcome


def _perform(claim: Claim) -> Outcome | None:
    try:
        name = claim.base_name or claim.name
        action = find_action(name) or find_code_action(name, claim.namespace, claim.project_id)
    except ActionNotAllowed as error:
        return Outcome(is_success=False, result=error.message)
    if action is None:
        return Outcome(is_success=False, result=f"The action {claim.name} is not installed here.")
    if isinstance(action, CeleryTaskAction):
        note_run(claim.action_id, claim.token, claim.timeout)
    timeout = claim.timeout or settings.LEVANTE_ACTION_TIMEOUT
    try:
        with this_process().working_on(claim.token, claim.action_id, timeout):
            outcome = perform_action(action, _context(claim), claim.input)
    except Interrupted as interruption:
        return Outcome(is_success=False, result=str(interruption))
    except Stopped:
        give_back(claim.action_id, claim.token)
        raise SystemExit from None
    if outcome.is_success and not claim.is_sync:
        return None
    return _finish(claim, outcome)


def record(claim: Claim, outcome: Outcome | None) -> bool:
    """Store the result of an attempt. False if the attempt is no longer this process's."""
    if outcome is None:
        changed = execute(_HANDED_OVER_SQL, [claim.action_id, claim.token])
    else:
        changed = execute(RECORD_SQL, record_values(claim, outcome), prepared=True)
    if changed == 0:
        note_refusal(claim)
    return changed == 1


def record_seen(claim: Claim, outcome: Outcome, clock: datetime) -> SeenEnd | None:
    """Store a result for an advance that goes on with it, which `record` would leave to be found.

    The caller holds the execution since `clock`. None if the attempt is no longer this process's.
    """
    state, output, *which = record_values(claim, outcome)
    values = [state, output, clock, clock, *which]
    row = fetch_one(_RECORD_SEEN_SQL, values, prepared=True)
    if row is None or claim.task_id is None:
        note_refusal(claim)
        return None
    created_at, item_index, attempt, has_more, other, *task = row
    action = ActionSnapshot(
        id=claim.action_id,
        task_id=claim.task_id,
        name=claim.name,
        created_at=created_at,
        state=State(state),
        item_index=item_index,
        attempt=attempt,
        output={"result": outcome.result},
    )
    return SeenEnd(ActionEnded(action), as_task(task), has_more, other)


def record_values(claim: Claim, outcome: Outcome) -> list[Any]:
    """Give the values of RECORD_SQL."""
    return [
        outcome.state,
        as_payload({"result": outcome.result}),
        claim.action_id,
        claim.token,
    ]


def is_wanted(action_id: UUID, token: UUID) -> bool:
    """Tell whether an attempt still has its claim and its action is still to be done."""
    return fetch_one(_STILL_WANTED_SQL, [action_id, token], prepared=True) is not None


def note_refusal(claim: Claim) -> None:
    """Log that a result came too late to be stored."""
    tally(tallies.LATE_RESULTS)
    logger.warning("A late result was refused.", extra={"action_id": str(claim.action_id)})


def keep_trying(store: Callable[[], _Stored]) -> _Stored:
    """Store a result although the database may be away for a while: the work is done already."""
    deadline = time.monotonic() + settings.LEVANTE_RECORD_SECONDS
    wait = 0.1
    while True:
        try:
            return store()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(wait)
            wait = min(wait * 2, 5.0)


def _finish(claim: Claim, outcome: Outcome) -> Outcome:
    """Apply the outputs of ad-hoc actions, and refuse what cannot be stored."""
    try:
        result = outcome.result
        if outcome.is_success and claim.base_name:
            resolved = resolve_stored_action(claim.name, claim.namespace, claim.project_id)
            result = finish_output(resolved, result, outside_reader())
        return replace(outcome, result=clean_payload(result))
    except WorkflowsError as error:
        return Outcome(is_success=False, result=error.message)


def _context(claim: Claim) -> ActionContext:
    return ActionContext(
        action_execution_id=str(claim.action_id),
        task_execution_id=str(claim.task_id) if claim.task_id else None,
        task_name=claim.task_name,
        workflow_name=claim.workflow_name,
        workflow_execution_id=str(claim.execution_id) if claim.execution_id else None,
        project_id=str(claim.project_id),
        callback_url=f"{base_url()}/v2/action_executions/{claim.action_id}",
        target=claim.target,
        attempt_token=str(claim.token),
    )
