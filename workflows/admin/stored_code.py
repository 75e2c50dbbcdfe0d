"""Stored Python code and the actions made of its classes, where the operator allows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from workflows.actions.code import list_classes
from workflows.admin.audit import ADDITION, CHANGE, DELETION, note
from workflows.admin.editor import read_editor_text
from workflows.admin.pages import page, render_page, render_question
from workflows.admin.workflow_editing import posted_text, scopes_for
from workflows.errors import WorkflowsError
from workflows.models import CodeSource, Scope
from workflows.services.definitions.code_sources import (
    create_code_source,
    create_dynamic_action,
    delete_code_source,
    delete_dynamic_action,
    get_code_source,
    get_dynamic_action,
    require_code,
    update_code_source,
    update_dynamic_action,
)
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import is_owner
from workflows.services.identity.permissions import may
from workflows.services.pages.stored_code import (
    check_stored_code,
    list_actions_of,
    list_stored_code,
)

_FIRST_TEXT: Final = '''\
class Twice:
    """Gives its input twice."""

    def __init__(self, x):
        self.x = x

    def run(self, context):
        return 2 * self.x
'''


@page("code/", name="code_sources", rule="code_sources:list")
def code_sources(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The code that there is; where it is switched off, how to switch it on."""
    is_on = settings.LEVANTE_DYNAMIC_ACTIONS
    context = {"is_on": is_on, "rows": list_stored_code(caller) if is_on else []}
    return render_page(request, "levante/code/list.html", "Stored code", context)


@page("code/check/", name="code_check", rule="code_sources:list", methods=("POST",))
def check(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Answer what is wrong with the text in the body, as the editor asks for it."""
    require_code()
    problems = check_stored_code(read_editor_text(request))
    return JsonResponse({"problems": [asdict(one) for one in problems], "workflows": []})


@page("code/new/", name="code_source_new", rule="code_sources:create", methods=("GET", "POST"))
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    require_code()
    text, error = _FIRST_TEXT, ""
    name = request.POST.get("name", "").strip()
    namespace = request.POST.get("namespace", "").strip()
    scope = request.POST.get("scope", Scope.PRIVATE)
    if request.method == "POST":
        text = posted_text(request)
        try:
            made = create_code_source(
                caller=caller, name=name, namespace=namespace, scope=scope, content=text
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Saved the code {made.name}.")
            return HttpResponseRedirect(reverse("admin:code_source", args=[made.pk]))
    context = {
        "name": name,
        "namespace": namespace,
        "text": text,
        "scope": scope,
        "scopes": scopes_for(caller, "code_sources"),
        "may_write": True,
        "error": error,
    }
    return render_page(request, "levante/code/source.html", "New code", context)


@page(
    "code/<uuid:source_id>/",
    name="code_source",
    rule="code_sources:get",
    post_rule="code_sources:update",
    methods=("GET", "POST"),
)
def code_source(request: HttpRequest, caller: Caller, source_id: UUID) -> HttpResponse:
    """One module: its text, and the actions made of it."""
    require_code()
    found = get_code_source(caller, str(source_id), "")
    text, error = found.content, ""
    scope = request.POST.get("scope", found.scope)
    if request.method == "POST":
        text = posted_text(request)
        try:
            saved = update_code_source(
                caller=caller, identifier=str(source_id), namespace="", scope=scope, content=text
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, saved, CHANGE, f"Version {saved.version}")
            messages.success(request, f"Saved {saved.name} as version {saved.version}.")
            return HttpResponseRedirect(reverse("admin:code_source", args=[source_id]))
    context = _source_page(caller, found) | {"text": text, "scope": scope, "error": error}
    return render_page(request, "levante/code/source.html", f"Code {found.name}", context)


@page(
    "code/<uuid:source_id>/delete/",
    name="code_source_delete",
    rule="code_sources:delete",
    methods=("GET", "POST"),
)
def delete(request: HttpRequest, caller: Caller, source_id: UUID) -> HttpResponse:
    require_code()
    found = get_code_source(caller, str(source_id), "")
    if request.method == "POST":
        delete_code_source(caller=caller, identifier=str(source_id), namespace="")
        note(request, found, DELETION)
        messages.success(request, f"The code {found.name} is deleted.")
        return HttpResponseRedirect(reverse("admin:code_sources"))
    names = ", ".join(action.name for action in list_actions_of(caller, [source_id]))
    return render_question(
        request,
        f"Delete {found.name}",
        question=f"Delete the code {found.name}?",
        consequence=(f"The actions made of it go with it: {names}. " if names else "")
        + "Tasks that name such an action and start later will fail.",
        back=reverse("admin:code_source", args=[source_id]),
    )


@page(
    "code/<uuid:source_id>/actions/",
    name="dynamic_action_new",
    rule="dynamic_actions:create",
    methods=("POST",),
)
def make_action(request: HttpRequest, caller: Caller, source_id: UUID) -> HttpResponse:
    """Make an action of a class; what is wrong with it is told on the page of the code."""
    require_code()
    found = get_code_source(caller, str(source_id), "")
    name = request.POST.get("name", "").strip()
    class_name = request.POST.get("class_name", "").strip()
    try:
        made = create_dynamic_action(
            caller=caller,
            name=name,
            class_name=class_name,
            source=str(source_id),
            namespace=found.namespace,
            scope=request.POST.get("scope", Scope.PRIVATE),
        )
    except WorkflowsError as refused:
        context = _source_page(caller, found) | {
            "text": found.content,
            "scope": found.scope,
            "action_name": name,
            "class_name": class_name,
            "action_error": refused.message,
        }
        title = f"Code {found.name}"
        return render_page(request, "levante/code/source.html", title, context, status=400)
    note(request, made, ADDITION)
    messages.success(request, f"Made the action {made.name}.")
    return HttpResponseRedirect(reverse("admin:code_source", args=[source_id]))


@page(
    "code/actions/<uuid:action_id>/",
    name="dynamic_action",
    rule="dynamic_actions:get",
    post_rule="dynamic_actions:update",
    methods=("GET", "POST"),
)
def dynamic_action(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    """Which class an action is, and who sees it."""
    require_code()
    found = get_dynamic_action(caller, str(action_id), "")
    class_name = request.POST.get("class_name", found.class_name).strip()
    scope = request.POST.get("scope", found.scope)
    error = ""
    if request.method == "POST":
        try:
            saved = update_dynamic_action(
                caller=caller,
                identifier=str(action_id),
                namespace="",
                class_name=class_name,
                source=None,
                scope=scope,
            )
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, saved, CHANGE)
            messages.success(request, f"Saved the action {saved.name}.")
            return HttpResponseRedirect(reverse("admin:code_source", args=[saved.code_source_id]))
    context = {
        "action": found,
        "source": found.code_source,
        "class_name": class_name,
        "classes": _classes(found.code_source),
        "scope": scope,
        "scopes": scopes_for(caller, "dynamic_actions", found.scope),
        "is_own": is_owner(caller, found),
        "error": error,
    }
    return render_page(request, "levante/code/action.html", f"Action {found.name}", context)


@page(
    "code/actions/<uuid:action_id>/delete/",
    name="dynamic_action_delete",
    rule="dynamic_actions:delete",
    methods=("GET", "POST"),
)
def delete_action(request: HttpRequest, caller: Caller, action_id: UUID) -> HttpResponse:
    require_code()
    found = get_dynamic_action(caller, str(action_id), "")
    back = reverse("admin:code_source", args=[found.code_source_id])
    if request.method == "POST":
        delete_dynamic_action(caller=caller, identifier=str(action_id), namespace="")
        note(request, found, DELETION)
        messages.success(request, f"The action {found.name} is deleted.")
        return HttpResponseRedirect(back)
    return render_question(
        request,
        f"Delete {found.name}",
        question=f"Delete the action {found.name}?",
        consequence="The code stays. Tasks that name the action and start later will fail.",
        back=back,
    )


def _source_page(caller: Caller, source: CodeSource) -> dict[str, Any]:
    """Give what the page of a module shows beside its text."""
    sees_actions = may(caller, "dynamic_actions:list")
    return {
        "source": source,
        "classes": _classes(source),
        "actions": list_actions_of(caller, [source.pk]) if sees_actions else [],
        "scopes": scopes_for(caller, "code_sources", source.scope),
        "is_own": is_owner(caller, source),
        "may_write": is_owner(caller, source) and may(caller, "code_sources:update"),
    }


def _classes(source: CodeSource) -> list[str]:
    return list_classes(source.content)
