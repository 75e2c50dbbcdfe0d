"""The tokens of the API: what somebody has, a new one that is shown once, and its end."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from workflows.admin.arguments import read_number
from workflows.admin.audit import CHANGE, DELETION, note
from workflows.admin.pages import page, render_page, render_question
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.models import Role
from workflows.services.identity.identity import Caller
from workflows.services.identity.tokens import list_tokens, make_token, revoke_token

_MOST_DAYS: Final = 36_500  # a hundred years; no end is an empty field


@page("tokens/", name="tokens", methods=("GET", "POST"))
def tokens(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List tokens; a new one is shown in the answer to the form, and never again."""
    secret, error = "", ""
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        try:
            role = _role(request)
            secret = make_token(caller=caller, name=name, role=role, days=_days(request))
        except WorkflowsError as refused:
            error = refused.message
        else:
            assert isinstance(request.user, User)
            note(request, request.user, CHANGE, f"Token made: {name} ({role})")
    everybody = caller.is_admin and request.GET.get("all") == "1"
    context = {
        "rows": list_tokens(caller, everybody=everybody),
        "everybody": everybody,
        "roles": [role for role in Role if caller.includes(role)],
        "default_role": min(Role.AUTHOR, caller.role, key=list(Role).index),
        "secret": secret,
        "error": error,
        "user_id": caller.user_id,
    }
    answer = render_page(request, "levante/people/tokens.html", "Tokens", context)
    answer["Cache-Control"] = "no-store"
    return answer


@page(
    "tokens/<uuid:token_id>/revoke/",
    name="token_revoke",
    methods=("GET", "POST"),
    open_in_maintenance=True,
)
def revoke(request: HttpRequest, caller: Caller, token_id: UUID) -> HttpResponse:
    if request.method == "POST":
        token = revoke_token(caller=caller, token_id=token_id)
        note(request, token, DELETION, "Revoked")
        messages.success(request, f"The token {token} is revoked.")
        return HttpResponseRedirect(reverse("admin:tokens"))
    return render_question(
        request,
        "Revoke a token",
        question="Revoke this token?",
        consequence="Whatever uses it is refused from now on. This cannot be undone.",
        back=reverse("admin:tokens"),
        button="Revoke",
    )


def _role(request: HttpRequest) -> Role:
    try:
        return Role(request.POST.get("role", ""))
    except ValueError as error:
        raise RequestInvalid("Choose what the token may do.") from error


def _days(request: HttpRequest) -> int | None:
    return read_number(request.POST, "days", 0, most=_MOST_DAYS) or None
