"""The rules of projects and scopes that all owned objects share."""

from __future__ import annotations

import uuid
from typing import Final, Protocol

from django.db.models import Case, IntegerField, When

from workflows.errors import NotPermitted, RequestInvalid
from workflows.models import Scope
from workflows.services.identity.identity import Caller
from workflows.services.identity.permissions import require_permission

NAME_LENGTH: Final = 255


class Owned(Protocol):
    """A row that belongs to a project."""

    id: uuid.UUID
    project_id: uuid.UUID


def check_scope(caller: Caller, scope: str, kind: str) -> None:
    """Refuse an unknown scope, and `public` from whoever may not publicise this kind of object."""
    if scope not in Scope.values:
        allowed = f"Scope must be one of the following: {Scope.values}"
        raise RequestInvalid(f"{allowed}; actual: {scope}")
    if scope == Scope.PUBLIC:
        require_permission(caller, f"{kind}:publicize")


def is_owner(caller: Caller, row: Owned) -> bool:
    """Tell whether the caller may change what it sees: its project's, or an administrator's any."""
    return caller.is_admin or row.project_id == caller.project_id


def check_owner(caller: Caller, row: Owned, title: str) -> None:
    """Refuse to change what is only visible: the object of another project."""
    if not is_owner(caller, row):
        raise NotPermitted(f"Can not access {title} resource of other projects, ID: {row.id}")


def check_length(what: str, text: str) -> None:
    """Refuse a name or namespace that the tables cannot hold."""
    if len(text) > NAME_LENGTH:
        raise RequestInvalid(f"The {what} must not be longer than {NAME_LENGTH} characters")


def own_first(project_id: uuid.UUID) -> Case:
    """Sort the project's own objects before shared ones, and those before public ones."""
    return Case(
        When(project_id=project_id, then=0),
        When(scope=Scope.PRIVATE, then=1),
        default=2,
        output_field=IntegerField(),
    )


def parse_id(text: str) -> uuid.UUID | None:
    """Return the id that the text is, or None if it can only be a name."""
    if len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
