"""Everything that people and triggers do to executions and their tasks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.canvas import Work, ring
from workflows.engine.contexts import merge_globals
from workflows.engine.events import (
    ActionPausedOrResumed,
    Event,
)
from workflows.engine.new_execution import NewExecution, evaluate_environment, root_values
from workflows.engine.snapshot import ExecutionSnapshot
from workflows.engine.states import ACTION_CHANGES, FINAL, State, check_change
from workflows.errors import (
    LimitExceeded,
    NotFound,
    NotPermitted,
    RequestInvalid,
)
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import (
    ActionExecution,
    Environment,
    WorkflowDefinition,
    WorkflowExecution,
)
from workflows.models.base import dump_json
from workflows.services.advancing.advance import change, go_on_after, take_first_step
from workflows.services.advancing.advance_limit import advance_within_limit
from workflows.services.advancing.apply import Applied
from workflows.services.advancing.store import LockedExecution
from workflows.services.advancing.view import select_actions
from workflows.services.definitions.definitions import find_workflow, load_spec
from workflows.services.definitions.permitted import require_allowed_start
from workflows.services.executions.admission import state_of_new_execution
from workflows.services.executions.removal import remove_some
from workflows.services.executions.state_requests import events_for_state
from workflows.services.identity.ownership import own_first
from workflows.services.operation.maintenance import forget_hold
from workflows.services.operation.service_status import require_running
from workflows.services.telemetry.observing import tell_start

logger = logging.getLogger(__name__)

# Set by the server alone; what a caller gives under these names is dropped.
_SERVER_PARAMS = ("root_execution_id", "task_execution_id", "index", "namespace")


def start_execution(
    *,
    project_id: UUID,
    workflow: str,
    namespace: str = "",
    input: JSONObject,
    params: JSONObject,
    description: str = "",
    execution_id: UUID | None = None,
    source_execution_id: UUID | None = None,
    is_admin: bool = False,
    actor: str = "",
    at_once: bool = False,
    joins_transaction: bool = False,
) -> WorkflowExecution:
    """Accept a new execution. Its tasks start after the commit.

    That is a commit of our own, or with `joins_transaction` the one of the caller's transaction.
    With `at_once` the same commit makes its first tasks, otherwise a worker makes them. It is
    RUNNING in the answer, or IDLE while as many are running as LEVANTE_MAX_RUNNING allows.

    1. An id that exists gives that execution, unchanged. 2. A source gives workflow, input and
    params, over which what is given wins. 3. The environment is resolved and evaluated, the input
    completed and checked, the vars evaluated: whatever is wrong there leaves nothing behind.
    """
    if execution_id is not None:
        existing = _find_execution(execution_id, project_id, is_admin=is_admin)
        if existing is not None:
            return existing
    if source_execution_id is not None:
        source = _find_execution(source_execution_id, project_id, is_admin=is_admin)
        if source is None:
            raise NotFound(f"WorkflowExecution not found [id={source_execution_id}]")
        workflow, namespace = str(source.workflow_id), source.workflow_namespace
        input = merge_globals(source.input, input)
        params = merge_globals(source.params, params)
        description = f"{description} Based on the execution '{source.id}'".strip()
    execution = prepare_execution(
        project_id=project_id,
        workflow=workflow,
        namespace=namespace,
        input=input,
        params=params,
        description=description,
        execution_id=execution_id,
        source_execution_id=source_execution_id,
        is_admin=is_admin,
        actor=actor,
    )
    takes_step = at_once and not joins_transaction and execution.state != State.IDLE
    try:
        applied = _accept(execution, takes_step=takes_step, is_alone=not joins_transaction)
    except IntegrityError:
        # Somebody has started an execution with the same id at the same moment.
        existing = _find_execution(execution.id, project_id, is_admin=is_admin)
        if existing is None:
            raise NotPermitted("The execution's id is taken.") from None
        return existing
    begin = partial(begin_execution, execution, applied)
    if joins_transaction:
        transaction.on_commit(begin)
    else:
        begin()
    return execution


class _StepFailed(Exception):
    """The first tasks of an execution cannot be made; its own exception is the cause."""


def _accept(execution: WorkflowExecution, *, takes_step: bool, is_alone: bool) -> Applied | None:
    """Store a new execution, and its first tasks if they can be made.

    None if a worker has to make them: what fails there is no fault of the request.
    """
    if takes_step:
        try:
            return advance_within_limit(partial(_store, execution, takes_step=True))
        except _StepFailed:
            logger.exception("first steps failed", extra={"execution_id": str(execution.id)})
    return _store(execution, is_alone=is_alone)


def _store(
    execution: WorkflowExecution, *, takes_step: bool = False, is_alone: bool = True
) -> Applied | None:
    with transaction.atomic(durable=is_alone):
        require_running()
        execution.save(force_insert=True)
        if not takes_step:
            return None
        try:
            return take_first_step(execution.id)
        except Exception as error:
            raise _StepFailed from error


def prepare_execution(
    *,
    project_id: UUID,
    workflow: str,
    namespace: str = "",
    input: JSONObject,
    params: JSONObject,
    description: str = "",
    execution_id: UUID | None = None,
    source_execution_id: UUID | None = None,
    is_admin: bool = False,
    actor: str = "",
) -> WorkflowExecution:
    """Give a new execution that is complete and checked, but not stored and not rung."""
    if not workflow:
        raise RequestInvalid(
            "Workflow ID or workflow name must be provided. Workflow ID is recommended."
        )
    definition = _get_workflow(workflow, namespace, project_id, is_admin=is_admin)
    assert definition.revision is not None
    require_allowed_start(load_spec(definition.revision).spec)
    params = _resolve_params(params, definition.namespace, project_id)
    new_id = execution_id or uuid4()
    clock = timezone.now()
    values = _evaluate_start(definition, new_id, clock, input, params)
    return WorkflowExecution(
        id=new_id,
        project_id=project_id,
        revision=definition.revision,
        workflow_id=definition.pk,
        workflow_name=definition.name,
        workflow_namespace=definition.namespace,
        description=description,
        started_by=actor,
        tags=definition.tags,
        state=state_of_new_execution(),
        created_at=clock,
        source_execution_id=source_execution_id,
        input=values.input,
        params=values.params,
        globals=values.globals,
    )


def begin_execution(execution: WorkflowExecution, applied: Applied | None = None) -> None:
    """See to it that an execution goes on. For whoever has stored a prepared one, after the commit.

    `applied` is its first step, if that was in the same commit; else a worker takes it.
    """
    tell_start(execution)
    if applied is not None:
        go_on_after(execution.id, applied)
    elif execution.state != State.IDLE:  # else the sweep lets it begin when there is room
        ring(Work(executions=(execution.id,)))


def change_state(
    execution_id: UUID,
    state: State,
    *,
    state_info: str | None = None,
    env: JSONObject | None = None,
    actor: str = "",
    reason: str = "",
) -> None:
    """Pause, resume, stop or cancel. Some pairs change nothing, others are refused.

    `state_info` is what the execution shows from now on, `reason` what the history alone keeps.
    """

    def make_events(locked: LockedExecution) -> Sequence[Event]:
        if state is State.RUNNING:
            require_running()
        forget_hold(execution_id)
        return events_for_state(locked, state, reason=state_info, env=env)

    change(execution_id, make_events, actor=actor, reason=reason)


def update_env(execution_id: UUID, env: JSONObject) -> None:
    """Merge variables into the environment of an execution that is not running."""
    with transaction.atomic(durable=True):
        execution = _lock(execution_id)
        if execution.state not in (State.IDLE, State.PAUSED, State.ERROR):
            raise NotPermitted(
                "Updating env to workflow execution is only permitted if it is in "
                "IDLE, PAUSED, or ERROR state."
            )
        before = execution.params.get("env")
        merged = merge_globals(before if isinstance(before, dict) else {}, env)
        execution.params = {**execution.params, "env": merged}
        execution.updated_at = timezone.now()
        execution.save(update_fields=["params", "updated_at"])


def set_description(execution_id: UUID, description: str) -> None:
    """Change the description, in any state."""
    changed = WorkflowExecution.objects.filter(id=execution_id).update(
        description=description, updated_at=timezone.now()
    )
    if not changed:
        raise NotFound(f"WorkflowExecution not found [id={execution_id}]")


def delete_execution(execution_id: UUID, *, force: bool) -> None:
    """Delete an execution with all below it; one that is not final only by force."""
    with transaction.atomic(durable=True):
        execution = _lock(execution_id)
        if execution.state not in FINAL and not force:
            raise NotPermitted(
                "Only completed executions can be deleted. Use --force to override this. "
                f"Execution {execution_id} is in {execution.state} state"
            )
        while not remove_some([execution_id], budget=10_000):
            pass


def change_action_state(action_id: UUID, state: State, *, actor: str = "") -> None:
    """Pause an asynchronous action or let it go on, and with it its task and execution."""
    action = ActionExecution.objects.only("execution_id", "task_id").filter(id=action_id).first()
    if action is None:
        raise NotFound(f"ActionExecution not found [id={action_id}]")
    if action.execution_id is None:
        _change_lone_action(action_id, state)
        return

    def make_events(locked: LockedExecution) -> Sequence[Event]:
        if state is State.RUNNING:
            require_running()
        snapshot = select_actions("id = %s", [action_id])[0]
        check_change(ACTION_CHANGES, snapshot.state, state)
        return [] if snapshot.state is state else [ActionPausedOrResumed(snapshot, state)]

    change(action.execution_id, make_events, actor=actor)


def _change_lone_action(action_id: UUID, state: State) -> None:
    with transaction.atomic(durable=True):
        action = ActionExecution.objects.select_for_update().get(id=action_id)
        check_change(ACTION_CHANGES, State(action.state), state)
        action.state, action.updated_at = state, timezone.now()
        action.save(update_fields=["state", "updated_at"])


def _find_execution(
    execution_id: UUID, project_id: UUID, *, is_admin: bool
) -> WorkflowExecution | None:
    found = WorkflowExecution.objects.filter(id=execution_id)
    if not is_admin:
        found = found.filter(project_id=project_id)
    return found.first()


def _lock(execution_id: UUID) -> WorkflowExecution:
    found = WorkflowExecution.objects.select_for_update(no_key=True).filter(id=execution_id).first()
    if found is None:
        raise NotFound(f"WorkflowExecution not found [id={execution_id}]")
    return found


def _get_workflow(
    name_or_id: str, namespace: str, project_id: UUID, *, is_admin: bool
) -> WorkflowDefinition:
    found = find_workflow(
        name_or_id=name_or_id, namespace=namespace, project_id=project_id, is_admin=is_admin
    )
    if found is None or found.revision is None:
        raise NotFound(
            f"Workflow not found [workflow_identifier={name_or_id}, namespace={namespace}]"
        )
    return found


def _resolve_params(params: JSONObject, namespace: str, project_id: UUID) -> JSONObject:
    """Resolve the environment and put in what the server sets."""
    resolved = {key: value for key, value in params.items() if key not in _SERVER_PARAMS}
    env = _resolve_environment(params.get("env"), project_id)
    if params.get("evaluate_env", True):
        env = evaluate_environment(env, new_id=uuid4)
    return {**resolved, "env": env, "namespace": namespace}


def _resolve_environment(env: JSONValue, project_id: UUID) -> JSONObject:
    if env is None:
        return {}
    if isinstance(env, dict):
        return env
    if not isinstance(env, str):
        raise RequestInvalid(f"Unexpected value type for environment [type={type(env).__name__}]")
    found = (
        Environment.objects.visible_to(project_id)
        .filter(name=env)
        .order_by(own_first(project_id), "created_at")
        .first()
    )
    if found is None:
        raise RequestInvalid(f"Environment is not found: {env}")
    return found.variables or {}


def _evaluate_start(
    definition: WorkflowDefinition,
    execution_id: UUID,
    clock: datetime,
    given: JSONObject,
    params: JSONObject,
) -> NewExecution:
    assert definition.revision is not None
    env = params.get("env")
    snapshot = ExecutionSnapshot(
        id=execution_id,
        state=State.RUNNING,
        workflow_name=definition.name,
        workflow_namespace=definition.namespace,
        created_at=clock,
        params=params,
        env=env if isinstance(env, dict) else {},
    )
    values = root_values(load_spec(definition.revision).spec, snapshot, given, new_id=uuid4)
    for value in (values.input, values.params, values.globals):
        if len(dump_json(value)) > settings.LEVANTE_MAX_FIELD_BYTES:
            raise LimitExceeded("Field size limit exceeded")
    return values
