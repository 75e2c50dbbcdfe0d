"""Event triggers: which events start workflows, and what became of the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.json_text import read_json_object, show_json_object
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page, render_question
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.models import EventOutcome, EventTrigger
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import is_owner, parse_id
from workflows.services.pages.event_summaries import (
    list_event_triggers,
    list_events,
    workflow_names,
)
from workflows.services.pages.workflow_overview import list_choices
from workflows.services.triggers.event_triggers import (
    create_event_trigger,
    delete_event_trigger,
    get_event_trigger,
    update_event_trigger,
)
from workflows.services.triggers.notification_events import hide_secrets

_EVENTS: Final = 100
_MARKS: Final = {
    EventOutcome.STARTED: "SUCCESS",
    EventOutcome.NOT_MATCHED: "SKIPPED",
    EventOutcome.FAILED: "ERROR",
}


@dataclass(frozen=True, slots=True)
class TriggerForm:
    """What somebody has entered, as text."""

    name: str = ""
    workflow: str = ""
    exchange: str = ""
    topic: str = ""
    event: str = ""
    condition: str = ""
    event_input: str = ""
    input: str = ""
    params: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> TriggerForm:
        given = {name: request.POST.get(name, "").strip() for name in cls.__slots__}
        return cls(**given)

    @classmethod
    def of(cls, trigger: EventTrigger) -> TriggerForm:
        return cls(
            name=trigger.name,
            workflow=str(trigger.workflow_id),
            exchange=trigger.exchange,
            topic=trigger.topic,
            event=trigger.event,
            condition=trigger.condition,
            event_input=show_json_object(trigger.event_input),
            input=show_json_object(trigger.input),
            params=show_json_object(hide_secrets(trigger.params)),
        )

    def changes(self) -> dict[str, Any]:
        """Give what may be changed later, read from its text."""
        return {
            "name": self.name,
            "workflow_id": self.workflow_id,
            "condition": self.condition,
            "event_input": read_json_object(self.event_input, "What is taken from the event"),
            "input": read_json_object(self.input, "The input"),
            "params": read_json_object(self.params, "The params"),
        }

    @property
    def workflow_id(self) -> UUID:
        identity = parse_id(self.workflow)
        if identity is None:
            raise RequestInvalid("Choose a workflow.")
        return identity


@page("triggers/", name="triggers", rule="event_triggers:list")
def triggers(request: HttpRequest, caller: Caller) -> HttpResponse:
    rows = list_event_triggers(caller)
    names = workflow_names(rows)
    context = {
        "rows": [(row, names.get(row.workflow_id, "")) for row in rows],
    }
    return render_page(request, "levante/triggers/list.html", "Event triggers", context)


@page("triggers/new/", name="trigger_new", rule="event_triggers:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    form, error = TriggerForm(workflow=request.GET.get("workflow", "")), ""
    if request.method == "POST":
        form = TriggerForm.read(request)
        try:
            made = create_event_trigger(
                caller=caller,
                exchange=_needed("exchange", form.exchange),
                topic=_needed("topic", form.topic),
                event=_needed("event", form.event),
                **form.changes(),
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Saved the trigger {made}.")
            return HttpResponseRedirect(reverse("admin:trigger", args=[made.pk]))
    return _form(request, caller, "New event trigger", form, error)


@page("triggers/<uuid:trigger_id>/", name="trigger", rule="event_triggers:get")
def trigger(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    """One trigger, and the last events that it has seen."""
    found = get_event_trigger(caller, trigger_id)
    context = {
        "trigger": found,
        "params": hide_secrets(found.params),
        "workflow_name": workflow_names([found]).get(found.workflow_id, ""),
        "workflow_link": find_link(caller, "workflow", found.workflow_id),
        "events": [
            {
                "event": event,
                "mark": _MARKS[EventOutcome(event.outcome)],
                "link": find_link(caller, "execution", event.execution_id),
            }
            for event in list_events(found.pk)[:_EVENTS]
        ],
        "is_own": is_owner(caller, found),
    }
    return render_page(request, "levante/triggers/detail.html", f"Trigger {found}", context)


@page(
    "triggers/<uuid:trigger_id>/edit/",
    name="trigger_edit",
    rule="event_triggers:update",
    methods=("GET", "POST"),
)
def edit(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    found = get_event_trigger(caller, trigger_id)
    form, error = TriggerForm.of(found), ""
    if request.method == "POST":
        form = TriggerForm.read(request)
        try:
            update_event_trigger(caller=caller, trigger_id=trigger_id, changes=form.changes())
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, found, CHANGE)
            messages.success(request, f"Saved the trigger {form.name or found}.")
            return HttpResponseRedirect(reverse("admin:trigger", args=[trigger_id]))
    return _form(request, caller, f"Edit {found}", form, error, found)


@page(
    "triggers/<uuid:trigger_id>/pause/",
    name="trigger_pause",
    rule="event_triggers:update",
    methods=("POST",),
)
def pause(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    """Pause the trigger, or let it go on: whichever the button of the page said."""
    is_paused = request.POST.get("is_paused") == "true"
    found = update_event_trigger(
        caller=caller, trigger_id=trigger_id, changes={"is_paused": is_paused}
    )
    note(request, found, CHANGE, "pause" if is_paused else "resume")
    messages.success(request, f"{found} {'is paused' if is_paused else 'listens again'}.")
    return HttpResponseRedirect(reverse("admin:trigger", args=[trigger_id]))


@page(
    "triggers/<uuid:trigger_id>/delete/",
    name="trigger_delete",
    rule="event_triggers:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, trigger_id: UUID) -> HttpResponse:
    found = get_event_trigger(caller, trigger_id)
    if request.method == "POST":
        delete_event_trigger(caller=caller, trigger_id=trigger_id)
        note(request, found, DELETION)
        messages.success(request, f"The trigger {found} is deleted.")
        return HttpResponseRedirect(reverse("admin:triggers"))
    return render_question(
        request,
        f"Delete {found}",
        question=f"Delete the trigger {found}?",
        consequence="Its last events go with it. What it has started goes on.",
        back=reverse("admin:trigger", args=[trigger_id]),
    )


def _form(
    request: HttpRequest,
    caller: Caller,
    title: str,
    form: TriggerForm,
    error: str,
    found: EventTrigger | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "trigger": found,
        "workflows": list_choices(caller),
        "error": error,
    }
    return render_page(request, "levante/triggers/form.html", title, context)


def _needed(what: str, text: str) -> str:
    if not text:
        raise RequestInvalid(f"The {what} is not given.")
    return text
