"""Sharing: the projects that a workflow is offered to, and what others offer to one's own."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import CHANGE, note
from workflows.admin.pages import page, render_page, render_question
from workflows.admin.workflow_pages import workflow_frame
from workflows.errors import Conflict, RequestInvalid, WorkflowsError
from workflows.models import MemberStatus, Scope, WorkflowDefinition
from workflows.services.definitions.definitions import get_workflow
from workflows.services.definitions.members import (
    add_member,
    answer_member,
    get_member,
    remove_member,
    require_sharing,
)
from workflows.services.identity.identity import Caller
from workflows.services.pages.sharing import (
    find_project_id,
    list_offers,
    list_shares,
    project_names,
)

_DONE = {MemberStatus.ACCEPTED: "accepted", MemberStatus.REJECTED: "refused"}


@page(
    "workflows/<uuid:workflow_id>/sharing/",
    name="workflow_sharing",
    rule="members:list",
    post_rule="members:create",
    methods=("GET", "POST"),
)
def sharing(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """The projects that a workflow is shared with; its owner offers it to another one here."""
    require_sharing()
    definition = get_workflow(caller, str(workflow_id), "")
    error, text = "", request.POST.get("project", "").strip()
    if request.method == "POST":
        try:
            _offer(caller, definition, text)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, definition, CHANGE, f"Offered to {text}")
            messages.success(request, f"Offered to {text}, which has to accept.")
            return HttpResponseRedirect(reverse("admin:workflow_sharing", args=[workflow_id]))
    context = {
        **workflow_frame(caller, definition, "sharing"),
        "shares": list_shares(caller, definition),
        "is_private": definition.scope == Scope.PRIVATE,
        "project": text,
        "error": error,
    }
    title = f"Sharing of {definition.name}"
    return render_page(request, "levante/workflows/sharing.html", title, context)


@page(
    "workflows/<uuid:workflow_id>/sharing/<uuid:member_id>/remove/",
    name="workflow_unshare",
    rule="members:delete",
    methods=("GET", "POST"),
)
def unshare(
    request: HttpRequest, caller: Caller, workflow_id: UUID, member_id: UUID
) -> HttpResponse:
    require_sharing()
    workflow = get_member(caller, workflow_id, member_id).workflow
    name = project_names([member_id]).get(member_id, str(member_id))
    back = reverse("admin:workflow_sharing", args=[workflow_id])
    if request.method == "POST":
        remove_member(caller=caller, workflow_id=workflow_id, member_id=member_id)
        note(request, workflow, CHANGE, f"No longer shared with {name}")
        messages.success(request, f"{workflow.name} is not shared with {name} any more.")
        return HttpResponseRedirect(back)
    return render_question(
        request,
        f"End the sharing of {workflow.name}",
        question=f"End the sharing of {workflow.name} with {name}?",
        consequence="The project can start it no longer. What it has started goes on.",
        back=back,
        button="End it",
    )


@page("workflows/offers/", name="workflow_offers", rule="members:list")
def offers(request: HttpRequest, caller: Caller) -> HttpResponse:
    """What other projects share with the one that somebody acts for."""
    require_sharing()
    context = {"offers": list_offers(caller)}
    return render_page(request, "levante/workflows/offers.html", "Shared by others", context)


@page(
    "workflows/offers/<uuid:workflow_id>/",
    name="workflow_offer_answer",
    rule="members:update",
    methods=("POST",),
)
def answer(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """Accept what was offered, or refuse it; either may be changed later."""
    require_sharing()
    status = request.POST.get("status", "")
    if status not in _DONE:
        raise RequestInvalid("Accept it, or refuse it.")
    member = answer_member(
        caller=caller, workflow_id=workflow_id, member_id=caller.project_id, status=status
    )
    done = _DONE[MemberStatus(status)]
    note(request, member.workflow, CHANGE, f"Offer {done}")
    messages.success(request, f"{member.workflow.name}: {done}.")
    return HttpResponseRedirect(reverse("admin:workflow_offers"))


def _offer(caller: Caller, workflow: WorkflowDefinition, text: str) -> None:
    if not text:
        raise RequestInvalid("Name the project.")
    project_id = find_project_id(text)
    if project_id == workflow.project_id:
        raise RequestInvalid("That is the project that the workflow belongs to.")
    try:
        add_member(caller=caller, workflow_id=workflow.pk, member_id=project_id)
    except Conflict as error:
        raise Conflict(f"It is shared with {text} already.") from error
