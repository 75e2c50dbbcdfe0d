"""Schedules: which workflows start by themselves and when, run now, pause, and their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from workflows.admin.arguments import read_number
from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.json_text import read_json_object, show_json_object
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page, render_question
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.models import CatchUp, CronTrigger, FireOutcome, Overlap
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_owner, is_owner
from workflows.services.identity.permissions import require_permission
from workflows.services.pages.trigger_summaries import (
    TriggerSummary,
    describe_schedule,
    list_fires,
    list_summaries,
    summarize,
)
from workflows.services.pages.workflow_overview import list_choices
from workflows.services.triggers.cron_firing import run_trigger_now
from workflows.services.triggers.cron_triggers import (
    create_cron_trigger,
    delete_cron_trigger,
    get_cron_trigger,
    pause_cron_trigger,
    resume_cron_trigger,
    update_cron_trigger,
)
from workflows.services.triggers.notification_events import hide_secrets

_FIRES: Final = 50
_CATCH_UP: Final = {
    CatchUp.NONE: "does not make up for it",
    CatchUp.LAST: "runs once",
    CatchUp.ALL: "runs once for each time",
}
_OVERLAP: Final = {
    Overlap.ALLOW: "starts another beside it",
    Overlap.SKIP: "leaves that time out",
    Overlap.QUEUE: "waits for its end",
}
_MARKS: Final = {
    FireOutcome.STARTED: "SUCCESS",
    FireOutcome.FAILED: "ERROR",
    FireOutcome.SKIPPED: "SKIPPED",
    FireOutcome.WAITING: "WAITING",
}


@dataclass(frozen=True, slots=True)
class ScheduleForm:
    """What somebody has entered, as text."""

    name: str = ""
    workflow: str = ""
    pattern: str = "0 6 * * 1-5"
    time_zone: str = "UTC"
    count: str = ""
    catch_up: str = CatchUp.LAST
    overlap: str = Overlap.ALLOW
    input: str = ""
    params: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> ScheduleForm:
        given = {name: request.POST.get(name, "").strip() for name in cls.__slots__}
        return cls(**given)

    @classmethod
    def of(cls, trigger: CronTrigger) -> ScheduleForm:
        return cls(
            name=trigger.name,
            workflow=str(trigger.workflow_id or trigger.workflow_name),
            pattern=trigger.pattern or "",
            time_zone=trigger.time_zone,
            count="" if trigger.remaining is None else str(trigger.remaining),
            catch_up=trigger.catch_up,
            overlap=trigger.overlap,
            input=show_json_object(trigger.input),
            params=show_json_object(hide_secrets(trigger.params)),
        )

    @property
    def remaining(self) -> int | None:
        if not self.count:
            return None
        return read_number({"The number of runs": self.count}, "The number of runs", 0)


@page("schedules/", name="schedules", rule="cron_triggers:list")
def schedules(request: HttpRequest, caller: Caller) -> HttpResponse:
    """All schedules, the next to come first."""
    everybody = caller.is_admin and request.GET.get("all") == "1"
    context = {
        "rows": list_summaries(caller, all_projects=everybody),
        "everybody": everybody,
    }
    return render_page(request, "levante/schedules/list.html", "Schedules", context)


@page("schedules/new/", name="schedule_new", rule="cron_triggers:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    form, error = ScheduleForm(workflow=request.GET.get("workflow", "")), ""
    if request.method == "POST":
        form = ScheduleForm.read(request)
        try:
            made = create_cron_trigger(
                caller=caller,
                name=form.name,
                workflow=form.workflow,
                pattern=form.pattern,
                time_zone=form.time_zone,
                remaining=form.remaining,
                catch_up=form.catch_up,
                overlap=form.overlap,
                input=read_json_object(form.input, "The input"),
                params=read_json_object(form.params, "The params"),
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Saved the schedule {made.name}.")
            return HttpResponseRedirect(reverse("admin:schedule", args=[made.pk]))
    return _form(request, caller, "New schedule", form, error)


@page("schedules/<uuid:trigger_id>/", name="schedule", rule="cron_triggers:get")
def schedule(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    """One schedule: when it comes next, and what became of the last times."""
    trigger = get_cron_trigger(caller, str(trigger_id))
    summary = summarize(trigger)
    context = {
        "words": summary.words,
        "slots": _slot_texts(summary),
        "trigger": trigger,
        "params": hide_secrets(trigger.params),
        "catch_up": _CATCH_UP[CatchUp(trigger.catch_up)],
        "overlap": _OVERLAP[Overlap(trigger.overlap)],
        "workflow_link": find_link(caller, "workflow", trigger.workflow_id),
        "fires": [
            {
                "fire": fire,
                "mark": _MARKS[FireOutcome(fire.outcome)],
                "link": find_link(caller, "execution", fire.execution_id),
            }
            for fire in list_fires(trigger.pk)[:_FIRES]
        ],
        "is_own": is_owner(caller, trigger),
    }
    title = f"Schedule {trigger.name}"
    return render_page(request, "levante/schedules/detail.html", title, context)


@page(
    "schedules/<uuid:trigger_id>/edit/",
    name="schedule_edit",
    rule="cron_triggers:create",
    methods=("GET", "POST"),
)
def edit(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    trigger = get_cron_trigger(caller, str(trigger_id))
    form, error = ScheduleForm.of(trigger), ""
    if request.method == "POST":
        form = ScheduleForm.read(request)
        try:
            update_cron_trigger(
                caller=caller, trigger_id=trigger_id, changes=_changes(form, trigger)
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, trigger, CHANGE)
            messages.success(request, f"Saved the schedule {form.name}.")
            return HttpResponseRedirect(reverse("admin:schedule", args=[trigger_id]))
    return _form(request, caller, f"Edit {trigger.name}", form, error, trigger)


@page(
    "schedules/<uuid:trigger_id>/delete/",
    name="schedule_delete",
    rule="cron_triggers:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    trigger = get_cron_trigger(caller, str(trigger_id))
    if request.method == "POST":
        delete_cron_trigger(caller=caller, name_or_id=str(trigger_id))
        note(request, trigger, DELETION)
        messages.success(request, f"The schedule {trigger.name} is deleted.")
        return HttpResponseRedirect(reverse("admin:schedules"))
    return render_question(
        request,
        f"Delete {trigger.name}",
        question=f"Delete the schedule {trigger.name}?",
        consequence="What it has started goes on. It starts nothing any more.",
        back=reverse("admin:schedule", args=[trigger_id]),
    )


@page(
    "schedules/<uuid:trigger_id>/<str:what>/",
    name="schedule_button",
    rule="cron_triggers:get",
    methods=("POST",),
)
def button(request: HttpRequest, caller: Caller, trigger_id: UUID, what: str) -> HttpResponse:
    """Run now, as who may start may; pause or resume, as who may make schedules."""
    require_permission(caller, "executions:create" if what == "run" else "cron_triggers:create")
    if what == "pause":
        trigger = pause_cron_trigger(caller=caller, trigger_id=trigger_id)
        messages.success(request, f"{trigger.name} is paused.")
    elif what == "resume":
        trigger = resume_cron_trigger(caller=caller, trigger_id=trigger_id)
        messages.success(request, f"{trigger.name} goes on with its next time.")
    elif what == "run":
        trigger = get_cron_trigger(caller, str(trigger_id))
        check_owner(caller, trigger, "CronTrigger")
        fire = run_trigger_now(trigger)
        if fire.execution_id is None:
            messages.error(request, f"It could not be started: {fire.reason}")
        else:
            messages.success(request, f"Started {trigger.workflow_name}.")
    else:
        raise RequestInvalid(f"There is no button '{what}'.")
    note(request, trigger, CHANGE, what)
    return HttpResponseRedirect(reverse("admin:schedule", args=[trigger_id]))


@page("schedules/preview/", name="schedule_preview", rule="cron_triggers:list")
def preview(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Answer a pattern in words and its next times, or what is wrong with it."""
    try:
        summary = describe_schedule(
            request.GET.get("pattern", "").strip(), request.GET.get("time_zone", "").strip()
        )
    except RequestInvalid as refused:
        return JsonResponse({"problem": refused.message})
    return JsonResponse({"words": summary.words, "slots": _slot_texts(summary)})


def _slot_texts(summary: TriggerSummary) -> list[str]:
    """Write the next times in the zone of the trigger; templates would turn them into UTC."""
    return [slot.strftime("%a %Y-%m-%d %H:%M:%S %Z") for slot in summary.slots]


def _changes(form: ScheduleForm, trigger: CronTrigger) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "name": form.name,
        "remaining": form.remaining,
        "catch_up": form.catch_up,
        "overlap": form.overlap,
        "input": read_json_object(form.input, "The input"),
        "params": read_json_object(form.params, "The params"),
    }
    if trigger.pattern:
        changes |= {"pattern": form.pattern, "time_zone": form.time_zone}
    return changes


def _form(
    request: HttpRequest,
    caller: Caller,
    title: str,
    form: ScheduleForm,
    error: str,
    trigger: CronTrigger | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "trigger": trigger,
        "workflows": list_choices(caller),
        "catch_ups": _CATCH_UP.items(),
        "overlaps": _OVERLAP.items(),
        "has_pattern": trigger is None or bool(trigger.pattern),
        "error": error,
    }
    return render_page(request, "levante/schedules/form.html", title, context)
