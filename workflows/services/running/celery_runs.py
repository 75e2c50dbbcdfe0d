"""Celery tasks of other code that actions have sent: how they end, or are revoked.

The answer of the task's worker is the fast way. Whatever becomes of it, the sweep looks into the
results of Celery for each task that is open, gives up those that are too old, and revokes those
whose action nobody waits for any more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from celery import Celery, current_app
from celery.backends.base import BaseKeyValueStoreBackend
from django.conf import settings

from workflows.engine.states import State
from workflows.errors import NotFound, StateChangeNotAllowed, WorkflowsError
from workflows.jsontypes import JSONValue
from workflows.models.statements import execute, fetch_all
from workflows.services.running.action_runs import complete_action

logger = logging.getLogger(__name__)

# The action has ended by other means, its claim is another one's, or it is deleted.
_UNWANTED_SQL = """
    SELECT c.id FROM celery_runs c
    LEFT JOIN action_executions a
        ON a.id = c.action_id AND a.token = c.id AND a.state IN ('RUNNING', 'PAUSED')
    WHERE a.id IS NULL LIMIT %s
"""
# Each is looked at by one sweep; the gap to the next look doubles.
_DUE_SQL = """
    UPDATE celery_runs r
    SET looks = r.looks + 1, look_at = clock_timestamp() + interval '1 second'
        * least(%(gap)s * power(2, least(r.looks, 30)), %(longest)s)
    WHERE r.id IN (
        SELECT id FROM celery_runs WHERE look_at <= clock_timestamp()
        ORDER BY look_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
    RETURNING r.id, r.action_id, r.given_up_at <= clock_timestamp()
"""

_FAILED: Final = "The Celery task failed."
_REVOKED: Final = "The Celery task was revoked."
_NO_RESULT: Final = "The Celery task gave no result in time."


def take_result(action_id: UUID, token: UUID, result: JSONValue) -> None:
    """Complete the action of a Celery task that has succeeded; a second time does nothing."""
    _complete(action_id, token, State.SUCCESS, result)


def take_failure(action_id: UUID, token: UUID) -> None:
    """End the action of a Celery task that has failed, with the reason if Celery has kept it."""
    found = find_end(token)
    if found is None or found[0] is State.SUCCESS:
        found = (State.ERROR, _FAILED)
    _complete(action_id, token, *found)


def follow_runs() -> int:
    """Look at Celery tasks that are open; gives how many were ended or revoked."""
    revoked = _revoke_unwanted()
    values = {
        "gap": settings.LEVANTE_CELERY_LOOK_SECONDS,
        "longest": settings.LEVANTE_CELERY_LONGEST_LOOK_SECONDS,
        "batch": settings.LEVANTE_SWEEP_BATCH,
    }
    count = 0
    for token, action_id, is_given_up in fetch_all(_DUE_SQL, values):
        found = find_end(token)
        if found is None and is_given_up:
            _revoke([token])
            found = (State.ERROR, _NO_RESULT)
        if found is not None:
            _complete(action_id, token, *found)
            count += 1
    return revoked + count


def find_end(token: UUID) -> tuple[State, JSONValue] | None:
    """Look up in Celery's results how a task ended; None if it has not, or nobody knows.

    What is stored there is read as plain data: Celery itself would import what it names.
    """
    app: Celery = current_app._get_current_object()
    backend = app.backend
    if not isinstance(backend, BaseKeyValueStoreBackend):
        return None
    stored = backend.get(backend.get_key_for_task(str(token)))
    meta = backend.decode(stored) if stored else None
    if not isinstance(meta, Mapping):
        return None
    match meta.get("status"):
        case "SUCCESS":
            return State.SUCCESS, meta.get("result")
        case "FAILURE":
            return State.ERROR, _describe(meta.get("result"))
        case "REVOKED":
            return State.ERROR, _REVOKED
    return None


def _describe(failure: Any) -> str:
    """Write an exception that Celery has stored as Python writes it."""
    if not isinstance(failure, Mapping):
        return _FAILED
    message = failure.get("exc_message")
    parts = message if isinstance(message, list | tuple) else [message]
    text = ", ".join(str(part) for part in parts if part not in (None, ""))
    return f"{failure.get('exc_type')}: {text}" if text else str(failure.get("exc_type"))


def _complete(action_id: UUID, token: UUID, state: State, output: JSONValue) -> None:
    try:
        complete_action(action_id, state=state, output=output, has_output=True, token=token)
    except (NotFound, StateChangeNotAllowed):
        logger.info("A late result was refused.", extra={"action_id": str(action_id)})
    except WorkflowsError as error:  # what cannot be stored
        _complete(action_id, token, State.ERROR, error.message)
        return
    execute("DELETE FROM celery_runs WHERE id = %s", [token])


def _revoke_unwanted() -> int:
    """Revoke tasks that nobody waits for; what cannot be asked for now stays for later."""
    tokens = [row[0] for row in fetch_all(_UNWANTED_SQL, [settings.LEVANTE_SWEEP_BATCH])]
    _revoke(tokens)
    execute("DELETE FROM celery_runs WHERE id = ANY(%s)", [tokens])
    return len(tokens)


def _revoke(tokens: list[UUID]) -> None:
    if not tokens:
        return
    app: Celery = current_app._get_current_object()
    app.control.revoke(
        [str(token) for token in tokens], terminate=settings.LEVANTE_CELERY_TERMINATE
    )
