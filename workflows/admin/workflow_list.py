"""The list of workflows: what there is, and how its last runs went."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from workflows.admin.arguments import parse_row_id
from workflows.admin.charts import draw_runs
from workflows.admin.links import find_link
from workflows.admin.pages import page, render_page
from workflows.services.definitions.members import is_sharing_on
from workflows.services.identity.identity import Caller
from workflows.services.pages.sharing import count_unanswered
from workflows.services.pages.workflow_overview import (
    WorkflowFilter,
    WorkflowPage,
    WorkflowRow,
    list_namespaces,
    list_workflow_rows,
)

_PAGE_SIZE: Final = 25


@page("workflows/", name="workflows", rule="workflows:list")
def workflows(request: HttpRequest, caller: Caller) -> HttpResponse:
    wanted = WorkflowFilter(
        text=request.GET.get("q", "").strip(),
        namespace=request.GET.get("namespace", ""),
        tag=request.GET.get("tag", "").strip(),
        is_all_projects=caller.is_admin and request.GET.get("all") == "1",
    )
    found = list_workflow_rows(caller, wanted, after=_cursor(request), size=_PAGE_SIZE)
    query = {
        name: str(value) for name, value in request.GET.items() if name not in ("after", "partial")
    }
    context = {
        "rows": [_row(caller, row) for row in found.rows],
        "wanted": wanted,
        "is_narrowed": wanted != WorkflowFilter(),
        "namespaces": list_namespaces(caller),
        "next": f"?{urlencode({**query, 'after': _cursor_text(found)})}" if found.has_more else "",
        "can_share": is_sharing_on(),
        "unanswered": count_unanswered(caller),
        "first": f"?{urlencode(query)}" if request.GET.get("after") else "",
    }
    return render_page(request, "levante/workflows/list.html", "Workflows", context)


def _cursor(request: HttpRequest) -> tuple[str, UUID] | None:
    """Read behind which workflow the page starts: a name and an id."""
    text = request.GET.get("after", "")
    name, _, key = text.rpartition(" ")
    return (name, parse_row_id("after", key)) if text else None


def _cursor_text(page: WorkflowPage) -> str:
    last = page.rows[-1].workflow
    return f"{last.name} {last.pk}"


def _row(caller: Caller, row: WorkflowRow) -> dict[str, Any]:
    last = row.last_run
    return {
        "workflow": row.workflow,
        "revision": row.workflow.revision,
        "last": last,
        "last_link": find_link(caller, "execution", last.id) if last else "",
        "success_percent": row.success_percent,
        "runs": draw_runs(row.runs),
    }
