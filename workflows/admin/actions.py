"""The catalogue of actions: what each takes, a form to try it, and the editor of ad-hoc ones."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.editor import editor_addresses
from workflows.admin.pages import page, render_page, render_question
from workflows.admin.run_fields import FilledForm, make_fields, read_fields
from workflows.admin.workflow_editing import posted_text, scopes_for
from workflows.errors import WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.models import ActionDefinition, Scope
from workflows.services.definitions.action_catalogue import (
    ActionDetails,
    get_adhoc_action,
    get_python_action,
    list_catalogue,
)
from workflows.services.definitions.action_uploads import (
    create_actions,
    delete_action,
    update_action,
)
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import is_owner
from workflows.services.running.action_runs import start_action_run

_FIRST_TEXT: Final = """\
version: '2.0'

shout:
  description: Says something loudly.
  input:
    - text
    - mark: "!"
  base: std.echo
  base-input:
    output: <% $.text.toUpper() %><% $.mark %>
"""


@page("actions/", name="actions", rule="actions:list")
def actions(request: HttpRequest, caller: Caller) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    found = list_catalogue(caller, text)
    context = {
        "text": text,
        "adhoc": [one for one in found if one.definition is not None],
        "built_in": [one for one in found if one.definition is None],
    }
    return render_page(request, "levante/actions/list.html", "Actions", context)


@page(
    "actions/python/<path:name>/",
    name="action_python",
    rule="actions:get",
    post_rule="action_executions:create",
    methods=("GET", "POST"),
)
def python_action(request: HttpRequest, caller: Caller, name: str) -> HttpResponse:
    """An action made in Python, with a form to try it."""
    found = get_python_action(caller, name, request.GET.get("namespace", ""))
    return _show(request, caller, found)


@page(
    "actions/<uuid:action_id>/",
    name="action",
    rule="actions:get",
    post_rule="action_executions:create",
    methods=("GET", "POST"),
)
def adhoc_action(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    """An ad-hoc action, with its text and a form to try it."""
    return _show(request, caller, get_adhoc_action(caller, action_id))


@page("actions/new/", name="action_new", rule="actions:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    text, error = _FIRST_TEXT, ""
    namespace = request.POST.get("namespace", "").strip()
    scope = request.POST.get("scope", Scope.PRIVATE)
    if request.method == "POST":
        text = posted_text(request)
        try:
            made = create_actions(caller=caller, text=text, namespace=namespace, scope=scope)
        except WorkflowsError as refused:
            error = refused.message
        else:
            for one in made:
                note(request, one, ADDITION)
            messages.success(request, f"Saved {', '.join(one.name for one in made)}.")
            return HttpResponseRedirect(reverse("admin:action", args=[made[0].pk]))
    context = {
        **editor_addresses("action", namespace),
        "text": text,
        "namespace": namespace,
        "scope": scope,
        "scopes": scopes_for(caller, "actions"),
        "error": error,
    }
    return _edit_page(request, "New ad-hoc action", context)


@page(
    "actions/<uuid:action_id>/edit/",
    name="action_edit",
    rule="actions:update",
    methods=("GET", "POST"),
)
def edit(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    definition = _definition(caller, action_id)
    text, error = definition.text, ""
    scope = request.POST.get("scope", definition.scope)
    if request.method == "POST":
        text = posted_text(request)
        try:
            update_action(caller=caller, identifier=str(action_id), text=text, scope=scope)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, definition, CHANGE)
            messages.success(request, f"Saved {definition.name}.")
            return HttpResponseRedirect(reverse("admin:action", args=[action_id]))
    context = {
        **editor_addresses("action", definition.namespace),
        "definition": definition,
        "text": text,
        "scope": scope,
        "scopes": scopes_for(caller, "actions", definition.scope),
        "error": error,
    }
    return _edit_page(request, f"Edit {definition.name}", context)


@page(
    "actions/<uuid:action_id>/delete/",
    name="action_delete",
    rule="actions:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    definition = _definition(caller, action_id)
    if request.method == "POST":
        delete_action(caller=caller, identifier=str(action_id))
        note(request, definition, DELETION)
        messages.success(request, f"The action {definition.name} is deleted.")
        return HttpResponseRedirect(reverse("admin:actions"))
    return render_question(
        request,
        f"Delete {definition.name}",
        question=f"Delete the action {definition.name}?",
        consequence="Tasks that name it and start later will fail.",
        back=reverse("admin:action", args=[action_id]),
    )


def _show(request: HttpRequest, caller: Caller, details: ActionDetails) -> HttpResponse:
    context: dict[str, Any] = {
        "details": details,
        "definition": details.definition,
        "parameters": [(one.name, details.describe_default(one)) for one in details.parameters],
        "is_own": _is_own(caller, details.definition),
        "fields": make_fields(details.parameters),
    }
    if request.method == "POST":
        filled = read_fields(details.parameters, request.POST.dict())
        context |= {"fields": filled.fields, **_try(caller, details, filled)}
    title = f"Action {details.entry.name}"
    return render_page(request, "levante/actions/detail.html", title, context)


def _try(caller: Caller, details: ActionDetails, filled: FilledForm) -> dict[str, Any]:
    """Run the action now and show its result; what answers later is handed to a worker."""
    if not filled.is_valid:
        return {"error": "Some values are not right yet."}
    params: JSONObject = (
        {"run_sync": True, "timeout": settings.LEVANTE_TRY_SECONDS} if details.is_sync else {}
    )
    try:
        run = start_action_run(
            project_id=caller.project_id,
            name=details.entry.name,
            namespace=details.entry.namespace,
            input=filled.input,
            params=params,
            description=f"Tried by {caller.name}",
        )
    except WorkflowsError as refused:
        return {"error": refused.message}
    return {"run": run, "result": (run.output or {}).get("result")}


def _definition(caller: Caller, action_id: UUID) -> ActionDefinition:
    definition = get_adhoc_action(caller, action_id).definition
    assert definition is not None
    return definition


def _is_own(caller: Caller, definition: ActionDefinition | None) -> bool:
    return definition is not None and is_owner(caller, definition)


def _edit_page(request: HttpRequest, title: str, context: dict[str, Any]) -> HttpResponse:
    return render_page(request, "levante/actions/edit.html", title, context)
