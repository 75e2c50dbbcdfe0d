"""The buttons of executions, tasks and actions: a form that asks why, and the service behind it.

Each button has an address of its own. A page opens it in a dialog; without scripts it is a page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.arguments import read_reason
from workflows.admin.audit import note_deletions
from workflows.admin.pages import next_address, page, render_page
from workflows.engine.states import State
from workflows.errors import NotFound, RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import ActionExecution, ServiceStatus, TaskExecution, WorkflowExecution
from workflows.services.executions.executions import (
    change_state,
    start_execution,
)
from workflows.services.executions.reruns import rerun_task, skip_task
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import may, require_permission
from workflows.services.operation.service_status import require_status
from workflows.services.pages.root_cause import find_causes
from workflows.services.pages.run_bulk import FAILED_TASK, FITTING, BulkChange, change_one
from workflows.services.pages.run_lists import OPEN, get_action, get_run, get_task
from workflows.services.running.action_runs import complete_action


@dataclass(frozen=True, slots=True)
class Button:
    """One change. `states` are those in which it makes sense; `asks` names further fields.

    `rule` is that of the same change by the API.
    """

    name: str
    title: str
    icon: str
    text: str
    states: frozenset[State]
    rule: str
    is_danger: bool = False
    is_main: bool = False
    asks: tuple[str, ...] = ()

    def fits(self, caller: Caller, state: str) -> bool:
        return state in self.states and may(caller, self.rule)


RUN_BUTTONS: Final = (
    Button(
        "resume",
        "Resume",
        "play",
        "It goes on where it was paused, and with it its sub-workflows.",
        FITTING[BulkChange.RESUME],
        "executions:update",
        is_main=True,
        asks=("env",),
    ),
    Button(
        "rerun",
        "Rerun from failed",
        "rerun",
        "The tasks that failed run again, however deep in sub-workflows they are; what went well"
        " is kept. Of tasks with items only the failed items run again.",
        FITTING[BulkChange.RERUN],
        "tasks:update",
        is_main=True,
    ),
    Button(
        "pause",
        "Pause",
        "pause",
        "Nothing new starts. What is at work ends, and its results are kept.",
        FITTING[BulkChange.PAUSE],
        "executions:update",
    ),
    Button(
        "cancel",
        "Cancel",
        "cancelled",
        "It ends now as cancelled, and running actions are broken off.",
        FITTING[BulkChange.CANCEL],
        "executions:update",
        is_danger=True,
    ),
    Button(
        "finish",
        "Finish",
        "flag",
        "It ends now in the state that you choose, and running actions are broken off.",
        frozenset({State.RUNNING}),
        "executions:update",
        is_danger=True,
        asks=("result",),
    ),
    Button(
        "clone",
        "Run again",
        "clone",
        "A new execution of the newest revision, with this input.",
        frozenset(State),
        "executions:create",
        asks=("input",),
    ),
    Button(
        "delete",
        "Delete",
        "trash",
        "The execution goes with all below it: tasks, results, history. It cannot be brought back.",
        FITTING[BulkChange.DELETE],
        "executions:delete",
        is_danger=True,
    ),
)
TASK_BUTTONS: Final = (
    Button(
        "rerun",
        "Rerun this task",
        "rerun",
        "The task runs again from its start, and the execution goes on from there.",
        FAILED_TASK,
        "tasks:update",
        is_main=True,
        asks=("env",),
    ),
    Button(
        "rerun-items",
        "Rerun failed items",
        "rerun",
        "Only the items that failed run again; the results of the others are kept.",
        FAILED_TASK,
        "tasks:update",
        is_main=True,
        asks=("env",),
    ),
    Button(
        "skip",
        "Skip",
        "skip",
        "The task counts as skipped, and the execution goes on behind it.",
        FAILED_TASK,
        "tasks:update",
        asks=("env",),
    ),
)
COMPLETE: Final = Button(
    "complete",
    "Report the result",
    "check",
    "The action ends with what you report, as if its worker had done so.",
    OPEN,
    "action_executions:update",
    is_main=True,
    asks=("outcome", "output"),
)
_RESULTS: Final = (State.SUCCESS, State.ERROR)


def run_buttons(caller: Caller, execution: WorkflowExecution) -> list[Button]:
    """The buttons that the caller may press in this state."""
    return [one for one in RUN_BUTTONS if one.fits(caller, execution.state)]


def task_buttons(caller: Caller, task: TaskExecution, execution: WorkflowExecution) -> list[Button]:
    """The buttons of a task; that of failed items is for tasks with items alone.

    An execution that went well in the end is not brought back by one of its failures.
    """
    if execution.state == State.SUCCESS:
        return []
    hidden = "rerun-items" if task.items_total is None else ""
    return [one for one in TASK_BUTTONS if one.fits(caller, task.state) and one.name != hidden]


def can_complete(caller: Caller, action: ActionExecution) -> bool:
    """Tell whether the caller may report the result of an action."""
    return not action.is_sync and COMPLETE.fits(caller, action.state)


@page(
    "executions/<uuid:execution_id>/do/<slug:verb>/",
    name="execution_do",
    rule="executions:get",
    methods=("GET", "POST"),
    open_in_maintenance=True,
)
def change_run(request: HttpRequest, caller: Caller, execution_id: UUID, verb: str) -> HttpResponse:
    execution = get_run(caller, execution_id)
    button = find_button(RUN_BUTTONS, verb)
    require_permission(caller, button.rule)
    back = next_address(request, reverse("admin:execution", args=[execution_id]))
    if request.method != "POST":
        preview = _preview(button, execution)
        return _ask(request, button, f"{execution.workflow_name} {str(execution_id)[:8]}", preview)
    if verb != "cancel":
        require_status()
    going = _Change(request, caller, execution, verb, read_reason(request))
    target = _RUN_CHANGES[verb](going) or back
    messages.success(request, f"{button.title}: done.")
    return HttpResponseRedirect(target)


@page(
    "executions/<uuid:execution_id>/tasks/<uuid:task_id>/do/<slug:verb>/",
    name="task_do",
    rule="tasks:update",
    methods=("GET", "POST"),
)
def change_task(
    request: HttpRequest, caller: Caller, execution_id: UUID, task_id: UUID, verb: str
) -> HttpResponse:
    task = get_task(caller, execution_id, task_id)
    button = find_button(TASK_BUTTONS, verb)
    if request.method != "POST":
        return _ask(request, button, task.name, {})
    reason, env = read_reason(request), _read_object(request, "env")
    if verb == "skip":
        skip_task(task_id, env=env, actor=caller.name, reason=reason)
    else:
        rerun_task(task_id, reset=verb == "rerun", env=env, actor=caller.name, reason=reason)
    messages.success(request, f"{button.title}: {task.name}.")
    fallback = reverse("admin:execution_task", args=[execution_id, task_id])
    return HttpResponseRedirect(next_address(request, fallback))


@page(
    "actions/<uuid:action_id>/complete/",
    name="action_complete",
    rule="action_executions:update",
    methods=("GET", "POST"),
    open_in_maintenance=True,
)
def complete(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    action = get_action(caller, action_id)
    if action.is_sync:
        raise RequestInvalid("A worker runs this action; nobody else can report its result.")
    if request.method != "POST":
        return _ask(request, COMPLETE, action.name, {})
    # A result lets maintenance come to rest, as long as it has not.
    require_status(ServiceStatus.PAUSING)
    state = State(_choice(request, "outcome", (*_RESULTS, State.CANCELLED)))
    text = request.POST.get("output", "").strip()
    complete_action(
        action_id,
        state=state,
        output=_read_json(text) if text else None,
        has_output=bool(text),
        actor=caller.name,
        reason=read_reason(request),
    )
    messages.success(request, f"The result of {action.name} was taken over.")
    return HttpResponseRedirect(next_address(request, reverse("admin:executions")))


@dataclass(frozen=True, slots=True)
class _Change:
    """What somebody has asked for."""

    request: HttpRequest
    caller: Caller
    execution: WorkflowExecution
    verb: str
    reason: str

    def to_state(self, state: State, *, env: JSONObject | None = None) -> None:
        is_end = state is not State.RUNNING
        change_state(
            self.execution.pk,
            state,
            state_info=self.reason if is_end else None,
            env=env,
            actor=self.caller.name,
            reason=self.reason,
        )


def _as_for_many(change: _Change) -> str:
    """Do what the same button does for many executions."""
    change_one(BulkChange(change.verb), change.execution.pk, change.caller, change.reason)
    return ""


def _resume(change: _Change) -> str:
    change.to_state(State.RUNNING, env=_read_object(change.request, "env"))
    return ""


def _finish(change: _Change) -> str:
    change.to_state(State(_choice(change.request, "result", _RESULTS)))
    return ""


def _clone(change: _Change) -> str:
    source = change.execution
    started = start_execution(
        project_id=source.project_id,
        workflow="",
        input=_read_object(change.request, "input") or {},
        params={},
        description=change.reason,
        source_execution_id=source.pk,
        is_admin=change.caller.is_admin,
        actor=change.caller.name,
    )
    return reverse("admin:execution", args=[started.pk])


def _delete(change: _Change) -> str:
    _as_for_many(change)
    note_deletions(change.request, [change.execution.pk], change.reason)
    return reverse("admin:executions")


_RUN_CHANGES: Final[Mapping[str, Callable[[_Change], str]]] = {
    "resume": _resume,
    "pause": _as_for_many,
    "cancel": _as_for_many,
    "finish": _finish,
    "rerun": _as_for_many,
    "clone": _clone,
    "delete": _delete,
}


def _preview(button: Button, execution: WorkflowExecution) -> dict[str, Any]:
    if button.name == "rerun":
        causes = [one for cause in find_causes(execution) for one in (cause, *cause.same)]
        names = [f"{one.execution.workflow_name}: {one.task.name}" for one in causes]
        return {"lines": sorted(set(names))[:20], "count": len(causes)}
    if button.name == "clone":
        given = WorkflowExecution.objects.values_list("input", flat=True).get(pk=execution.pk)
        return {"input": json.dumps(given, ensure_ascii=False, indent=2)}
    return {}


def _ask(
    request: HttpRequest, button: Button, subject: str, more: Mapping[str, Any]
) -> HttpResponse:
    context = {
        "button": button,
        "subject": subject,
        "action": request.path,
        "next": next_address(request, ""),
        **more,
    }
    return render_page(request, "levante/button.html", button.title, context)


def find_button(buttons: tuple[Button, ...], name: str) -> Button:
    """Return a button by its name; raises NotFound."""
    for button in buttons:
        if button.name == name:
            return button
    raise NotFound("There is no such button.")


def _choice(request: HttpRequest, name: str, allowed: tuple[State, ...]) -> str:
    chosen = request.POST.get(name, "")
    if chosen not in allowed:
        raise RequestInvalid(f"Please choose one of {', '.join(allowed)}.")
    return chosen


def _read_object(request: HttpRequest, name: str) -> JSONObject | None:
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    value = _read_json(text)
    if not isinstance(value, dict):
        raise RequestInvalid(f"The field {name} takes a JSON object.")
    return value


def _read_json(text: str) -> JSONValue:
    try:
        value: JSONValue = json.loads(text)
    except ValueError as error:
        raise RequestInvalid(f"This is not JSON: {error}.") from error
    return value
