"""Environments: named sets of variables, looked up by name within what a project sees."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import Environment, Scope
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import (
    check_length,
    check_owner,
    check_scope,
    own_first,
    parse_id,
)

CHANGEABLE = frozenset({"description", "variables", "scope"})


def find_environment(
    *, name: str, project_id: uuid.UUID, is_admin: bool = False
) -> Environment | None:
    """Return the environment of this name or id, the project's own before a public one."""
    wanted = Q(name=name)
    identity = parse_id(name)
    if identity is not None:
        wanted |= Q(pk=identity)
    return (
        Environment.objects.visible_to(project_id, all_projects=is_admin)
        .filter(wanted)
        .order_by(own_first(project_id), "created_at")
        .first()
    )


def list_environments(caller: Caller) -> list[Environment]:
    """List the environments that the caller's project can use, by name, without their values."""
    rows = Environment.objects.visible_to(caller.project_id).select_related("project")
    return list(rows.defer("variables").order_by("name", "created_at"))


def get_environment(caller: Caller, name: str) -> Environment:
    """Like `find_environment`; raises NotFound."""
    environment = find_environment(
        name=name, project_id=caller.project_id, is_admin=caller.is_admin
    )
    if environment is None:
        raise _unknown(name)
    return environment


def _unknown(name: str) -> NotFound:
    return NotFound(f"Environment not found [name={name}]")


def create_environment(
    *,
    caller: Caller,
    name: str,
    description: str | None = None,
    variables: JSONObject | None = None,
    scope: str = Scope.PRIVATE,
) -> Environment:
    """Store a new environment of the caller's project."""
    if not name:
        raise RequestInvalid("Name of the environment is not provided.")
    check_length("name", name)
    check_scope(caller, scope, "environments")
    environment = Environment(
        project_id=caller.project_id,
        name=name,
        description=description,
        variables={} if variables is None else variables,
        scope=scope,
        created_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            environment.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"Duplicate entry for Environment ['name', 'project_id']: {name}, {caller.project_id}"
        ) from error
    return environment


def update_environment(
    *, caller: Caller, name: str, changes: dict[str, str | JSONObject]
) -> Environment:
    """Change the given attributes (of `CHANGEABLE`); `variables` are replaced, not merged."""
    if not name:
        raise RequestInvalid("Name of the environment is not provided.")
    scope = changes.get("scope")
    if isinstance(scope, str):
        check_scope(caller, scope, "environments")
    with transaction.atomic(durable=True):
        found = get_environment(caller, name)
        check_owner(caller, found, "Environment")
        environment = Environment.objects.select_for_update().filter(pk=found.pk).first()
        if environment is None:
            raise _unknown(name)
        for attribute in CHANGEABLE & changes.keys():
            setattr(environment, attribute, changes[attribute])
        environment.updated_at = timezone.now()
        environment.save(update_fields=[*(CHANGEABLE & changes.keys()), "updated_at"])
    return environment


def delete_environment(*, caller: Caller, name: str) -> None:
    """Delete one environment; what is running keeps the variables it started with."""
    with transaction.atomic(durable=True):
        environment = get_environment(caller, name)
        check_owner(caller, environment, "Environment")
        environment.delete()
