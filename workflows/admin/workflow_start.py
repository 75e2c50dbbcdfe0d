"""The run form of a workflow, and what it looks like as a REST call and a command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from workflows.admin.equivalents import Start, as_command, as_request
from workflows.admin.json_text import read_json_object
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page
from workflows.admin.run_fields import FilledForm, make_fields, read_fields
from workflows.admin.workflow_pages import workflow_frame
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.language.specs import WorkflowSpec
from workflows.models import WorkflowDefinition
from workflows.services.definitions.definitions import get_workflow, load_spec
from workflows.services.definitions.environments import list_environments
from workflows.services.executions.executions import start_execution
from workflows.services.identity.identity import Caller
from workflows.services.operation.addresses import base_url


@dataclass(frozen=True, slots=True)
class RunForm:
    """A run form that was filled in; `error` is about it as a whole."""

    filled: FilledForm
    params: JSONObject
    error: str = ""

    @property
    def is_valid(self) -> bool:
        return self.filled.is_valid and not self.error


@page(
    "workflows/<uuid:workflow_id>/run/",
    name="workflow_run",
    rule="executions:create",
    methods=("GET", "POST"),
)
def run(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    definition = get_workflow(caller, str(workflow_id), "")
    spec = _spec(definition)
    if request.method == "GET":
        blank = RunForm(FilledForm(make_fields(spec.input), {}), {})
        return _render(request, caller, definition, blank)
    form = _read(request, spec)
    if not form.is_valid:
        return _render(request, caller, definition, form, status=400)
    try:
        execution = start_execution(
            project_id=caller.project_id,
            workflow=str(definition.pk),
            namespace=definition.namespace,
            input=form.filled.input,
            params=form.params,
            description=request.POST.get("description", "").strip(),
            is_admin=caller.is_admin,
            actor=caller.name,
        )
    except WorkflowsError as refused:
        failed = RunForm(form.filled, form.params, refused.message)
        return _render(request, caller, definition, failed, status=400)
    messages.success(request, f"Started {definition.name}.")
    link = find_link(caller, "execution", execution.pk)
    return HttpResponseRedirect(link or reverse("admin:workflow", args=[workflow_id]))


@page(
    "workflows/<uuid:workflow_id>/run/preview/",
    name="workflow_run_preview",
    rule="executions:create",
    methods=("POST",),
    open_in_maintenance=True,
)
def preview(request: HttpRequest, caller: Caller, workflow_id: UUID) -> HttpResponse:
    """Answer what the form as it stands would send."""
    definition = get_workflow(caller, str(workflow_id), "")
    form = _read(request, _spec(definition))
    return JsonResponse(_equivalents(request, definition, form))


def _spec(definition: WorkflowDefinition) -> WorkflowSpec:
    assert definition.revision is not None
    return load_spec(definition.revision).spec


def _read(request: HttpRequest, spec: WorkflowSpec) -> RunForm:
    filled = read_fields(spec.input, request.POST.dict())
    error = "" if filled.is_valid else "Some inputs are not right yet."
    params: JSONObject = {}
    try:
        params = read_json_object(request.POST.get("params", ""), "The params")
    except RequestInvalid as refused:
        error = refused.message
    environment = request.POST.get("environment", "")
    if environment:
        params["env"] = environment
    target = request.POST.get("task_name", "")
    if target:
        params["task_name"] = target
    return RunForm(filled, params, error)


def _equivalents(
    request: HttpRequest, definition: WorkflowDefinition, form: RunForm
) -> dict[str, str]:
    start = Start(
        workflow=definition.name,
        namespace=definition.namespace,
        input=form.filled.input,
        params=form.params,
        description=request.POST.get("description", "").strip(),
    )
    return {"request": as_request(start, base_url(request)), "command": as_command(start)}


def _render(
    request: HttpRequest,
    caller: Caller,
    definition: WorkflowDefinition,
    form: RunForm,
    *,
    status: int = 200,
) -> HttpResponse:
    spec = _spec(definition)
    texts = _equivalents(request, definition, form)
    context: dict[str, Any] = {
        **workflow_frame(caller, definition, "run"),
        "fields": form.filled.fields,
        "error": form.error,
        "environments": list_environments(caller),
        "environment": request.POST.get("environment", ""),
        "targets": list(spec.tasks) if spec.type == "reverse" else [],
        "target": request.POST.get("task_name", ""),
        "params": request.POST.get("params", ""),
        "description": request.POST.get("description", ""),
        "request_text": texts["request"],
        "command_text": texts["command"],
    }
    title = f"Run {definition.name}"
    return render_page(request, "levante/workflows/run.html", title, context, status=status)
