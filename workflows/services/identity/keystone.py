"""Tokens of an OpenStack Keystone: who they speak for, asked at Keystone itself.

A project of Keystone becomes one here, with the same id, when somebody comes with a token of it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from workflows.errors import IdentityUnavailable, NotPermitted
from workflows.models import Project
from workflows.services.identity.projects import is_reserved

logger = logging.getLogger(__name__)

_UNKNOWN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class KeystoneToken:
    """What Keystone says of a token."""

    user_name: str
    project_id: str
    project_name: str
    domain_name: str
    roles: tuple[str, ...]
    expires_at: datetime


def find_keystone_token(token: str) -> KeystoneToken | None:
    """Ask Keystone about a token; None if it is not good, or for no project.

    Raises IdentityUnavailable if Keystone gives no answer.
    """
    if not token.isascii() or not token.isprintable():
        return None  # cannot stand in a header
    body = _ask(token)
    if body is None:
        return None
    try:
        return _read(body["token"])
    except (KeyError, TypeError, ValueError) as error:
        logger.error("Keystone's answer makes no sense.")
        raise IdentityUnavailable from error


def provide_keystone_project(
    token: KeystoneToken, *, reserved: Iterable[uuid.UUID] = ()
) -> uuid.UUID:
    """Return the id of the token's project here, which is made on first use.

    Raises NotPermitted for an id that is `reserved` for projects of ours.
    """
    project_id = _project_id(token.project_id)
    if project_id in reserved:
        raise NotPermitted("The id of this project is reserved.")
    if Project.objects.filter(pk=project_id).exists():
        return project_id
    names = (
        token.project_name,
        f"{token.project_name} ({token.domain_name})",
        token.project_id,
    )
    for name in (name for name in names if not is_reserved(name)):
        try:
            with transaction.atomic():
                Project.objects.create(pk=project_id, name=name[:255])
        except IntegrityError:  # the name is taken, or somebody has just made the project
            if Project.objects.filter(pk=project_id).exists():
                break
        else:
            break
    return project_id


def _ask(token: str) -> Any:
    """Return the body of Keystone's answer, None if it does not know the token."""
    has_user = bool(settings.LEVANTE_KEYSTONE_USER)
    headers = {"X-Subject-Token": token} | ({} if has_user else {"X-Auth-Token": token})
    try:
        answer = _session().get(
            f"{settings.LEVANTE_KEYSTONE_URL}/auth/tokens?nocatalog",
            headers=headers,
            authenticated=has_user,
            raise_exc=False,
        )
        if answer.status_code in _UNKNOWN:
            return None
        if answer.status_code != HTTPStatus.OK:
            logger.error("Keystone refused.", extra={"status": answer.status_code})
            raise IdentityUnavailable
        return answer.json()
    except (ClientException, ValueError) as error:
        logger.error("Keystone is not reached.", extra={"error": type(error).__name__})
        raise IdentityUnavailable from error


@cache
def _session() -> Session:
    """The one session with Keystone; it logs in anew when its own token has ended."""
    user = None
    if settings.LEVANTE_KEYSTONE_USER:
        user = v3.Password(
            settings.LEVANTE_KEYSTONE_URL,
            username=settings.LEVANTE_KEYSTONE_USER,
            password=settings.LEVANTE_KEYSTONE_PASSWORD,
            project_name=settings.LEVANTE_KEYSTONE_PROJECT,
            user_domain_name=settings.LEVANTE_KEYSTONE_DOMAIN,
            project_domain_name=settings.LEVANTE_KEYSTONE_DOMAIN,
        )
    return Session(
        auth=user,
        verify=settings.LEVANTE_KEYSTONE_CA_FILE or True,
        timeout=settings.LEVANTE_KEYSTONE_SECONDS,
        redirect=False,
    )


def _read(shown: dict[str, Any]) -> KeystoneToken | None:
    project = shown.get("project")
    if project is None:
        return None
    return KeystoneToken(
        user_name=str(shown["user"]["name"]),
        project_id=str(project["id"]),
        project_name=str(project["name"]),
        domain_name=str(project["domain"]["name"]),
        roles=tuple(str(role["name"]) for role in shown["roles"]),
        expires_at=datetime.fromisoformat(shown["expires_at"]),
    )


def _project_id(text: str) -> uuid.UUID:
    """Keystone's ids are UUIDs without dashes; one from elsewhere gets a UUID of its own."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"keystone project {text}")
