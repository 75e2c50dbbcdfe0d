"""The pages of one workflow: what it looks like, its revisions and their differences."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import content_disposition_header

from workflows.admin.arguments import read_number
from workflows.admin.audit import CHANGE, DELETION, note
from workflows.admin.charts import draw_runs
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page, render_question
from workflows.language.specs import Missing
from workflows.models import WorkflowDefinition, WorkflowRevision
from workflows.services.definitions.definition_graph import build_graph
from workflows.services.definitions.definitions import get_revision, get_workflow, load_spec
from workflows.services.definitions.members import is_sharing_on
from workflows.services.definitions.workflow_uploads import delete_workflow, restore_revision
from workflows.services.identity.identity import Caller
from workflows.services.pages.workflow_overview import (
    count_runs,
    get_workflow_row,
    list_revisions,
    may_change,
)


@page("workflows/<uuid:workflow_id>/", name="workflow", rule="workflows:get")
def workflow(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """The newest revision as a graph, its inputs, and the last runs."""
    row = get_workflow_row(caller, workflow_id)
    revision = row.workflow.revision
    assert revision is not None
    spec = load_spec(revision).spec
    runs = [
        {"run": run, "link": find_link(caller, "execution", run.id)}
        for run in reversed(row.runs[-8:])
    ]
    context = {
        **workflow_frame(caller, row.workflow, "overview"),
        "spec": spec,
        "graph": build_graph(spec),
        "inputs": [
            {
                "name": one.name,
                "is_required": one.is_required,
                "default": None if isinstance(one.default, Missing) else one.default,
            }
            for one in spec.input
        ],
        "outputs": list(spec.output) if isinstance(spec.output, dict) else [],
        "runs": runs,
        "sparkline": draw_runs(row.runs),
        "success_percent": row.success_percent,
    }
    return render_page(
        request, "levante/workflows/detail.html", f"Workflow {row.workflow.name}", context
    )


@page("workflows/<uuid:workflow_id>/revisions/", name="workflow_revisions", rule="workflows:get")
def revisions(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """All revisions, and the difference between two of them."""
    definition = get_workflow(caller, str(workflow_id), "")
    found = list_revisions(definition)
    runs = count_runs(caller, definition)
    newest = found[0].number
    after = read_number(request.GET, "b", newest)
    before = read_number(request.GET, "a", max(after - 1, 1))
    one, other = get_revision(definition, before), get_revision(definition, after)
    context = {
        **workflow_frame(caller, definition, "revisions"),
        "texts": [one.text, other.text],
        "revisions": [
            {
                "revision": one,
                "runs": runs.counts.get(one.pk, 0),
                "has_more_runs": runs.is_cut,
                "is_newest": one.number == newest,
            }
            for one in found
        ],
        "before": one,
        "after": other,
    }
    title = f"Revisions of {definition.name}"
    return render_page(request, "levante/workflows/revisions.html", title, context)


@page(
    "workflows/<uuid:workflow_id>/revisions/<int:number>/",
    name="workflow_revision",
    rule="workflows:get",
)
def revision(request: HttpRequest, caller: Caller, workflow_id: UUID, number: int) -> HttpResponse:
    """One revision as it was written, and drawn."""
    definition = get_workflow(caller, str(workflow_id), "")
    shown = get_revision(definition, number)
    context = {
        **workflow_frame(caller, definition, "revisions"),
        "revision": shown,
        "graph": build_graph(load_spec(shown).spec),
        "is_newest": _is_newest(definition, shown),
    }
    title = f"Revision {number} of {definition.name}"
    return render_page(request, "levante/workflows/revision.html", title, context)


@page(
    "workflows/<uuid:workflow_id>/revisions/<int:number>/text/",
    name="workflow_text",
    rule="workflows:get",
)
def download(request: HttpRequest, caller: Caller, workflow_id: UUID, number: int) -> HttpResponse:
    """One revision as a file, to keep it or to take it to another server."""
    workflow = get_workflow(caller, str(workflow_id), "")
    found = get_revision(workflow, number)
    headers = {"Content-Disposition": content_disposition_header(True, f"{workflow.name}.yaml")}
    return HttpResponse(found.text, content_type="application/yaml; charset=utf-8", headers=headers)


@page(
    "workflows/<uuid:workflow_id>/revisions/<int:number>/restore/",
    name="workflow_restore",
    rule="workflows:update",
    methods=("POST",),
)
def restore(request: HttpRequest, caller: Caller, workflow_id: UUID, number: int) -> HttpResponse:
    before = get_workflow(caller, str(workflow_id), "").revision
    workflow = restore_revision(caller=caller, identifier=str(workflow_id), number=number)
    assert workflow.revision is not None
    if before is not None and before.pk == workflow.revision.pk:
        done = f"Revision {number} says what the newest one says, so that one stays."
    else:
        done = f"Revision {number} is in force again, as revision {workflow.revision.number}."
    note(request, workflow, CHANGE, done)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:workflow_revisions", args=[workflow_id]))


@page(
    "workflows/<uuid:workflow_id>/delete/",
    name="workflow_delete",
    rule="workflows:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    if request.method == "POST":
        gone = get_workflow(caller, str(workflow_id), "")
        delete_workflow(caller=caller, identifier=str(workflow_id))
        note(request, gone, DELETION)
        messages.success(
            request, f"The workflow {gone.name} is deleted. Its runs keep what they run."
        )
        return HttpResponseRedirect(reverse("admin:workflows"))
    definition = get_workflow(caller, str(workflow_id), "")
    return render_question(
        request,
        f"Delete {definition.name}",
        question=f"Delete the workflow {definition.name}?",
        consequence="All revisions go with it. What is running goes on to its end, and its "
        "runs stay in the list. Schedules and other workflows that name it will fail.",
        back=reverse("admin:workflow", args=[workflow_id]),
    )


def workflow_frame(caller: Caller, definition: WorkflowDefinition, tab: str) -> dict[str, Any]:
    """Give what all pages of a workflow show above their contents."""
    return {
        "workflow": definition,
        "tab": tab,
        "is_own": may_change(caller, definition),
        "can_share": is_sharing_on(),
    }


def _is_newest(definition: WorkflowDefinition, revision: WorkflowRevision) -> bool:
    return definition.revision is not None and definition.revision.pk == revision.pk
