"""Environments: the list, and the values of one as JSON."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.json_text import read_json_object
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page, render_question
from workflows.admin.workflow_editing import scopes_for
from workflows.errors import WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.models import Environment, Scope
from workflows.services.definitions.environment_uses import list_uses
from workflows.services.definitions.environments import (
    create_environment,
    delete_environment,
    get_environment,
    list_environments,
    update_environment,
)
from workflows.services.executions.payloads import clean_payload
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import is_owner
from workflows.services.identity.permissions import may

_USE_PAGES: Final = {"schedule": "schedule", "event trigger": "trigger"}


@page("environments/", name="environments", rule="environments:list")
def environments(request: HttpRequest, caller: Caller) -> HttpResponse:
    context = {"rows": list_environments(caller)}
    return render_page(request, "levante/environments/list.html", "Environments", context)


@page(
    "environments/new/", name="environment_new", rule="environments:create", methods=("GET", "POST")
)
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    error = ""
    name = request.POST.get("name", "").strip()
    if request.method == "POST":
        try:
            made = create_environment(
                caller=caller,
                name=name,
                description=request.POST.get("description", "").strip(),
                variables=_variables(request),
                scope=request.POST.get("scope", Scope.PRIVATE),
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Saved the environment {made.name}.")
            return HttpResponseRedirect(reverse("admin:environment", args=[made.pk]))
    context = {
        "name": name,
        "text": request.POST.get("variables", '{\n  "region": "north"\n}'),
        "description": request.POST.get("description", ""),
        "scope": request.POST.get("scope", Scope.PRIVATE),
        "scopes": scopes_for(caller, "environments"),
        "may_write": True,
        "error": error,
    }
    return _form(request, "New environment", context)


@page(
    "environments/<uuid:environment_id>/",
    name="environment",
    rule="environments:get",
    post_rule="environments:update",
    methods=("GET", "POST"),
)
def environment(request: HttpRequest, caller: Caller, environment_id: UUID) -> HttpResponse:
    """One environment; a person who may change it does so here."""
    found = get_environment(caller, str(environment_id))
    error = ""
    if request.method == "POST":
        try:
            _save(request, caller, found)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, found, CHANGE)
            messages.success(request, f"Saved the environment {found.name}.")
            return HttpResponseRedirect(reverse("admin:environment", args=[found.pk]))
    written = json.dumps(found.variables or {}, ensure_ascii=False, indent=2)
    context = {
        "environment": found,
        "text": request.POST.get("variables", written),
        "description": request.POST.get("description", found.description or ""),
        "scope": request.POST.get("scope", found.scope),
        "scopes": scopes_for(caller, "environments", found.scope),
        "uses": [
            (use, find_link(caller, _USE_PAGES[use.kind], use.id))
            for use in list_uses(caller, found)
        ],
        "may_write": may(caller, "environments:update") and is_owner(caller, found),
        "is_own": is_owner(caller, found),
        "error": error,
    }
    return _form(request, f"Environment {found.name}", context)


@page(
    "environments/<uuid:environment_id>/delete/",
    name="environment_delete",
    rule="environments:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, environment_id: UUID) -> HttpResponse:
    found = get_environment(caller, str(environment_id))
    if request.method == "POST":
        delete_environment(caller=caller, name=str(environment_id))
        note(request, found, DELETION)
        messages.success(request, f"The environment {found.name} is deleted.")
        return HttpResponseRedirect(reverse("admin:environments"))
    return render_question(
        request,
        f"Delete {found.name}",
        question=f"Delete the environment {found.name}?",
        consequence="What is running keeps the values it started with. Starts that name this "
        "environment will be refused.",
        back=reverse("admin:environment", args=[environment_id]),
    )


def _save(request: HttpRequest, caller: Caller, found: Environment) -> None:
    changes: dict[str, str | JSONObject] = {
        "description": request.POST.get("description", "").strip(),
        "variables": _variables(request),
        "scope": request.POST.get("scope", found.scope),
    }
    update_environment(caller=caller, name=str(found.pk), changes=changes)


def _variables(request: HttpRequest) -> JSONObject:
    variables = read_json_object(request.POST.get("variables", ""), "The values")
    clean_payload(variables)
    return variables


def _form(request: HttpRequest, title: str, context: dict[str, Any]) -> HttpResponse:
    return render_page(request, "levante/environments/form.html", title, context)
