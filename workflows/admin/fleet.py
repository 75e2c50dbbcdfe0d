"""Workers and queues, Flower behind our log-in, and the condition of the whole service."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse

from workflows.admin.pages import may_open, page, render_page
from workflows.models import Role, ServiceStatus
from workflows.services.identity.identity import Caller
from workflows.services.operation import condition
from workflows.services.operation.diagnosis import find_problems
from workflows.services.operation.fleet import list_hosts, list_queues
from workflows.services.operation.maintenance import set_status
from workflows.services.operation.service_status import get_status
from workflows.services.pages import overview
from workflows.services.pages.flower import fetch_flower, has_flower
from workflows.services.pages.run_lists import waiting_for_a_result

# The one script inside of a page of Flower, word for word; any other one stays forbidden.
_FLOWER_SCRIPTS: Final = ("\nvar autorefresh = 1;\n", "\nvar autorefresh = 0;\n")
_FLOWER_HASHES: Final = " ".join(
    f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in _FLOWER_SCRIPTS
)
_FLOWER_POLICY: Final = (
    f"default-src 'self'; script-src 'self' {_FLOWER_HASHES}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_PAGE: Final = 50


@page("workers/", name="workers", role=Role.OPERATOR)
def workers(request: HttpRequest, caller: Caller) -> HttpResponse:
    hosts = list_hosts(caller)
    context = {
        "hosts": hosts,
        "queues": list_queues(hosts),
        "may_see_flower": has_flower() and may_open(caller, "flower"),
    }
    return render_page(request, "levante/workers.html", "Workers and queues", context)


@page("flower/", name="flower", role=Role.ADMIN)
def flower_home(request: HttpRequest, caller: Caller) -> StreamingHttpResponse:
    return _flower(request, "")


@page(
    "flower/tasks/datatable",
    name="flower_tasks",
    role=Role.ADMIN,
    methods=("GET", "POST"),
    only_reads=True,
)
def flower_tasks(request: HttpRequest, caller: Caller) -> StreamingHttpResponse:
    """The rows of Flower's table of tasks. Its script asks by POST; Flower is asked by GET."""
    query = request.POST if request.method == "POST" else request.GET
    return _show_flower("tasks/datatable", query.urlencode())


@page("flower/<path:path>", name="flower_page", role=Role.ADMIN)
def flower_page(request: HttpRequest, caller: Caller, path: str) -> StreamingHttpResponse:
    return _flower(request, path)


def _flower(request: HttpRequest, path: str) -> StreamingHttpResponse:
    """Pass on what Flower shows. Only reading: its buttons answer that this is not allowed."""
    return _show_flower(path, request.META.get("QUERY_STRING", ""))


def _show_flower(path: str, query: str) -> StreamingHttpResponse:
    found = fetch_flower(path, query)
    headers = {**found.headers, "Content-Security-Policy": _FLOWER_POLICY}
    return StreamingHttpResponse(found.content, status=found.status, headers=headers)


@page("open-actions/", name="open_actions", rule="action_executions:list")
def open_actions(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List asynchronous actions whose result somebody has to report, the oldest first."""
    found = waiting_for_a_result(caller).select_related("execution", "task").only(
        "name", "state", "created_at", "is_sync", "execution__workflow_name", "task__name",
    )  # fmt: skip
    context = {
        "rows": list(found.order_by("created_at", "id")[:_PAGE]),
        "most": _PAGE,
        "may_operate": may_open(caller, "action_complete"),
    }
    return render_page(request, "levante/open_actions.html", "Waiting for a result", context)


@page("system/", name="system", rule="maintenance:get")
def system(request: HttpRequest, caller: Caller) -> HttpResponse:
    status = get_status()
    context: dict[str, Any] = {
        "checks": condition.run_checks(),
        "findings": find_problems(),
        "versions": condition.list_versions(),
        "settings": condition.list_settings(),
        "status": status,
        "is_running": status == ServiceStatus.RUNNING,
        "live": overview.count_live_of_all(),
        "at_work": overview.count_unfinished_tasks(),
    }
    return render_page(request, "levante/system.html", "System", context)


@page(
    "system/maintenance/",
    name="maintenance",
    rule="maintenance:update",
    methods=("POST",),
    open_in_maintenance=True,
)
def maintenance(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Begin or end maintenance."""
    wanted = request.POST.get("status", "")
    status = set_status(status=wanted, actor=caller.name)
    messages.success(request, f"The service is {status.lower()}.")
    return HttpResponseRedirect(reverse("admin:system"))
