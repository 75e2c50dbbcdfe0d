"""/identity/v3/auth/tokens: log in, exchange, look at and revoke tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from workflows.api.arguments import read_any_arguments
from workflows.api.auth import TokenAuthentication, caller_of
from workflows.api.identity.credentials import Credentials, LoginRefused, read_credentials
from workflows.api.identity.documents import catalog
from workflows.api.identity.views import DOMAIN, IdentityView
from workflows.api.throttles import CallerThrottle, LoginThrottle
from workflows.api.views import answer, created, deleted
from workflows.errors import NotFound, NotPermitted, RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import Role
from workflows.services.identity.identity import FORBIDDEN
from workflows.services.identity.logins import (
    NoAccess,
    Session,
    end_session,
    exchange,
    find_session,
    log_in,
)

# Which names of Keystone a role goes by, beside its own.
_KEYSTONE_NAMES: Final = {
    Role.VIEWER: ("reader",),
    Role.OPERATOR: ("member", "reader"),
    Role.AUTHOR: ("member", "reader"),
    Role.ADMIN: ("member", "reader"),
}
_NO_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class AccountLocked(APIException):
    """Too many failed log-ins; no password is tried for a while."""

    status_code = 429
    default_detail = "Too many failed log-ins. Try again later."


class TokensView(IdentityView):
    """A POST logs in and needs no token; everything else is about the token of another header."""

    open_in_maintenance = frozenset({"POST", "DELETE"})
    throttle_classes: Any = (LoginThrottle, CallerThrottle)

    def get_authenticators(self) -> list[Any]:
        request = getattr(self, "request", None)
        return [] if request is not None and request.method == "POST" else [TokenAuthentication()]

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        given = read_credentials(request)
        try:
            session = _open(request._request, given)
        except NoAccess as error:
            raise LoginRefused from error
        response = created(_body(request, session, given.method))
        response["X-Subject-Token"] = session.token
        return response

    def get(self, request: Request) -> HttpResponse:
        session = _subject(request)
        response = answer(_body(request, session, "password"))
        response["X-Subject-Token"] = session.token
        return response

    def delete(self, request: Request) -> HttpResponse:
        end_session(_subject(request).token)
        return deleted()


@sensitive_variables()
def _open(request: HttpRequest, given: Credentials) -> Session:
    if given.method == "token":
        session = find_session(given.token)
        if session is None:
            raise LoginRefused
        return exchange(session, given.project)
    name = given.user_name or _name_of(given.user_id)
    user = authenticate(request, username=name, password=given.password)
    if getattr(request, "axes_locked_out", False):
        # Without its mark the middleware leaves our answer as it is.
        request.axes_locked_out = False  # type: ignore[attr-defined]
        raise AccountLocked
    if not isinstance(user, User):
        raise LoginRefused
    return log_in(user, given.project)


def _name_of(user_id: str) -> str:
    """Return the name of the user of an id; for an unknown id one that nobody has."""
    if user_id.isdecimal() and len(user_id) < 10:
        user = User.objects.filter(pk=int(user_id)).first()
        if user is not None:
            return user.get_username()
    return f"id {user_id[:100]}"


def _subject(request: Request) -> Session:
    """Return the token that the request is about: the caller's own, or any for administrators."""
    token = str(request.META.get("HTTP_X_SUBJECT_TOKEN", ""))
    if not token:
        raise RequestInvalid("The header X-Subject-Token is missing")
    if token != request.auth and not caller_of(request).is_admin:
        raise NotPermitted(FORBIDDEN)
    session = find_session(token)
    if session is None:
        raise NotFound("Could not find token.")
    return session


def _body(request: Request, session: Session, method: str) -> JSONObject:
    shown: JSONObject = {
        "methods": [method],
        "user": {
            "id": str(session.user_id),
            "name": session.user_name,
            "domain": DOMAIN,
            "password_expires_at": None,
        },
        "project": {
            "id": str(session.project_id),
            "name": session.project_name,
            "domain": DOMAIN,
        },
        "is_domain": False,
        "roles": [
            {"id": uuid5(NAMESPACE_URL, name).hex, "name": name}
            for name in (session.role.value, *_KEYSTONE_NAMES[session.role])
        ],
        "audit_ids": [],
        "issued_at": _time(session.issued_at),
        "expires_at": _time(session.expires_at or _NO_END),
    }
    if "nocatalog" not in read_any_arguments(request).given:
        shown["catalog"] = catalog(request._request)
    return {"token": shown}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
