"""The index of the site, and the choice of the project to act for."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.pages import HOME, PROJECT_KEY, next_address, page, render_page
from workflows.services.identity import Caller
from workflows.services.people import projects_of_person


@page("", name=HOME)
def home(request: HttpRequest, caller: Caller) -> HttpResponse:
    return render_page(request, "levante/home.html", "Dashboard")


@page("project/", name="choose_project", methods=("POST",))
def choose_project(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Act for another project from now on; one that the person is not in changes nothing."""
    wanted = request.POST.get("project", "")
    if any(str(project.pk) == wanted for project in projects_of_person(request.user)):  # type: ignore[arg-type]
        request.session[PROJECT_KEY] = str(UUID(wanted))
    return HttpResponseRedirect(next_address(request, reverse("admin:index")))
