"""The panel of a task, and single payloads: pages that open over others and have addresses too."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from workflows.admin.arguments import read_choice, read_id
from workflows.admin.pages import page, render_page
from workflows.admin.run_buttons import can_complete, task_buttons
from workflows.engine.states import State
from workflows.services.executions.payload_reads import read_payload
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import require_permission
from workflows.services.pages.run_changes import count_items
from workflows.services.pages.run_lists import get_task
from workflows.services.pages.task_details import (
    count_item_states,
    describe_policies,
    find_causes_of_start,
    find_task_spec,
    list_attempts,
    list_children,
    list_items,
    list_ways,
)
from workflows.services.pages.task_waits import explain_wait

# Characters of a payload on a page; the rest is for the download.
MOST_CHARACTERS: Final = 100_000
_PAYLOAD_RULES: Final = {
    "executions": "executions:get",
    "tasks": "tasks:get",
    "actions": "action_executions:get",
}


@page(
    "executions/<uuid:execution_id>/tasks/<uuid:task_id>/", name="execution_task", rule="tasks:get"
)
def task(request: HttpRequest, caller: Caller, execution_id: UUID, task_id: UUID) -> HttpResponse:
    found = get_task(caller, execution_id, task_id)
    spec = find_task_spec(found)
    has_items = found.items_total is not None
    attempts = [] if has_items else list_attempts(found)
    context = {
        "task": found,
        "execution": found.execution,
        "spec": spec,
        "buttons": task_buttons(caller, found, found.execution),
        "waits": explain_wait(found),
        "policies": describe_policies(spec),
        "causes": find_causes_of_start(found),
        "ways": list_ways(found),
        "attempts": [(one, can_complete(caller, one.action)) for one in attempts],
        "children": list_children(found) if found.type == "WORKFLOW" else [],
        "items": count_items([found]).get(found.pk),
        "figures": count_item_states(found) if has_items and found.type != "WORKFLOW" else None,
    }
    title = f"Task {found.name}"
    return render_page(request, "levante/task.html", title, context)


@page(
    "executions/<uuid:execution_id>/tasks/<uuid:task_id>/items/",
    name="task_items",
    rule="action_executions:list",
)
def items(request: HttpRequest, caller: Caller, execution_id: UUID, task_id: UUID) -> HttpResponse:
    found = get_task(caller, execution_id, task_id)
    state = read_choice(request.GET, "state", list(State))
    rows, has_more = list_items(found, state=state, after=read_id(request.GET, "after"))
    context = {
        "task": found,
        "execution": found.execution,
        "rows": [(one, can_complete(caller, one.action)) for one in rows],
        "state": state,
        "more": rows[-1].action.pk if has_more else None,
    }
    return render_page(request, "levante/task_items.html", f"Items of {found.name}", context)


@page("data/<slug:kind>/<uuid:identity>/<slug:what>/", name="payload")
def payload(
    request: HttpRequest, caller: Caller, kind: str, identity: UUID, what: str
) -> HttpResponse:
    if kind in _PAYLOAD_RULES:
        require_permission(caller, _PAYLOAD_RULES[kind])
    value = read_payload(caller, kind, identity, what)
    if "download" in request.GET:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        name = f"{what}-{str(identity)[:8]}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text, content_type="application/json", headers=headers)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    context = {
        "is_missing": value in (None, {}, []),
        "text": text[:MOST_CHARACTERS],
        "is_cut": len(text) > MOST_CHARACTERS,
        "shown": MOST_CHARACTERS,
        "total": len(text),
        "block_id": f"payload-{identity}-{what}",
        "download": f"{request.path}?download=1",
    }
    return render_page(request, "levante/data.html", what.replace("_", " "), context)
