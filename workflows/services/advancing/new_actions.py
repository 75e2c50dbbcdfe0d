"""The actions that a decision makes: which is claimed at once, what is written, what is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from django.conf import settings

from workflows.canvas import ReadyAction
from workflows.engine.commands import InsertAction, InsertTask
from workflows.engine.snapshot import ActionSnapshot
from workflows.engine.states import State
from workflows.models import ActionExecution
from workflows.models.bulk import insert_rows
from workflows.models.statements import Batch
from workflows.services.advancing.store import LockedExecution
from workflows.services.advancing.view import ACTION_COLUMNS
from workflows.services.running.attempts import Claim
from workflows.services.running.process import this_process


def is_ready(command: InsertAction) -> bool:
    """Tell whether a worker may run the new action by itself, outside any lane."""
    action = command.action
    return not command.is_item and not action.is_inline and action.state is State.RUNNING


def first_actions(
    execution_id: UUID, ready: Sequence[ActionSnapshot], claim: Claim | None
) -> tuple[ReadyAction, ...]:
    """Give the actions to send, of each target a limited number.

    Whoever ends one of them goes on with those that were not sent; see `services.running.turn`.
    """
    left: dict[str, int] = defaultdict(lambda: settings.LEVANTE_ACTIONS_SENT)
    chosen: list[ReadyAction] = []
    for action in ready:
        is_taken = claim is not None and action.id == claim.action_id
        if not is_taken and left[action.target] > 0:
            left[action.target] -= 1
            chosen.append(ReadyAction(action.id, execution_id, action.target))
    return tuple(chosen)


def claim_first(
    locked: LockedExecution,
    ready: Sequence[ActionSnapshot],
    tasks: Sequence[InsertTask],
    target: str | None,
) -> Claim | None:
    """Make the claim of the first new action for a target; it is written with its row."""
    action = next((action for action in ready if action.target == target), None)
    if action is None:
        return None
    task = next((one.task for one in tasks if one.task.id == action.task_id), None)
    execution = locked.view.execution
    return Claim(
        action_id=action.id,
        token=uuid4(),
        execution_id=execution.id,
        task_id=action.task_id,
        project_id=locked.project_id,
        target=action.target,
        is_item=False,
        name=action.name,
        namespace=action.namespace,
        base_name=action.base_name,
        input=action.input if action.base_input is None else action.base_input,
        timeout=action.timeout,
        is_sync=action.is_sync,
        task_name=(task or locked.view.task(action.task_id)).name,
        workflow_name=execution.workflow_name,
    )


def insert_actions(
    batch: Batch, locked: LockedExecution, commands: Sequence[InsertAction], claim: Claim | None
) -> None:
    """Insert actions, one of them perhaps as claimed by this process."""
    rows = []
    for one in commands:
        action = one.action
        claimed: tuple[UUID | None, UUID | None, int] = (None, None, 0)
        if claim is not None and action.id == claim.action_id:
            action = replace(action, started_at=locked.clock)
            claimed = (claim.token, this_process().id, 1)
        rows.append(
            (
                locked.project_id,
                locked.view.execution.id,
                locked.clock,
                one.is_item,
                *claimed,
                *(getattr(action, name) for name in ACTION_COLUMNS),
            )
        )
    columns = ["project_id", "execution_id", "dispatched_at", "is_item"]
    columns += ["token", "process_id", "starts", *ACTION_COLUMNS]
    insert_rows(batch, ActionExecution, columns, rows)
