"""Projects, their members and roles; for administrators."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.audit import ADDITION, CHANGE, note
from workflows.admin.pages import page, render_page
from workflows.errors import WorkflowsError
from workflows.models import Role
from workflows.services.identity.identity import Caller
from workflows.services.identity.project_roles import (
    create_project,
    get_project,
    list_projects,
    list_user_names,
    remove_member,
    rename_project,
    set_role,
)

_MEANINGS = {
    Role.VIEWER: "sees everything of the project",
    Role.OPERATOR: "starts, pauses, cancels and reruns, too",
    Role.AUTHOR: "changes definitions, too",
    Role.ADMIN: "may do everything, in all projects",
}


@page("projects/", name="projects", role=Role.ADMIN, methods=("GET", "POST"))
def projects(request: HttpRequest, caller: Caller) -> HttpResponse:
    error = ""
    name = request.POST.get("name", "").strip()
    if request.method == "POST":
        try:
            made = create_project(caller=caller, name=name)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, made, ADDITION)
            messages.success(request, f"Made the project {made.name}.")
            return HttpResponseRedirect(reverse("admin:project", args=[made.pk]))
    context = {"rows": list_projects(caller), "name": name, "error": error}
    return render_page(request, "levante/people/projects.html", "Projects", context)


@page("projects/<uuid:project_id>/", name="project", role=Role.ADMIN, methods=("GET", "POST"))
def project(request: HttpRequest, caller: Caller, project_id: UUID) -> HttpResponse:
    """One project: its name, who is in it, and as what."""
    error = ""
    if request.method == "POST":
        try:
            done = _change(request, caller, project_id)
        except WorkflowsError as refused:
            error = refused.message
        else:
            note(request, get_project(caller, project_id), CHANGE, done)
            messages.success(request, done)
            return HttpResponseRedirect(reverse("admin:project", args=[project_id]))
    found = get_project(caller, project_id)
    members = list(found.memberships.all())
    names = {member.user.get_username() for member in members}
    context = {
        "project": found,
        "members": members,
        "others": [name for name in list_user_names() if name not in names],
        "roles": [(role, _MEANINGS[role]) for role in Role],
        "default_role": Role.AUTHOR,
        "new_user_link": reverse("admin:auth_user_add"),
        "error": error,
    }
    return render_page(request, "levante/people/project.html", f"Project {found.name}", context)


def _change(request: HttpRequest, caller: Caller, project_id: UUID) -> str:
    """Carry out one of the forms of the page and say what was done."""
    what = request.POST.get("what")
    user = request.POST.get("user", "")
    if what == "rename":
        name = request.POST.get("name", "").strip()
        renamed = rename_project(caller=caller, project_id=project_id, name=name)
        return f"The project is called {renamed.name} now."
    if what == "remove":
        remove_member(caller=caller, project_id=project_id, user_name=user)
        return f"{user} is no member any more."
    role = request.POST.get("role", "")
    set_role(caller=caller, project_id=project_id, user_name=user, role=role)
    return f"{user} is {role} of this project."
