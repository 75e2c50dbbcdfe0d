"""Our own pages: how a view is registered, whom it is for, and how it is drawn.

A view gets the request and the caller. What a service refuses becomes a page that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt

from workflows.admin.arguments import check_texts
from workflows.errors import InMaintenance, NotFound, NotPermitted, WorkflowsError
from workflows.models import Role, ServiceStatus
from workflows.services.identity.identity import FORBIDDEN, Caller
from workflows.services.identity.people import caller_of_person
from workflows.services.identity.permissions import may, require_permission
from workflows.services.identity.rules import LEAST_ROLES
from workflows.services.operation.service_status import get_status, require_status

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, Caller, P], HttpResponseBase]

PROJECT_KEY: Final = "project"  # of the session: the project that somebody has chosen
HOME: Final = "index"
_READING: Final = ("GET", "HEAD")
# Fields in which people write much: what they have sent is given back to them with a refusal.
_WRITTEN: Final = ("text", "variables", "input", "params")

# What an error of a service is to a browser. The first class that fits counts.
_STATUSES: Final[tuple[tuple[type[WorkflowsError], int, str], ...]] = (
    (NotFound, 404, "Not found"),
    (NotPermitted, 403, "Not allowed"),
    (InMaintenance, 423, "In maintenance"),
    (WorkflowsError, 400, "That did not work"),
)

# What goes on in maintenance, and what may be done meanwhile.
_MAINTENANCE: Final[Mapping[ServiceStatus, tuple[str, str]]] = {
    ServiceStatus.PAUSING: (
        "The whole service is about to pause: what is at work ends, and nothing new starts.",
        "cancel executions and report the results of asynchronous actions",
    ),
    ServiceStatus.PAUSED: (
        "The whole service is paused, and nothing is at work.",
        "cancel executions",
    ),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A view with its place below /admin/, and whom it is for."""

    route: str
    name: str
    view: Callable[..., HttpResponseBase]
    rule: str
    role: Role

    def is_for(self, caller: Caller) -> bool:
        return may(caller, self.rule) if self.rule else caller.includes(self.role)


_pages: dict[str, Page] = {}


def page(
    route: str,
    *,
    name: str,
    rule: str = "",
    post_rule: str = "",
    role: Role = Role.VIEWER,
    methods: tuple[str, ...] = ("GET",),
    only_reads: bool = False,
    open_in_maintenance: bool = False,
) -> Callable[[PageView[P]], PageView[P]]:
    """Register a view below /admin/ as `admin:<name>`, for callers whom its rule permits.

    A page does what a path of the API does, and so it has the rule of that path; one that sends a
    form needs `post_rule` as well. What the API has no path for takes a `role` instead.
    The page HOME is the index; its route is not used. A view that `only_reads` takes a POST
    without the token of a form. In maintenance a POST is refused, unless the view is
    `open_in_maintenance`: because it changes nothing, or because it decides by itself.
    """
    assert {rule, post_rule} - {""} <= set(LEAST_ROLES), name

    def register(view: PageView[P]) -> PageView[P]:
        guarded = _guard(view, name, post_rule, methods, open_in_maintenance or only_reads)
        served = csrf_exempt(guarded) if only_reads else guarded
        _pages[name] = Page(route, name, served, rule, role)
        return view

    return register


def registered_pages() -> list[Page]:
    return [one for one in _pages.values() if one.name != HOME]


def may_open(caller: Caller, name: str) -> bool:
    """Tell whether the page of a name is for the caller."""
    return _pages[name].is_for(caller)


def answer_rules(caller: Caller | None) -> dict[str, dict[str, bool]]:
    """Answer all rules for templates, which ask for `may.workflows.create`."""
    answers: dict[str, dict[str, bool]] = {}
    for rule in LEAST_ROLES:
        kind, _, verb = rule.partition(":")
        allowed = caller is not None and may(caller, rule)
        answers.setdefault(kind, {})[verb] = allowed
    return answers


def render_home(request: HttpRequest) -> HttpResponse:
    """Answer the index of the site."""
    answer = _pages[HOME].view(request)
    assert isinstance(answer, HttpResponse)
    return answer


def caller_of(request: HttpRequest) -> Caller:
    """Return for whom the person acts who has logged in. Raises NotPermitted without a project."""
    kept = getattr(request, "levante_caller", None)
    if isinstance(kept, Caller):
        return kept
    user = request.user
    assert isinstance(user, User)  # the site lets nobody else in
    caller = caller_of_person(user, _chosen_project(request))
    request.levante_caller = caller  # type: ignore[attr-defined]
    return caller


def find_caller(request: HttpRequest) -> Caller | None:
    """Like `caller_of`, but None for somebody who has not logged in or is in no project."""
    if not request.user.is_authenticated:
        return None
    try:
        return caller_of(request)
    except NotPermitted:
        return None


def render_page(
    request: HttpRequest,
    template: str,
    title: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int | None = None,
) -> HttpResponse:
    """Draw one of our templates inside of the frame of the site.

    A context with an `error` is a form that was refused, which answers 400. With `?partial` in the
    address only the block `partial` is drawn, by `levante/partial.html`:
    what a page puts in the place of its old contents.
    """
    is_partial = "partial" in request.GET
    caller = find_caller(request)
    values = {} if is_partial else admin.site.each_context(request)
    values |= {
        "title": title,
        "caller": caller,
        "may": answer_rules(caller),
        "is_fullwidth": "1",
        "is_partial": is_partial,
        "frame": "levante/partial.html" if is_partial else "levante/page.html",
        **(context or {}),
    }
    request.current_app = admin.site.name
    if status is None:
        status = 400 if values.get("error") else 200
    return TemplateResponse(request, template, values, status=status)


def render_question(
    request: HttpRequest,
    title: str,
    *,
    question: str,
    consequence: str,
    back: str,
    button: str = "Delete",
) -> HttpResponse:
    """Ask before something that cannot be undone; the button sends the form to the same address."""
    context = {"question": question, "consequence": consequence, "button": button, "back": back}
    return render_page(request, "levante/confirm.html", title, context)


def next_address(request: HttpRequest, fallback: str) -> str:
    """Return where a form wants to go on, if that is on this server."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if wanted and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return fallback


def render_error(request: HttpRequest, error: WorkflowsError) -> HttpResponse:
    """Say what a service refused, with the status that fits."""
    status, title = next(
        (status, title) for kind, status, title in _STATUSES if isinstance(error, kind)
    )
    message = _describe_maintenance() if isinstance(error, InMaintenance) else error.message
    context = {
        "message": message,
        "home": reverse("admin:index"),
        "kept": [text for name in _WRITTEN if (text := request.POST.get(name, "").strip())],
    }
    return render_page(request, "levante/error.html", title, context, status=status)


def _describe_maintenance() -> str:
    status = get_status()
    if status not in _MAINTENANCE:
        return "The maintenance has just ended. Do it again."
    going_on, meanwhile = _MAINTENANCE[status]
    return (
        f"{going_on} Nothing was changed. Until an administrator ends the maintenance you can look"
        f" at everything and {meanwhile}."
    )


def closed_in_maintenance(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let a view that is not one of our pages change nothing in maintenance."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method not in _READING:
            try:
                require_status()
            except InMaintenance as error:
                return render_error(request, error)
        return view(request, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def _guard(
    view: PageView[P], name: str, post_rule: str, methods: tuple[str, ...], is_open: bool
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        try:
            caller = caller_of(request)
            if not may_open(caller, name):
                raise NotPermitted(FORBIDDEN)
            if post_rule and request.method == "POST":
                require_permission(caller, post_rule)
            check_texts(request, kwargs)
            if request.method not in _READING and not is_open:
                require_status()
            return view(request, caller, *args, **kwargs)
        except WorkflowsError as error:
            return render_error(request, error)

    # The parameters keep their names only in the annotation above.
    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def _chosen_project(request: HttpRequest) -> UUID | None:
    try:
        return UUID(str(request.session.get(PROJECT_KEY, "")))
    except ValueError:
        return None
