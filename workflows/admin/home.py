"""The dashboard, and the choice of the project to act for.

The page itself is a frame; each of its parts is read on its own, so that one that takes long holds
up none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from workflows.admin.pages import HOME, PROJECT_KEY, may_open, next_address, page, render_page
from workflows.errors import NotFound, NotPermitted
from workflows.models import ServiceStatus
from workflows.services.identity.identity import FORBIDDEN, Caller
from workflows.services.identity.people import projects_of_person
from workflows.services.operation.fleet import count_alive, list_hosts, list_queues
from workflows.services.operation.service_status import get_status
from workflows.services.pages import overview


@page("", name=HOME)
def home(request: HttpRequest, caller: Caller) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)  # the site lets nobody else in
    context = {
        "has_runs": overview.has_any_run(caller),
        "project": overview.find_project_name(caller),
        "projects": projects_of_person(user),
        "maintenance": None if get_status() == ServiceStatus.RUNNING else get_status(),
        "ranges": [(name, _RANGE_TITLES[name]) for name in overview.RANGES],
        "parts": {name for name, part in _PARTS.items() if part.is_for(caller)},
    }
    return render_page(request, "levante/home.html", "Dashboard", context)


@page("dashboard/series/<slug:span>/", name="dashboard_series", rule="executions:list")
def series(request: HttpRequest, caller: Caller, span: str) -> HttpResponse:
    if span not in overview.RANGES:
        raise NotFound("There is no such range.")
    return JsonResponse(overview.load_series(caller, span))


@page("dashboard/<slug:part>/", name="dashboard_part")
def part(request: HttpRequest, caller: Caller, part: str) -> HttpResponse:
    found = _PARTS.get(part)
    if found is None:
        raise NotFound("There is no such part.")
    if not found.is_for(caller):
        raise NotPermitted(FORBIDDEN)
    context = {"part": part, **found.fill(caller)}
    return render_page(request, f"levante/home_{part}.html", "Dashboard", context)


@page("project/", name="choose_project", methods=("POST",), open_in_maintenance=True)
def choose_project(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Act for another project from now on; one that the person is not in changes nothing."""
    user = request.user
    assert isinstance(user, User)
    wanted = request.POST.get("project", "")
    if any(str(project.pk) == wanted for project in projects_of_person(user)):
        request.session[PROJECT_KEY] = str(UUID(wanted))
    return HttpResponseRedirect(next_address(request, reverse("admin:index")))


def _now(caller: Caller) -> dict[str, Any]:
    live, ended = overview.count_live(caller), overview.count_ended_badly(caller)
    alive, silent = count_alive()
    return {
        "running": live.get("RUNNING", 0),
        "paused": live.get("PAUSED", 0),
        "failed": ended.get("ERROR", 0),
        "cancelled": ended.get("CANCELLED", 0),
        "outside": overview.count_outside(caller),
        "alive": alive,
        "silent": silent,
        "may_see_workers": may_open(caller, "workers"),
    }


def _workflows(caller: Caller) -> dict[str, Any]:
    return {"figures": overview.list_workflow_figures(caller)}


def _failures(caller: Caller) -> dict[str, Any]:
    return {"failures": overview.list_failures(caller)}


def _queues(caller: Caller) -> dict[str, Any]:
    hosts = list_hosts(caller)
    return {"queues": list_queues(hosts)}


def _schedules(caller: Caller) -> dict[str, Any]:
    return {"triggers": overview.list_next_triggers(caller)}


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the dashboard, for whom the page `page` is for, which shows all of the same."""

    page: str
    fill: Callable[[Caller], dict[str, Any]]

    def is_for(self, caller: Caller) -> bool:
        return may_open(caller, self.page)


_PARTS: Final[Mapping[str, _Part]] = {
    "now": _Part("executions", _now),
    "workflows": _Part("executions", _workflows),
    "failures": _Part("executions", _failures),
    "queues": _Part("workers", _queues),
    "schedules": _Part("schedules", _schedules),
}
_RANGE_TITLES: Final = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days"}
