"""Who calls: the token of a request, in any of the three ways clients send it."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from workflows.api.errors import CHALLENGE
from workflows.services.identity import Caller, find_caller, open_caller

_MISSING: Final = "Authentication required."
_REFUSED: Final = "The token is not valid."


class TokenAuthentication(BaseAuthentication):
    """Takes `X-Auth-Token`, `Authorization: Bearer`, or Basic with the token as the password.

    The project is that of the token; a header that names a project is never trusted.
    """

    def authenticate(self, request: Request) -> tuple[Caller, str]:
        if settings.LEVANTE_NO_AUTH:
            return open_caller(), ""
        token = read_token(request)
        if not token:
            raise NotAuthenticated(_MISSING)
        caller = find_caller(token)
        if caller is None:
            raise AuthenticationFailed(_REFUSED)
        return caller, token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


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
