"""The end of a task: publishing, the policies that come after the work, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workflows.engine import joins, lifecycle, starting
from workflows.engine.commands import (
    AcceptNothing,
    CloseActions,
    DropResults,
    DropTimers,
    SetTimer,
)
from workflows.engine.contexts import apply_publication, merge_globals, publish
from workflows.engine.following import follow
from workflows.engine.policies import wants_retry
from workflows.engine.results import describe_failure
from workflows.engine.scope import Scope
from workflows.engine.states import FINAL, State
from workflows.errors import ExpressionFailed, WorkflowsError

if TYPE_CHECKING:
    from uuid import UUID

    from workflows.engine.draft import Draft
    from workflows.engine.snapshot import TaskSnapshot
    from workflows.jsontypes import JSONObject, JSONValue
    from workflows.language.specs import Clause, TaskSpec


@dataclass(slots=True)
class Published:
    """What a task publishes: the variables of its branch and the global ones."""

    branch: JSONObject = field(default_factory=dict)
    global_: JSONObject = field(default_factory=dict)

    @property
    def branch_or_null(self) -> JSONObject | None:
        """What `published` shows: null for a task that publishes global variables only."""
        return None if self.global_ and not self.branch else self.branch


class PublishFailed(WorkflowsError):
    """A publish clause could not be evaluated; `published` is what had been made by then."""

    def __init__(self, message: str, published: Published) -> None:
        super().__init__(message)
        self.published = published


def end_task(draft: Draft, task: TaskSnapshot, state: State, state_info: str | None) -> None:
    """Bring a task whose work has ended in `state` to its end, or to its next try.

    1. Publish. 2. wait-after puts the end off, once. 3. fail-on may turn SUCCESS into ERROR.
    4. retry may start another try. 5. The end is written and the transitions are followed.
    """
    if task.state in FINAL:
        return
    if task.unique_key is not None and not task.round:
        task = joins.take_arrived_variables(draft, task)
    has_items = bool(draft.spec_of(task).with_items)
    if state is State.ERROR and state_info is None:
        state_info = describe_failure(draft.results(task), has_items=has_items)
    try:
        published = evaluate_publish(draft, task, state)
        # A join that failed before it ran has no try that policies could be about.
        if state is not State.CANCELLED and task.round:
            policies = starting.policies_of(draft, task)
            if policies.wait_after and not task.has_waited_after:
                _wait_after(draft, task, state, state_info, published, policies.wait_after)
                return
            scope = _scope_after(draft, task, published, state)
            if state is State.SUCCESS and _fails_on(draft, task, scope):
                state, state_info = State.ERROR, "Failed by the fail-on policy."
            if not draft.is_over and _wants_retry(draft, task, state, scope, policies.retry_count):
                _retry(draft, task, policies.retry_delay)
                return
    except PublishFailed as error:
        draft.change_task(task, published=error.published.branch)
        lifecycle.fail_by_force(draft, task, error.message)
        return
    except WorkflowsError as error:
        lifecycle.fail_by_force(draft, task, error.message)
        return
    write_end(draft, task, state, state_info, published)


def write_end(
    draft: Draft, task: TaskSnapshot, state: State, state_info: str | None, published: Published
) -> None:
    """Write the end of a task and follow its transitions, unless the execution is not running."""
    out_context_id = _out_context(draft, task, published.branch)
    if published.global_:
        merged = merge_globals(draft.execution.globals, published.global_)
        draft.change_execution(globals=merged)
    task = draft.change_task(
        task,
        state=state,
        state_info=state_info,
        finished_at=draft.tick(),
        waits_for="",
        pending=None,
        published=published.branch_or_null,
        published_global=published.global_,
        out_context_id=out_context_id,
    )
    spec = draft.spec_of(task)
    if spec.policies.timeout or spec.policies.wait_before or spec.policies.wait_after:
        draft.do(DropTimers(task.id))
    try:
        _drop_result(draft, task)
    except WorkflowsError as error:
        lifecycle.fail_by_force(draft, task, error.message)
        return
    if draft.is_running:
        follow(draft, task)


def end_by_timeout(draft: Draft, task: TaskSnapshot) -> None:
    """End a task for good because its time is up; no policy acts on it any more."""
    seconds = starting.policies_of(draft, task).timeout
    draft.do(CloseActions(task.id, only_sync=True))
    try:
        published = evaluate_publish(draft, task, State.ERROR)
    except PublishFailed as error:
        lifecycle.fail_by_force(draft, task, error.message)
        return
    write_end(draft, task, State.ERROR, f"Task timed out [timeout(s)={seconds}].", published)


def end_pending(draft: Draft, task: TaskSnapshot) -> None:
    """End a task whose end wait-after has put off."""
    assert isinstance(task.pending, dict)
    info = task.pending["state_info"]
    end_task(
        draft,
        task,
        State(str(task.pending["state"])),
        None if info is None else str(info),
    )


def evaluate_publish(draft: Draft, task: TaskSnapshot, state: State) -> Published:
    """Evaluate everything the task publishes at this end; the entries do not see each other.

    For one name on-complete wins over the plain clause, which wins over the specific one.
    """
    spec = draft.spec_of(task)
    plain, specific, complete = _clauses_that_publish(spec, state)
    published = Published()
    scope: Scope | None = None
    parts: list[tuple[JSONObject, Mapping[str, JSONValue] | str]] = []
    if specific is not None and specific.publish is not None:
        parts.append((published.branch, specific.publish.branch))
    parts.append((published.branch, plain))
    if complete is not None and complete.publish is not None:
        parts.append((published.branch, complete.publish.branch))
    parts += [
        (published.global_, clause.publish.global_)
        for clause in (specific, complete)
        if clause is not None and clause.publish is not None
    ]
    for target, written in parts:
        if written:
            scope = scope or Scope(draft, task, ends_as=state)
            _evaluate_into(target, written, scope, published)
    return published


def _evaluate_into(
    target: JSONObject,
    written: Mapping[str, JSONValue] | str,
    scope: Scope,
    published: Published,
) -> None:
    try:
        value = scope.evaluate(written if isinstance(written, str) else dict(written))
        if not isinstance(value, dict):
            raise ExpressionFailed("A publish clause must give a mapping.")
    except WorkflowsError as error:
        # Global variables come last: when they fail, the branch has published already.
        done = published if target is published.global_ else Published()
        raise PublishFailed(error.message, Published(branch=done.branch)) from error
    target.update(value)


def _clauses_that_publish(
    spec: TaskSpec, state: State
) -> tuple[Mapping[str, JSONValue] | str, Clause | None, Clause | None]:
    match state:
        case State.SUCCESS:
            return spec.publish, spec.on_success, spec.on_complete
        case State.ERROR:
            return spec.publish_on_error, spec.on_error, spec.on_complete
        case State.SKIPPED:
            return spec.publish_on_skip, spec.on_skip, None
        case _:
            return {}, None, None


def _scope_after(draft: Draft, task: TaskSnapshot, published: Published, state: State) -> Scope:
    """What conditions after the work see: the context with what was just published."""
    before = draft.context(task.context_id).variables
    return Scope(draft, task, branch={**before, **published.branch}, ends_as=state)


def _wait_after(
    draft: Draft,
    task: TaskSnapshot,
    state: State,
    state_info: str | None,
    published: Published,
    seconds: int,
) -> None:
    draft.change_task(
        task,
        state=State.DELAYED,
        waits_for="wait-after",
        has_waited_after=True,
        published=published.branch_or_null,
        pending={"state": str(state), "state_info": state_info},
    )
    draft.do(SetTimer(task.id, "wait-after", seconds))


def _fails_on(draft: Draft, task: TaskSnapshot, scope: Scope) -> bool:
    fail_on = draft.spec_of(task).policies.fail_on
    return fail_on is not None and bool(scope.evaluate(fail_on))


def _wants_retry(draft: Draft, task: TaskSnapshot, state: State, scope: Scope, count: int) -> bool:
    retry = draft.spec_of(task).policies.retry
    return retry is not None and wants_retry(
        retry,
        count=count,
        attempt=task.attempt,
        has_failed=state is State.ERROR,
        evaluate=scope.evaluate,
    )


def _retry(draft: Draft, task: TaskSnapshot, delay: int) -> None:
    draft.do(AcceptNothing(task.id, task.round))
    draft.set_results(task, [])
    task = draft.change_task(
        task,
        attempt=task.attempt + 1,
        state=State.DELAYED,
        waits_for="retry",
        published={},
    )
    if delay or not draft.is_running:
        draft.do(SetTimer(task.id, "retry", delay))
    else:
        starting.run(draft, task)


def _out_context(draft: Draft, task: TaskSnapshot, branch: JSONObject) -> UUID | None:
    """Give the context that followers see: a new one only if something was published."""
    if not branch:
        return task.context_id
    before = draft.context(task.context_id)
    variables, versions = publish(before, branch)
    after = apply_publication(before, variables, versions)
    return lifecycle.store_context(draft, after, task.context_id, variables, versions)


def _drop_result(draft: Draft, task: TaskSnapshot) -> None:
    """Empty the results of a task with `keep-result: false`; outputs of sub-workflows stay."""
    spec = draft.spec_of(task)
    if spec.keep_result is True or spec.workflow is not None:
        return
    if not Scope(draft, task).evaluate(spec.keep_result):
        draft.do(DropResults(task.id))
        kept = [replace(result, value=None) for result in draft.results(task)]
        draft.set_results(task, kept)
