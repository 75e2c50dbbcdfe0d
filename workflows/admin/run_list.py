"""The list of executions, and changes of many at once."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.arguments import parse_row_id, read_reason
from workflows.admin.audit import note_deletions
from workflows.admin.pages import next_address, page, render_page
from workflows.admin.run_buttons import RUN_BUTTONS, find_button
from workflows.admin.run_filters import (
    LIVE,
    SPANS,
    STATES,
    cursor_text,
    kept_arguments,
    read_cursor,
    read_filter,
    runs_address,
)
from workflows.admin.tags import WORDS
from workflows.errors import RequestInvalid
from workflows.services.identity.identity import Caller
from workflows.services.identity.people import projects_of_person
from workflows.services.identity.permissions import may, require_permission
from workflows.services.operation.service_status import require_status
from workflows.services.pages.run_bulk import (
    FAILED_TASK,
    MOST_AT_ONCE,
    BulkChange,
    Outcome,
    change_many,
    change_tasks,
    preview_bulk,
)
from workflows.services.pages.run_lists import RunPage, get_run, list_runs

# The buttons of one execution or task that may be pressed for many.
BULK: Final = {change: find_button(RUN_BUTTONS, change) for change in BulkChange}
TASK_BULK: Final = {
    "rerun": ("Rerun", "rerun"),
    "skip": ("Skip", "skip"),
}


@page("executions/", name="executions", rule="executions:list")
def executions(request: HttpRequest, caller: Caller) -> HttpResponse:
    wanted = read_filter(request.GET)
    found = list_runs(caller, wanted, read_cursor(request.GET))
    kept = kept_arguments(request.GET)
    bulk = [button for button in BULK.values() if may(caller, button.rule)]
    context = {
        "page": found,
        "kept": kept,
        "is_filtered": bool(kept),
        "newer": _newer(found, kept),
        "older": _older(found, kept),
        "states": [(LIVE, "Not ended"), *((state, WORDS[state]) for state in STATES)],
        "spans": [(key, title) for key, (title, _) in SPANS.items()],
        "projects": projects_of_person(request.user) if caller.is_admin else [],  # type: ignore[arg-type]
        "may_operate": bool(bulk),
        "bulk": bulk,
        "here": request.get_full_path(),
    }
    return render_page(request, "levante/executions.html", "Executions", context)


@page(
    "executions/bulk/",
    name="executions_bulk",
    rule="executions:list",
    methods=("POST",),
    open_in_maintenance=True,
)
def bulk(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show what a change would do; with `confirmed` do it."""
    change = _read_change(request)
    button = BULK[change]
    require_permission(caller, button.rule)
    if change is not BulkChange.CANCEL:
        require_status()
    if request.POST.get("confirmed"):
        reason = read_reason(request)
        outcome = change_many(caller, change, _read_ids(request), reason)
        if change is BulkChange.DELETE:
            note_deletions(request, outcome.done, reason)
        _tell(request, button.title, outcome)
        return HttpResponseRedirect(next_address(request, runs_address()))
    # Without a choice of rows all that fit the filter of the list are meant.
    chosen = None if request.POST.get("all") == "1" else _read_ids(request)
    preview = preview_bulk(caller, change, chosen, read_filter(request.POST))
    context = {
        "preview": preview,
        "button": button,
        "most": MOST_AT_ONCE,
        "shown": preview.fitting[:20],
        "next": next_address(request, runs_address()),
    }
    return render_page(
        request, "levante/executions_bulk.html", f"{button.title} executions", context
    )


@page(
    "executions/<uuid:execution_id>/tasks/bulk/",
    name="tasks_bulk",
    rule="tasks:update",
    methods=("POST",),
)
def bulk_tasks(request: HttpRequest, caller: Caller, execution_id: UUID) -> HttpResponse:
    """Rerun or skip failed tasks; asks for a reason first."""
    execution = get_run(caller, execution_id)
    verb = request.POST.get("change", "")
    if verb not in TASK_BULK:
        raise RequestInvalid("There is no such change.")
    ids = _read_ids(request)
    title, icon = TASK_BULK[verb]
    back = next_address(request, reverse("admin:execution_tasks", args=[execution_id]))
    if request.POST.get("confirmed"):
        reason = read_reason(request)
        outcome = change_tasks(execution_id, ids, caller, reason, skip=verb == "skip")
        _tell(request, title, outcome, "task")
        return HttpResponseRedirect(back)
    rows = execution.tasks.filter(pk__in=ids, state__in=FAILED_TASK).only(
        "name", "state", "state_info"
    )
    context = {
        "execution": execution,
        "rows": list(rows.order_by("created_at", "id")),
        "change": verb,
        "verb": title,
        "icon": icon,
        "next": back,
    }
    return render_page(request, "levante/tasks_bulk.html", f"{title} tasks", context)


def _read_change(request: HttpRequest) -> BulkChange:
    try:
        return BulkChange(request.POST.get("change", ""))
    except ValueError as error:
        raise RequestInvalid("There is no such change.") from error


def _read_ids(request: HttpRequest) -> list[UUID]:
    texts = request.POST.getlist("chosen")[:MOST_AT_ONCE]
    return [parse_row_id("chosen", text) for text in texts]


def _tell(request: HttpRequest, title: str, outcome: Outcome, noun: str = "execution") -> None:
    if outcome.done:
        count = len(outcome.done)
        what = f"1 {noun}" if count == 1 else f"{count} {noun}s"
        messages.success(request, f"{title}: {what}.")
    for key, text in outcome.refused[:5]:
        messages.error(request, f"{str(key)[:8]}: {text}")
    if len(outcome.refused) > 5:
        messages.error(request, f"{len(outcome.refused)} were refused in all.")


def _newer(found: RunPage, kept: dict[str, Any]) -> str:
    if not found.has_newer or not found.rows:
        return runs_address(**kept) if found.has_newer else ""
    first = found.rows[0]
    return runs_address(**kept, before=cursor_text(first.created_at, first.pk))


def _older(found: RunPage, kept: dict[str, Any]) -> str:
    if not found.has_older or not found.rows:
        return ""
    last = found.rows[-1]
    return runs_address(**kept, after=cursor_text(last.created_at, last.pk))
