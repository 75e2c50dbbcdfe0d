"""The editor page: a new workflow, or a new revision of one."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.arguments import read_number
from workflows.admin.audit import ADDITION, CHANGE, note
from workflows.admin.editor import editor_addresses
from workflows.admin.pages import page, render_page
from workflows.admin.workflow_pages import workflow_frame
from workflows.errors import Conflict, WorkflowsError
from workflows.models import Scope
from workflows.services.definitions.definitions import get_revision, get_workflow
from workflows.services.definitions.workflow_uploads import create_workflows, update_workflow
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import may

_FIRST_TEXT: Final = """\
version: '2.0'

greeting:
  description: Greets everybody on a list.
  input:
    - names: [Ann, Bo]

  output:
    greetings: <% $.greetings %>

  tasks:
    greet:
      with-items: name in <% $.names %>
      action: std.echo output="Hello <% $.name %>"
      publish:
        greetings: <% task().result %>
      on-success: done
      on-error: fail

    done:
      action: std.noop
"""

_COMMENT_LENGTH: Final = 500


@page("workflows/new/", name="workflow_new", rule="workflows:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Write a text of one workflow or more; saving stores them as new ones."""
    text, error = _FIRST_TEXT, ""
    namespace = request.POST.get("namespace", "").strip()
    scope = request.POST.get("scope", Scope.PRIVATE)
    if request.method == "POST":
        text = posted_text(request)
        try:
            made = create_workflows(caller=caller, text=text, namespace=namespace, scope=scope)
        except WorkflowsError as refused:
            error = refused.message
        else:
            for workflow in made:
                note(request, workflow, ADDITION)
            return _saved_new(request, [workflow.name for workflow in made], made[0].pk)
    context = {
        **editor_addresses("workflow", namespace),
        "text": text,
        "namespace": namespace,
        "scope": scope,
        "scopes": scopes_for(caller, "workflows"),
        "error": error,
    }
    title = "New workflow"
    return render_page(request, "levante/workflows/new.html", title, context)


@page(
    "workflows/<uuid:workflow_id>/edit/",
    name="workflow_edit",
    rule="workflows:update",
    methods=("GET", "POST"),
)
def edit(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """Write the next revision. One that somebody else has stored meanwhile is not passed over."""
    workflow = get_workflow(caller, str(workflow_id), "")
    newest = workflow.revision
    assert newest is not None
    text, error = "", ""
    if request.method == "POST":
        text = posted_text(request)
        try:
            saved = update_workflow(
                caller=caller,
                identifier=str(workflow.pk),
                text=text,
                scope=request.POST.get("scope", workflow.scope),
                comment=request.POST.get("comment", "").strip()[:_COMMENT_LENGTH],
                base_number=read_number(request.POST, "base", 0),
            )
        except Conflict as refused:
            error = f"{refused.message} Your text is kept below; save again to put it on top."
        except WorkflowsError as refused:
            error = refused.message
        else:
            assert saved.revision is not None
            if saved.revision.number == newest.number:
                done = f"The text is as it was, so revision {newest.number} stays."
            else:
                done = f"Saved as revision {saved.revision.number}."
            note(request, saved, CHANGE, done)
            messages.success(request, done)
            return HttpResponseRedirect(reverse("admin:workflow", args=[workflow.pk]))
    context = {
        **workflow_frame(caller, workflow, "edit"),
        **editor_addresses("workflow", workflow.namespace),
        "text": text or get_revision(workflow, newest.number).text,
        "base": newest.number,
        "comment": request.POST.get("comment", ""),
        "scope": request.POST.get("scope", workflow.scope),
        "scopes": scopes_for(caller, "workflows", workflow.scope),
        "error": error,
    }
    title = f"Edit {workflow.name}"
    return render_page(request, "levante/workflows/edit.html", title, context)


def _saved_new(request: HttpRequest, names: list[str], first: UUID) -> HttpResponse:
    what = "Saved the workflow" if len(names) == 1 else "Saved the workflows"
    messages.success(request, f"{what} {', '.join(names)}.")
    if len(names) == 1:
        return HttpResponseRedirect(reverse("admin:workflow", args=[first]))
    return HttpResponseRedirect(reverse("admin:workflows"))


def posted_text(request: HttpRequest) -> str:
    """Return the text as it was written: browsers send the ends of lines as CR LF."""
    return request.POST.get("text", "").replace("\r\n", "\n")


def scopes_for(caller: Caller, kind: str, current: str = Scope.PRIVATE) -> list[Any]:
    """Give what somebody may choose; what is public shows that to everybody."""
    is_free = may(caller, f"{kind}:publicize")
    return [scope for scope in Scope if is_free or scope in (Scope.PRIVATE, current)]
