"""Single actions: run by request, completed from outside, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Thread
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from workflows.actions.adhoc import (
    ResolvedAction,
    check_action_input,
    finish_output,
    prepare_input,
)
from workflows.actions.base import ActionContext, Outcome, perform_action
from workflows.canvas import ReadyAction, Work, ring
from workflows.engine.states import FINAL, State
from workflows.errors import (
    NotFound,
    NotPermitted,
    RequestInvalid,
    StateChangeNotAllowed,
    WorkflowsError,
)
from workflows.expressions.context import Context
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import ActionExecution, HistoryEvent
from workflows.models.statements import as_payload, fetch_one
from workflows.services.definitions.catalogue import outside_reader, resolve_stored_action
from workflows.services.executions.payloads import clean_payload
from workflows.services.operation.service_status import require_running

# Between two looks at whether a worker has run an action that a request waits for.
_POLL_SECONDS = 0.05
# Whoever completes it is told that its result counts, although no advance has seen it yet; a task
# with items reads results only when it has seen the ends of all of them.
_COMPLETE_SQL = """
    UPDATE action_executions
    SET state = %s, output = %s, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
        is_handled = (execution_id IS NULL), is_accepted = true
    WHERE id = %s AND (%s::uuid IS NULL OR token = %s)
      AND (state IN ('RUNNING', 'PAUSED') OR (state = 'CANCELLED' AND is_closed))
    RETURNING execution_id
"""


def complete_action(
    action_id: UUID,
    *,
    state: State,
    output: JSONValue,
    has_output: bool,
    token: UUID | None = None,
    actor: str = "",
    reason: str = "",
) -> None:
    """Take over a result from outside; the first one counts. The history says who gave it.

    With `token` only if that attempt is the one at work. A late result of an action that was closed
    with its execution is kept on the action. Raises StateChangeNotAllowed if the action has its
    result already.
    """
    action = ActionExecution.objects.filter(id=action_id).first()
    if action is None:
        raise NotFound(f"ActionExecution not found [id={action_id}]")
    state, result = _result_from_outside(action, state, output, has_output=has_output)
    values = [str(state), as_payload({"result": result}), action_id, token, token]
    with transaction.atomic(durable=True):
        row = fetch_one(_COMPLETE_SQL, values)
        if row is None:
            raise StateChangeNotAllowed(f"Action {action_id} is already completed")
        if actor and action.execution_id is not None:
            _record_completion(action, action.execution_id, state, actor, reason)
    if row[0] is not None:
        ring(Work(executions=(row[0],)))


def start_action_run(
    *,
    project_id: UUID,
    name: str,
    namespace: str,
    input: JSONObject,
    params: JSONObject,
    description: str,
) -> ActionExecution:
    """Run one action outside any workflow.

    A synchronous action runs within the call and is stored only by `save_result`; with that and
    without `run_sync` it is handed to a worker. An asynchronous one is always stored and handed
    on. The answer is not stored if its identity says so (`_state.adding`).
    """
    resolved = resolve_stored_action(name, namespace, project_id)
    check_action_input(resolved, input)
    clean_payload(input)
    is_sync_asked, is_saved = bool(params.get("run_sync")), bool(params.get("save_result"))
    if is_sync_asked and not resolved.is_sync:
        raise RequestInvalid("Action does not support synchronous execution.")
    action = _make_action(resolved, project_id, namespace, input, params, description)
    if not resolved.is_sync or (is_saved and not is_sync_asked):
        _hand_on(action)
        return action
    if resolved.base.needs_worker:
        return _run_by_worker(action, is_saved=is_saved)
    require_running()
    outcome = _run_here(resolved, action)
    action.state = State(outcome.state)
    action.output = {"result": outcome.result}
    action.is_accepted = action.is_handled = True
    action.finished_at = action.updated_at = timezone.now()
    if is_saved:
        action.save(force_insert=True)
    return action


def _hand_on(action: ActionExecution) -> None:
    """Store an action for a worker."""
    action.dispatched_at = timezone.now()
    with transaction.atomic(durable=True):
        require_running()
        action.save(force_insert=True)
    ring(Work(actions=(ReadyAction(action.id, None, action.target),)))


def _run_by_worker(action: ActionExecution, *, is_saved: bool) -> ActionExecution:
    """Have a worker run an action that must not run here, and wait for it.

    One that was not to be stored is deleted afterwards; it ends in an error if it takes too long.
    """
    seconds = action.timeout or settings.LEVANTE_CODE_WAIT_SECONDS
    deadline = time.monotonic() + seconds
    _hand_on(action)
    while action.state not in FINAL and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        action.refresh_from_db()
    if is_saved:
        return action
    if action.state not in FINAL:
        action.state = State.ERROR
        action.output = {"result": f"Timeout after {seconds:g} seconds"}
    ActionExecution.objects.filter(pk=action.pk).delete()
    action._state.adding = True
    return action


def require_deletion_allowed() -> None:
    """Refuse to delete any run where the operator has switched that off."""
    if not settings.LEVANTE_ALLOW_ACTION_DELETION:
        raise NotPermitted("Action execution deletion is not allowed.")


def delete_action_run(action: ActionExecution) -> None:
    """Delete a completed run that belongs to no task."""
    require_deletion_allowed()
    if action.task_id is not None:
        raise NotPermitted("Only ad-hoc action execution can be deleted.")
    if action.state not in FINAL:
        raise NotPermitted("Only completed action execution can be deleted.")
    action.delete()


def _record_completion(
    action: ActionExecution, execution_id: UUID, state: State, actor: str, reason: str
) -> None:
    HistoryEvent.objects.create(
        execution_id=execution_id,
        task_id=action.task_id,
        action_id=action.pk,
        name=action.name,
        state_from=action.state,
        state_to=state,
        reason=reason,
        actor=actor,
        at=timezone.now(),
    )


def _result_from_outside(
    action: ActionExecution, state: State, output: JSONValue, *, has_output: bool
) -> tuple[State, JSONValue]:
    if state is State.CANCELLED:
        return state, None
    if state is State.ERROR:
        return state, clean_payload(output) if has_output else "Unknown error"
    result = output if has_output else {}
    if not action.base_name:
        return state, clean_payload(result)
    try:
        resolved = resolve_stored_action(action.name, action.namespace, action.project_id)
        return state, clean_payload(finish_output(resolved, result, outside_reader()))
    except WorkflowsError as error:
        return State.ERROR, error.message


def _make_action(
    resolved: ResolvedAction,
    project_id: UUID,
    namespace: str,
    given: JSONObject,
    params: JSONObject,
    description: str,
) -> ActionExecution:
    reader = outside_reader()
    base_input = prepare_input(resolved, given, Context(), reader) if resolved.chain else None
    return ActionExecution(
        project_id=project_id,
        name=resolved.name,
        namespace=namespace,
        description=description,
        state=State.RUNNING,
        is_sync=resolved.is_sync,
        is_safe_rerun=resolved.is_safe_rerun,
        target=resolved.route(str(params.get("target") or "")),
        timeout=_read_timeout(params.get("timeout")),
        created_at=timezone.now(),
        base_name=resolved.base.name if resolved.chain else "",
        input=given,
        base_input=base_input,
    )


def _read_timeout(value: JSONValue) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= TIMEOUT_MAX:
        return float(value)
    raise RequestInvalid("The timeout must be a number of seconds.")


def _run_here(resolved: ResolvedAction, action: ActionExecution) -> Outcome:
    context = ActionContext(action_execution_id=str(action.id), project_id=str(action.project_id))
    given = action.input if action.base_input is None else action.base_input
    outcome = _run_within(action.timeout, partial(perform_action, resolved.base, context, given))
    try:
        result = outcome.result
        if outcome.is_success:
            result = finish_output(resolved, result, outside_reader())
        return replace(outcome, result=clean_payload(result))
    except WorkflowsError as error:
        return Outcome(is_success=False, result=error.message)


def _run_within(timeout: float | None, run: Callable[[], Outcome]) -> Outcome:
    """Run it, and answer in time even if it has not ended then.

    What is left of it goes on beside us until it ends by itself: a thread cannot be stopped. Only
    a worker, which has the process for itself, breaks an action off.
    """
    if not timeout:
        return run()
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    Thread(target=lambda: outcomes.put(run()), daemon=True).start()
    try:
        return outcomes.get(timeout=timeout)
    except Empty:
        return Outcome(is_success=False, result=f"Timeout after {timeout:g} seconds")
