"""The page of one execution: its head, its tabs, and what has changed in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse

from workflows.admin.arguments import LARGEST_KEY, read_choice, read_id, read_number
from workflows.admin.links import find_link
from workflows.admin.pages import may_open, page, render_page
from workflows.admin.run_buttons import run_buttons, task_buttons
from workflows.engine.states import FINAL, State
from workflows.errors import NotFound
from workflows.models import HistoryEvent, TaskExecution, WorkflowExecution, WorkflowRevision
from workflows.services.definitions.definitions import load_spec
from workflows.services.executions.execution_tree import estimate_seconds
from workflows.services.identity.identity import Caller
from workflows.services.pages.keyset import beyond
from workflows.services.pages.root_cause import find_causes
from workflows.services.pages.run_changes import (
    HANDLED,
    count_items,
    count_states,
    last_sequence,
    load_changes,
)
from workflows.services.pages.run_graph import build_run_graph, run_badges
from workflows.services.pages.run_lists import get_run, get_task
from workflows.services.pages.timeline import load_timeline

# Name, title, icon.
TABS: Final = (
    ("graph", "Graph", "graph"),
    ("timeline", "Timeline", "timeline"),
    ("tasks", "Tasks", "list"),
    ("data", "Data", "data"),
    ("problems", "Problems", "warning"),
    ("events", "Events", "history"),
    ("definition", "Definition", "document"),
)
_PAGE: Final = 100
_MOST_LINES: Final = 5_000
_MOST_ANCESTORS: Final = 30


@page("executions/<uuid:execution_id>/", name="execution", rule="executions:get")
def graph(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "graph", _graph)


@page("executions/<uuid:execution_id>/graph.json", name="execution_graph", rule="executions:get")
def graph_data(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return JsonResponse(_graph_of(caller, get_run(caller, execution_id)))


@page("executions/<uuid:execution_id>/changes", name="execution_changes", rule="executions:get")
def changes(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    """Answer what has happened behind a sequence number; 304 if nothing has."""
    execution = get_run(caller, execution_id)
    after = read_number(request.GET, "after", 0, most=LARGEST_KEY)
    body = load_changes(execution, after)
    tag = f'W/"{body["seq"]}-{body["items_done"]}-{execution.state}-{after}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    return JsonResponse(body, headers={"ETag": tag, "Cache-Control": "no-cache"})


@page("executions/<uuid:execution_id>/timeline/", name="execution_timeline", rule="tasks:list")
def timeline(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "timeline", _timeline)


@page("executions/<uuid:execution_id>/tasks/", name="execution_tasks", rule="tasks:list")
def tasks(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "tasks", _tasks)


@page("executions/<uuid:execution_id>/data/", name="execution_data", rule="executions:get")
def data(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "data", _data)


@page(
    "executions/<uuid:execution_id>/problems/", name="execution_problems", rule="executions:report"
)
def problems(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "problems", _problems)


@page("executions/<uuid:execution_id>/events/", name="execution_events", rule="executions:get")
def events(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "events", _events)


@page(
    "executions/<uuid:execution_id>/definition/", name="execution_definition", rule="workflows:get"
)
def definition(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    return _render(request, caller, execution_id, "definition", _definition)


_Fill = Callable[[HttpRequest, Caller, WorkflowExecution], dict[str, Any]]


def _render(
    request: HttpRequest, caller: Caller, execution_id: UUID, tab: str, fill: _Fill
) -> HttpResponse:
    execution = get_run(caller, execution_id)
    context = head(caller, execution) | {"tab": tab} | fill(request, caller, execution)
    title = f"Execution {str(execution.pk)[:8]}"
    return render_page(request, f"levante/execution_{tab}.html", title, context)


def head(caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    """Return what all tabs show above themselves."""
    # Before everything else: what happens from now on has a higher number.
    sequence = last_sequence(execution.pk)
    counts = count_states(execution.pk)
    failed = counts.get(State.ERROR, 0) + counts.get(HANDLED, 0)
    total = max(sum(counts.values()), _planned(execution))
    done = sum(count for state, count in counts.items() if state in FINAL or state == HANDLED)
    left = estimate_seconds(execution) if execution.state == State.RUNNING else 0
    badges: dict[str, int | str] = {"tasks": sum(counts.values())}
    if failed and execution.state == State.ERROR:
        badges["problems"] = "!"
    return {
        "execution": execution,
        "sequence": sequence,
        "is_final": execution.state in FINAL,
        "counts": counts,
        "total": total,
        "done": done,
        "percent": 100 if execution.state == State.SUCCESS else round(100 * done / max(total, 1)),
        "left": left if left > 0 else None,
        "ancestors": _ancestors(execution),
        "tabs": [
            (name, _tab(execution, name), *texts, badges.get(name))
            for name, *texts in TABS
            if may_open(caller, _page_name(name))
        ],
        "buttons": run_buttons(caller, execution),
        "newest": _newest_revision(execution),
        "workflow_address": find_link(caller, "workflow", execution.workflow_id),
    }


def _tab(execution: WorkflowExecution, name: str) -> str:
    return reverse(f"admin:{_page_name(name)}", args=[execution.pk])


def _page_name(tab: str) -> str:
    return "execution" if tab == "graph" else f"execution_{tab}"


def _planned(execution: WorkflowExecution) -> int:
    """Count the tasks of the definition; a run may leave some out, so this is a guess."""
    if execution.state in FINAL:
        return 0
    return len(load_spec(execution.revision).spec.tasks)


def _ancestors(execution: WorkflowExecution) -> list[WorkflowExecution]:
    """List the executions above, the root first."""
    found: list[WorkflowExecution] = []
    above = execution.parent_execution_id
    while above is not None and len(found) < _MOST_ANCESTORS:
        parent = WorkflowExecution.objects.only("workflow_name", "parent_execution_id").get(
            pk=above
        )
        found.append(parent)
        above = parent.parent_execution_id
    return found[::-1]


def _newest_revision(execution: WorkflowExecution) -> int:
    """Return the number of the newest revision if it is another one, else 0."""
    newest = (
        WorkflowRevision.objects.filter(newest_of__pk=execution.workflow_id)
        .values_list("number", flat=True)
        .first()
    )
    return newest if newest and newest != execution.revision.number else 0


def _graph(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    return {"graph": _graph_of(caller, execution)}


def _graph_of(caller: Caller, execution: WorkflowExecution) -> Any:
    return build_run_graph(
        execution, lambda task: find_link(caller, "execution_task", execution.pk, task.pk)
    )


def _timeline(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    return {"timeline": load_timeline(execution)}


def _tasks(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    """List tasks in the order in which they came up; paged by time and id."""
    state = read_choice(request.GET, "state", list(State))
    name = request.GET.get("name", "").strip()
    rows = TaskExecution.objects.filter(execution_id=execution.pk)
    after = read_id(request.GET, "after")
    if after is not None:
        # It counts in whatever state it is by now.
        last = get_task(caller, execution.pk, after)
        rows = rows.filter(beyond(created_at=last.created_at, id=last.pk))
    if state:
        rows = rows.filter(state=state)
    if name:
        rows = rows.filter(name__icontains=name)
    found = list(
        rows.defer("published", "published_global", "pending", "triggered_by").order_by(
            "created_at", "id"
        )[: _PAGE + 1]
    )
    has_more, found = len(found) > _PAGE, found[:_PAGE]
    items = count_items(found)
    badges = run_badges(execution, found, items)
    return {
        "rows": [
            (task, badges[task.pk], items.get(task.pk), task_buttons(caller, task, execution))
            for task in found
        ],
        "more": str(found[-1].pk) if has_more else "",
        "has_failed": any(task_buttons(caller, task, execution) for task in found),
        "wanted_state": state,
        "wanted_name": name,
        "task_states": sorted(head_state for head_state in State),
    }


def _data(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    rows = TaskExecution.objects.filter(execution_id=execution.pk).only("name", "state")
    found = list(rows.order_by("created_at", "id")[:500])
    wanted = read_id(request.GET, "task")
    chosen = rows.filter(pk=wanted).first() if wanted is not None else None
    if wanted is not None and chosen is None:
        raise NotFound(f"There is no task {wanted} in this execution.")
    return {"tasks": found, "chosen": chosen}


def _problems(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    causes = find_causes(execution) if execution.state in (State.ERROR, State.CANCELLED) else []
    return {
        "causes": [(cause, task_buttons(caller, cause.task, cause.execution)) for cause in causes],
        "handled": TaskExecution.objects.filter(
            execution_id=execution.pk, state=State.ERROR, is_error_handled=True
        )
        .exclude(pk__in={one.steps[0].task.pk for cause in causes for one in (cause, *cause.same)})
        .only("name", "state", "state_info", "finished_at")[:50],
    }


def _events(request: HttpRequest, caller: Caller, execution: WorkflowExecution) -> dict[str, Any]:
    rows = HistoryEvent.objects.filter(execution_id=execution.pk)
    by_people = request.GET.get("by") == "people"
    if by_people:
        rows = rows.exclude(actor="")
    before = read_number(request.GET, "before", 0, most=LARGEST_KEY)
    if before:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: _PAGE + 1])
    has_more, found = len(found) > _PAGE, found[:_PAGE]
    return {"events": found, "more": found[-1].pk if has_more else 0, "by_people": by_people}


def _definition(
    request: HttpRequest, caller: Caller, execution: WorkflowExecution
) -> dict[str, Any]:
    revision = (
        WorkflowRevision.objects.select_related("author")
        .defer("spec", "interface")
        .filter(pk=execution.revision.pk)
        .first()
    )
    if revision is None:
        raise NotFound("The revision is gone.")
    newest = _newest_revision(execution)
    return {
        "revision": revision,
        "lines": revision.text.splitlines()[:_MOST_LINES],
        "newest_address": newest
        and find_link(caller, "workflow_revision", execution.workflow_id, newest),
    }
