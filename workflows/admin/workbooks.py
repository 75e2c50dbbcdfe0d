"""Workbooks: texts of workflows and actions that belong together, stored in one go."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.editor import editor_addresses
from workflows.admin.pages import page, render_page, render_question
from workflows.admin.workflow_editing import posted_text, scopes_for
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.language.parser import parse_workbook
from workflows.models import Scope, WorkbookDefinition
from workflows.services.definitions.workbook_uploads import (
    create_workbook,
    delete_workbook,
    update_workbook,
)
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import may
from workflows.services.pages.workbooks import get_workbook_of_id, list_members, list_workbooks

_FIRST_TEXT: Final = """\
version: '2.0'
name: greetings

actions:
  hail:
    input: [name]
    base: std.echo
    base-input:
      output: Hello <% $.name %>

workflows:
  greet:
    input:
      - name: Ann
    tasks:
      say:
        action: hail name=<% $.name %>
"""


@page("workbooks/", name="workbooks", rule="workbooks:list")
def workbooks(request: HttpRequest, caller: Caller) -> HttpResponse:
    context = {"rows": list_workbooks(caller)}
    return render_page(request, "levante/workbooks/list.html", "Workbooks", context)


@page("workbooks/new/", name="workbook_new", rule="workbooks:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Write a workbook; saving stores its workflows and actions as well."""
    text, error = _FIRST_TEXT, ""
    namespace = request.POST.get("namespace", "").strip()
    scope = request.POST.get("scope", Scope.PRIVATE)
    if request.method == "POST":
        text = posted_text(request)
        try:
            made = create_workbook(caller=caller, text=text, namespace=namespace, scope=scope)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Saved the workbook {made.name} and what it holds.")
            return HttpResponseRedirect(reverse("admin:workbook", args=[made.pk]))
    context = {
        **editor_addresses("workbook", namespace),
        "text": text,
        "namespace": namespace,
        "scope": scope,
        "scopes": scopes_for(caller, "workbooks"),
        "may_write": True,
        "error": error,
    }
    return render_page(request, "levante/workbooks/form.html", "New workbook", context)


@page(
    "workbooks/<uuid:workbook_id>/",
    name="workbook",
    rule="workbooks:get",
    post_rule="workbooks:update",
    methods=("GET", "POST"),
)
def workbook(request: HttpRequest, caller: Caller, workbook_id: UUID) -> HttpResponse:
    """One workbook: its text, and the workflows and actions that were made of it."""
    found = get_workbook_of_id(caller, workbook_id)
    text, error = found.text, ""
    scope = request.POST.get("scope", found.scope)
    if request.method == "POST":
        text = posted_text(request)
        try:
            _save(caller, found, text, scope)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, found, CHANGE)
            messages.success(request, f"Saved the workbook {found.name} and what it holds.")
            return HttpResponseRedirect(reverse("admin:workbook", args=[workbook_id]))
    is_own = _is_own(caller, found)
    context = {
        **editor_addresses("workbook", found.namespace),
        "workbook": found,
        "members": list_members(found),
        "text": text,
        "scope": scope,
        "scopes": scopes_for(caller, "workbooks", found.scope),
        "is_own": is_own,
        "may_write": is_own and may(caller, "workbooks:update"),
        "error": error,
    }
    return render_page(request, "levante/workbooks/form.html", f"Workbook {found.name}", context)


@page(
    "workbooks/<uuid:workbook_id>/delete/",
    name="workbook_delete",
    rule="workbooks:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, workbook_id: UUID) -> HttpResponse:
    found = get_workbook_of_id(caller, workbook_id)
    if request.method == "POST":
        _require_own(caller, found)
        delete_workbook(caller=caller, name=found.name, namespace=found.namespace)
        note(request, found, DELETION)
        messages.success(request, f"The workbook {found.name} is deleted.")
        return HttpResponseRedirect(reverse("admin:workbooks"))
    return render_question(
        request,
        f"Delete {found.name}",
        question=f"Delete the workbook {found.name}?",
        consequence="Its workflows and actions stay.",
        back=reverse("admin:workbook", args=[workbook_id]),
    )


def _save(caller: Caller, found: WorkbookDefinition, text: str, scope: str) -> None:
    """Store the next text; it has to be of the same workbook, for texts are stored by name."""
    _require_own(caller, found)
    name = parse_workbook(text).workbook.name
    if name != found.name:
        raise RequestInvalid(f"The text is of the workbook {name}; this one is {found.name}.")
    update_workbook(caller=caller, text=text, namespace=found.namespace, scope=scope)


def _is_own(caller: Caller, found: WorkbookDefinition) -> bool:
    """Tell whether the workbook is of the caller's project: one of another has to be acted for."""
    return found.project_id == caller.project_id


def _require_own(caller: Caller, found: WorkbookDefinition) -> None:
    if not _is_own(caller, found):
        raise RequestInvalid(f"Act for the project {found.project.name} to change this workbook.")
