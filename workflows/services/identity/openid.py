"""Tokens of an issuer of OpenID Connect: signed by its keys, made for us, not yet over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import jwt
import requests
from django.conf import settings
from jwt.exceptions import (
    InvalidTokenError,
    PyJWKClientConnectionError,
    PyJWKClientError,
    PyJWKSetError,
)

from workflows.errors import IdentityUnavailable

logger = logging.getLogger(__name__)

# Signed by a key that the issuer alone has; never by a secret that both sides share.
_ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_LEEWAY_SECONDS: Final = 10.0  # that the clocks may differ
_PARTS: Final = 3  # of a signed token


@dataclass(frozen=True, slots=True)
class OpenIDToken:
    """What a token says. `project` is a name or an id; `expires_at` allows for differing clocks."""

    user_name: str
    project: str
    roles: tuple[str, ...]
    expires_at: datetime


def find_openid_token(token: str) -> OpenIDToken | None:
    """Check a token; None if it is none of the issuer's, not for us, or over.

    Raises IdentityUnavailable if the issuer does not give its keys.
    """
    if len(token.split(".")) != _PARTS:
        return None
    try:
        key = _keys().get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(_ALGORITHMS),
            audience=settings.LEVANTE_OIDC_AUDIENCE,
            # Some issuers write themselves with a slash at the end; the setting has none.
            issuer=(settings.LEVANTE_OIDC_ISSUER, f"{settings.LEVANTE_OIDC_ISSUER}/"),
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud"]},
        )
    except PyJWKClientConnectionError as error:
        raise _unavailable(error) from error
    except (InvalidTokenError, PyJWKClientError, PyJWKSetError):
        return None
    roles = _claim(claims, settings.LEVANTE_OIDC_ROLES_CLAIM)
    return OpenIDToken(
        user_name=str(_claim(claims, settings.LEVANTE_OIDC_NAME_CLAIM) or claims.get("sub", "")),
        project=_project(claims),
        roles=tuple(str(role) for role in roles) if isinstance(roles, list) else (),
        expires_at=datetime.fromtimestamp(claims["exp"] + _LEEWAY_SECONDS, UTC),
    )


@cache
def _keys() -> jwt.PyJWKClient:
    """The keys of the issuer; one that is not known makes it ask again."""
    return jwt.PyJWKClient(
        settings.LEVANTE_OIDC_KEYS_URL or _discover(),
        lifespan=settings.LEVANTE_OIDC_KEYS_SECONDS,
        timeout=settings.LEVANTE_OIDC_SECONDS,
    )


def _discover() -> str:
    try:
        answer = requests.get(
            f"{settings.LEVANTE_OIDC_ISSUER}/.well-known/openid-configuration",
            timeout=settings.LEVANTE_OIDC_SECONDS,
            allow_redirects=False,
        )
        answer.raise_for_status()
        return str(answer.json()["jwks_uri"])
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> IdentityUnavailable:
    logger.error("The issuer is not reached.", extra={"error": type(error).__name__})
    return IdentityUnavailable()


def _project(claims: dict[str, Any]) -> str:
    name = settings.LEVANTE_OIDC_PROJECT_CLAIM
    if not name:
        return str(settings.LEVANTE_OIDC_ISSUER).rpartition("/")[2]
    value = _claim(claims, name)
    return value if isinstance(value, str) else ""


def _claim(claims: dict[str, Any], path: str) -> Any:
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
