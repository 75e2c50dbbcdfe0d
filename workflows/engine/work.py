"""What a task runs: its name and input evaluated, and the action or sub-workflow made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workflows.engine.commands import InsertAction, InsertChild
from workflows.engine.contexts import merge_globals
from workflows.engine.events import InlineActionReady
from workflows.engine.new_execution import child_values
from workflows.engine.policies import PolicyInvalid
from workflows.engine.snapshot import ActionSnapshot
from workflows.engine.states import State
from workflows.errors import (
    ActionInputInvalid,
    ActionUnknown,
    EngineError,
    ExpressionError,
    LimitExceeded,
)
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate

if TYPE_CHECKING:
    from workflows.engine.catalogue import RunnableAction, RunnableWorkflow
    from workflows.engine.draft import Draft
    from workflows.engine.scope import Scope
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject, JSONValue


class InputNotMapping(EngineError):
    """The input of a task must be a mapping."""


class ItemsInvalid(EngineError):
    """The items of a with-items task are no list, or lists of different lengths."""


class WorkflowMissing(EngineError):
    """No workflow has this name."""


# These fail the task and the execution at once, past on-error. Whatever else goes wrong while a
# task starts is an ordinary error of the task.
FATAL: Final = (
    ExpressionError,
    ActionUnknown,
    ActionInputInvalid,
    PolicyInvalid,
    InputNotMapping,
    ItemsInvalid,
    LimitExceeded,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What one item of a task, or the whole task, has to run."""

    input: JSONObject
    action: RunnableAction | None = None
    base_input: JSONObject | None = None
    workflow: RunnableWorkflow | None = None
    target: str = ""
    is_safe_rerun: bool = False

    @property
    def is_inline(self) -> bool:
        """Whether the engine may carry it out by itself, without a worker."""
        if self.action is None or self.target or not self.action.is_sync:
            return False
        return self.action.is_inline(self.input if self.base_input is None else self.base_input)


def plan_work(draft: Draft, task: TaskSnapshot, scope: Scope) -> Work:
    """Evaluate what the task runs. Raises one of FATAL, or another error if on-error may act."""
    spec = draft.spec_of(task)
    given = _evaluate_input(spec.input, scope)
    if spec.workflow is not None:
        name = str(scope.evaluate(spec.workflow))
        workflow = draft.catalogue.find_workflow(name)
        if workflow is None:
            raise WorkflowMissing(f"Failed to find workflow [name={name}]")
        return Work(given, workflow=workflow)
    name = str(scope.evaluate(spec.action) or "std.noop")
    action = draft.catalogue.find_action(name)
    given = _with_defaults(draft, spec.action, given)
    action.check_input(given)
    base_input = None
    if action.is_adhoc:
        base_input = action.prepare(given, scope.context_without_input, scope.reader)
    return Work(
        given,
        action=action,
        base_input=base_input,
        target=action.route(_evaluate_target(spec.target, given, scope)),
        is_safe_rerun=_is_safe_rerun(action, scope, spec.safe_rerun),
    )


def start_action(
    draft: Draft,
    task: TaskSnapshot,
    work: Work,
    *,
    timeout: int = 0,
    item_index: int = 0,
    is_item: bool = False,
    state: State = State.RUNNING,
) -> ActionSnapshot:
    """Make the action of a task or item. An inline one is put on the draft's queue."""
    assert work.action is not None
    action = ActionSnapshot(
        id=draft.new_id(),
        task_id=task.id,
        name=work.action.name,
        namespace=draft.execution.lookup_namespace,
        created_at=draft.tick(),
        state=state,
        is_sync=work.action.is_sync,
        is_inline=work.is_inline,
        is_safe_rerun=work.is_safe_rerun,
        target=work.target,
        timeout=float(timeout) if timeout else None,
        item_index=item_index,
        attempt=task.round,
        base_name=work.action.base_name if work.action.is_adhoc else "",
        input=work.input,
        base_input=work.base_input,
    )
    draft.open_items[task.id] = draft.open_items.get(task.id, 0) + 1
    if action.is_inline:
        draft.inline.append(InlineActionReady(action, is_new=True))
    else:
        draft.do(InsertAction(action, is_item=is_item))
    return action


def start_child(draft: Draft, task: TaskSnapshot, child: InsertChild) -> None:
    """Make the sub-workflow of a task or item."""
    draft.open_items[task.id] = draft.open_items.get(task.id, 0) + 1
    draft.started_items.setdefault((task.id, task.round), set()).add(child.item_index)
    draft.do(child)


def prepare_child(
    draft: Draft, task: TaskSnapshot, work: Work, *, item_index: int = 0
) -> InsertChild:
    """Check what the sub-workflow of a task or item is given, and evaluate its vars."""
    assert work.workflow is not None
    if draft.execution.depth >= draft.limits.depth:
        raise LimitExceeded(f"Sub-workflows are nested deeper than {draft.limits.depth} levels.")
    child_id = draft.new_id()
    values = child_values(
        draft.execution,
        work.workflow,
        child_id=child_id,
        task_id=task.id,
        item_index=item_index,
        given=work.input,
        clock=draft.now,
        new_id=draft.new_id,
    )
    return InsertChild(
        id=child_id,
        task_id=task.id,
        revision_id=work.workflow.revision_id,
        workflow_id=work.workflow.workflow_id,
        workflow_name=work.workflow.name,
        workflow_namespace=work.workflow.namespace,
        item_index=item_index,
        round=task.round,
        created_at=draft.tick(),
        input=values.input,
        params=values.params,
        globals=values.globals,
        tags=work.workflow.spec.tags,
    )


def _evaluate_input(written: Mapping[str, JSONValue] | str, scope: Scope) -> JSONObject:
    value = scope.evaluate(written if isinstance(written, str) else dict(written))
    if not isinstance(value, dict):
        raise InputNotMapping("The input of a task must be a mapping.")
    return value


def _evaluate_target(written: str | None, given: JSONObject, scope: Scope) -> str:
    """A target's expressions see the input of the action, too."""
    if written is None:
        return ""
    return str(evaluate(written, Context(given, scope.context), scope.reader) or "")


def _is_safe_rerun(action: RunnableAction, scope: Scope, written: JSONValue) -> bool:
    """What the task says counts, and else what the action says of itself."""
    return action.is_safe_rerun if written is None else bool(scope.evaluate(written))


def _with_defaults(draft: Draft, written_name: str | None, given: JSONObject) -> JSONObject:
    """Fill unset inputs from `__actions` of the environment the execution was started with.

    They are looked up by the name as written, so not for a name that an expression gives.
    """
    environment = draft.execution.params.get("env")
    defaults = environment.get("__actions") if isinstance(environment, dict) else None
    wanted = defaults.get(written_name or "std.noop") if isinstance(defaults, dict) else None
    return merge_globals(wanted, given) if isinstance(wanted, dict) else given
