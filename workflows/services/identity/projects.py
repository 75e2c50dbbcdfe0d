"""Projects by name or id: one rule for all who are told of one by a person, a claim or a client."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from workflows.errors import NotPermitted, RequestInvalid
from workflows.models import Project
from workflows.services.identity.identity import SYSTEM_PROJECT_ID, SYSTEM_PROJECT_NAME
from workflows.services.identity.ownership import check_length, parse_id


def all_projects() -> QuerySet[Project]:
    """The projects that somebody can act for, by name: all but that of packages."""
    return Project.objects.exclude(pk=SYSTEM_PROJECT_ID).order_by("name")


def find_project(name_or_id: str, among: QuerySet[Project] | None = None) -> Project | None:
    """Return the project of this id, or else of this name; nobody can choose an id to look like."""
    rows = all_projects() if among is None else among
    identity = parse_id(name_or_id)
    found = None if identity is None else rows.filter(pk=identity).first()
    return found or rows.filter(name=name_or_id).first()


def provide_project(name_or_id: str, *, refused: Collection[UUID] = ()) -> Project:
    """Return the project of this id or name, which is made if it is missing.

    One that is asked for by an id gets that id. Raises NotPermitted for the project of packages and
    for those whose ids are `refused`, RequestInvalid for what can be no name.
    """
    nobodys = {SYSTEM_PROJECT_ID, *refused}
    identity = parse_id(name_or_id)
    found = find_project(name_or_id)
    if identity in nobodys or (found is not None and found.pk in nobodys):
        raise NotPermitted(f"Nobody acts for the project {name_or_id!r}")
    if found is not None:
        return found
    check_project_name(name_or_id)
    if identity is None:
        return Project.objects.get_or_create(name=name_or_id)[0]
    return Project.objects.get_or_create(pk=identity, defaults={"name": name_or_id})[0]


def check_project_name(name: str) -> None:
    """Refuse a name that a project cannot have, or that is kept for the project of packages."""
    if not name:
        raise RequestInvalid("The project needs a name.")
    check_length("name", name)
    if is_reserved(name):
        raise NotPermitted(f"Nobody acts for the project {name!r}")


def is_reserved(name: str) -> bool:
    """Tell whether a name is kept for the project of packages, whether there is one yet or not."""
    return name == SYSTEM_PROJECT_NAME
