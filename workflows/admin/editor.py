"""What the editor asks while somebody is typing: is the text right, and which names are there."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.urls import reverse
from django.utils.http import urlencode

from workflows.admin.pages import page
from workflows.errors import RequestInvalid
from workflows.services.definitions.text_checks import Kind, check_text
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import require_permission
from workflows.services.pages.editor_words import collect_words

_KINDS: Final = ("workflow", "action", "workbook")


@page("editor/check/", name="editor_check", methods=("POST",))
def check(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Answer all problems of the text in the body, and what can be drawn of it."""
    kind = _kind(request)
    require_permission(caller, f"{kind}s:validate")
    found = check_text(
        caller, read_editor_text(request), kind=kind, namespace=request.GET.get("namespace", "")
    )
    return JsonResponse(
        {
            "problems": [asdict(problem) for problem in found.problems],
            "workflows": [asdict(drawn) for drawn in found.workflows],
        }
    )


@page("editor/words/", name="editor_words", rule="actions:list")
def words(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Answer what the editor completes."""
    found = collect_words(caller, kind=_kind(request), namespace=request.GET.get("namespace", ""))
    return JsonResponse(found)


def editor_addresses(kind: Kind, namespace: str = "") -> dict[str, str]:
    """Give the addresses that a template hands to the editor."""
    query = urlencode({"kind": kind, "namespace": namespace})
    return {
        "check_url": f"{reverse('admin:editor_check')}?{query}",
        "words_url": f"{reverse('admin:editor_words')}?{query}",
    }


def _kind(request: HttpRequest) -> Kind:
    kind = request.GET.get("kind", "workflow")
    if kind not in _KINDS:
        raise RequestInvalid(f"There is no kind of definition '{kind}'.")
    return cast("Kind", kind)


def read_editor_text(request: HttpRequest) -> str:
    """Return the text that an editor has sent. Raises RequestInvalid."""
    try:
        body = json.loads(request.body)
    except (RawPostDataException, ValueError) as error:  # the former of a form with files
        raise RequestInvalid("The body is not JSON.") from error
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise RequestInvalid("The body has no text.")
    return text
