"""Who calls: the token of a request, in any of the three ways clients send it."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import (
    AuthenticationFailed,
    NotAuthenticated,
    Throttled,
    UnsupportedMediaType,
)
from rest_framework.request import Request

from workflows.api.errors import CHALLENGE
from workflows.api.throttles import UnknownTokens
from workflows.errors import IdentityUnavailable, RequestInvalid
from workflows.services.identity.identity import Caller, find_caller, open_caller
from workflows.services.identity.ownership import parse_id
from workflows.services.identity.people import caller_of_person

_MISSING: Final = "Authentication required."
# Other sites can make a browser send these without asking; no client of ours needs them.
_FORMS: Final = ("multipart/", "application/x-www-form-urlencoded")
_REFUSED: Final = "The token is not valid."


class TokenAuthentication(BaseAuthentication):
    """Takes `X-Auth-Token`, `Authorization: Bearer`, or Basic with the token as the password.

    The project is that of the token; a header that names a project is never trusted. Without a
    token the session of somebody who has logged in to the pages counts.
    """

    def authenticate(self, request: Request) -> tuple[Caller, str]:
        if settings.LEVANTE_NO_AUTH:
            return open_caller(), ""
        token = read_token(request)
        if not token:
            return self._read_session(request), ""
        return _find_caller(request._request, token), token

    def _read_session(self, request: Request) -> Caller:
        """Return the person who has logged in to the pages with this browser.

        A cookie comes along with what another site makes the browser send, so a change needs the
        token of our own forms as well.
        """
        user = getattr(request._request, "user", None)
        if not isinstance(user, User) or not user.is_active:
            raise NotAuthenticated(_MISSING)
        content_type = str(request.META.get("CONTENT_TYPE", ""))
        if content_type.lower().startswith(_FORMS):
            raise UnsupportedMediaType(content_type)
        # The plain request: ours has no parsers that could look for the token in a form.
        plain: Any = request._request
        SessionAuthentication().enforce_csrf(plain)
        wanted = _wanted_project(request)
        caller = caller_of_person(user, wanted)
        if user.is_superuser and wanted not in (None, caller.project_id):
            raise RequestInvalid(f"There is no project {wanted} to act for.")
        return caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _find_caller(request: HttpRequest, token: str) -> Caller:
    """Return for whom a token speaks; an address with too many unknown ones waits a minute."""
    unknown = UnknownTokens(request)
    try:
        caller = find_caller(token, asks_issuers=not unknown.are_too_many)
    except IdentityUnavailable:
        unknown.count()
        raise
    if caller is not None:
        return caller
    if unknown.are_too_many:
        raise Throttled(unknown.seconds)
    unknown.count()
    raise AuthenticationFailed(_REFUSED)


def _wanted_project(request: Request) -> UUID | None:
    """Return the project that a header names; one that the person is no member of is ignored."""
    return parse_id(str(request.META.get("HTTP_X_PROJECT_ID", "")))


def read_token(request: Request) -> str:
    """Return the token text of the request, or an empty text."""
    token = request.META.get("HTTP_X_AUTH_TOKEN", "")
    if token:
        return str(token)
    method, _, value = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if method.lower() == "bearer":
        return value.strip()
    if method.lower() == "basic":
        return _read_password(value)
    return ""


def _read_password(value: str) -> str:
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return pair.partition(":")[2]


def caller_of(request: Request) -> Caller:
    """Return for whom the request acts."""
    caller = request.user
    if not isinstance(caller, Caller):
        raise NotAuthenticated(_MISSING)
    return caller
