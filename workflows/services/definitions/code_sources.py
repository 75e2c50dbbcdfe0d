"""Stored code and the actions made of it: who changes them, and how they are found.

All of it is off until the operator sets LEVANTE_DYNAMIC_ACTIONS. The code runs with the rights of
the worker processes, so by default administrators alone store it.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from workflows.actions.base import Action
from workflows.actions.code import Code, check_code, code_action
from workflows.actions.permission import is_allowed, require_allowed
from workflows.actions.registry import find_any_action
from workflows.errors import Conflict, NotFound, NotPermitted, RequestInvalid
from workflows.models import ActionDefinition, CodeSource, DynamicAction
from workflows.models.definitions import OwnedQuerySet
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import (
    check_length,
    check_owner,
    check_scope,
    own_first,
    parse_id,
)

_Stored = TypeVar("_Stored", CodeSource, DynamicAction)


def require_code() -> None:
    """Refuse everybody where stored code is switched off."""
    if not settings.LEVANTE_DYNAMIC_ACTIONS:
        raise NotPermitted("Code sources and dynamic actions are switched off on this server.")


def get_code_source(caller: Caller, identifier: str, namespace: str) -> CodeSource:
    """Return the source of this id or name; raises NotFound."""
    found = _find(CodeSource.objects.all(), caller, identifier, namespace)
    if found is None:
        raise NotFound(
            f"Code Source not found [code_source_identifier={identifier}, namespace={namespace}]"
        )
    return found


def create_code_source(
    *, caller: Caller, name: str, namespace: str, scope: str, content: str
) -> CodeSource:
    """Store Python code; it is parsed and not run."""
    _check_name("code source", name, namespace)
    check_scope(caller, scope, "code_sources")
    check_code(content)
    source = CodeSource(
        project_id=caller.project_id,
        name=name,
        namespace=namespace,
        scope=scope,
        content=content,
        created_at=timezone.now(),
    )
    return _insert(source, "CodeSource")


def update_code_source(
    *, caller: Caller, identifier: str, namespace: str, scope: str, content: str
) -> CodeSource:
    """Replace the code; workers take the new version with the next action they run."""
    check_scope(caller, scope, "code_sources")
    check_code(content)
    source = get_code_source(caller, identifier, namespace)
    check_owner(caller, source, "CodeSource")
    CodeSource.objects.filter(pk=source.pk).update(
        content=content, scope=scope, version=F("version") + 1, updated_at=timezone.now()
    )
    source.refresh_from_db()
    return source


def delete_code_source(*, caller: Caller, identifier: str, namespace: str) -> None:
    """Delete code and the actions that are made of it."""
    source = get_code_source(caller, identifier, namespace)
    check_owner(caller, source, "CodeSource")
    source.delete()


def get_dynamic_action(caller: Caller, identifier: str, namespace: str) -> DynamicAction:
    """Return the dynamic action of this id or name; raises NotFound."""
    found = _find(DynamicAction.objects.all(), caller, identifier, namespace)
    if found is None:
        raise NotFound(
            f"Dynamic Action not found [dynamic_action_identifier={identifier},"
            f" namespace={namespace}]"
        )
    return found


def create_dynamic_action(
    *, caller: Caller, name: str, class_name: str, source: str, namespace: str, scope: str
) -> DynamicAction:
    """Make an action of a class in stored code; `source` is the id or name of that."""
    _check_name("dynamic action", name, namespace)
    _check_class(class_name)
    check_scope(caller, scope, "dynamic_actions")
    if not source:
        raise RequestInvalid("Either 'code_source_id' or 'code_source_name' must be provided.")
    owned = Q(project_id=caller.project_id, namespace=namespace, name=name)
    if find_any_action(name) is not None or ActionDefinition.objects.filter(owned).exists():
        raise Conflict(f"Duplicate entry for DynamicActionDefinition ['name']: {name}")
    action = DynamicAction(
        project_id=caller.project_id,
        name=name,
        namespace=namespace,
        scope=scope,
        class_name=class_name,
        code_source=get_code_source(caller, source, namespace),
        created_at=timezone.now(),
    )
    return _insert(action, "DynamicActionDefinition")


def update_dynamic_action(
    *,
    caller: Caller,
    identifier: str,
    namespace: str,
    class_name: str | None,
    source: str | None,
    scope: str | None,
) -> DynamicAction:
    """Change what is given of a dynamic action."""
    if not identifier:
        raise RequestInvalid("Either 'id' or 'name' must be provided.")
    action = get_dynamic_action(caller, identifier, namespace)
    check_owner(caller, action, "DynamicActionDefinition")
    if class_name is not None:
        _check_class(class_name)
        action.class_name = class_name
    if source is not None:
        action.code_source = get_code_source(caller, source, namespace)
    if scope is not None:
        check_scope(caller, scope, "dynamic_actions")
        action.scope = scope
    action.updated_at = timezone.now()
    action.save(update_fields=["class_name", "code_source", "scope", "updated_at"])
    return action


def delete_dynamic_action(*, caller: Caller, identifier: str, namespace: str) -> None:
    """Delete a dynamic action; its code stays."""
    action = get_dynamic_action(caller, identifier, namespace)
    check_owner(caller, action, "DynamicActionDefinition")
    action.delete()


def find_code_action(name: str, namespace: str, project_id: UUID) -> Action | None:
    """Find the action of this name for a project, in the namespace or else in the default one.

    None where stored code is switched off. Raises ActionNotAllowed by the operator's lists.
    """
    found = _find_dynamic_action(name, namespace, project_id)
    if found is None:
        return None
    require_allowed(name)
    return as_action(found)


def find_dynamic_action(caller: Caller, name: str, namespace: str) -> DynamicAction | None:
    """Return the dynamic action that this name stands for, if the operator's lists allow it."""
    if not is_allowed(name):
        return None
    return _find_dynamic_action(name, namespace, caller.project_id, all_projects=caller.is_admin)


def visible_dynamic_actions(caller: Caller) -> list[DynamicAction]:
    """List the dynamic actions that the caller's project can use, with their code."""
    if not settings.LEVANTE_DYNAMIC_ACTIONS:
        return []
    rows = DynamicAction.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
    found = rows.select_related("code_source").order_by(own_first(caller.project_id), "name")
    return [row for row in found if is_allowed(row.name)]


def as_action(found: DynamicAction) -> Action:
    """Give the action that a row stands for; nothing of its code is run."""
    source = found.code_source
    code = Code(source.pk, source.version, source.name, source.content)
    return code_action(found.name, found.class_name, code)


def _find_dynamic_action(
    name: str, namespace: str, project_id: UUID, *, all_projects: bool = False
) -> DynamicAction | None:
    if not settings.LEVANTE_DYNAMIC_ACTIONS:
        return None
    return (
        DynamicAction.objects.visible_to(project_id, all_projects=all_projects)
        .filter(name=name, namespace__in={namespace, ""})
        .select_related("code_source")
        .order_by("-namespace" if namespace else "namespace", own_first(project_id), "created_at")
        .first()
    )


def _find(
    rows: OwnedQuerySet[_Stored], caller: Caller, identifier: str, namespace: str
) -> _Stored | None:
    """Find by id in any namespace, or by name in one; the project's own before others."""
    identity = parse_id(identifier)
    wanted = Q(name=identifier, namespace=namespace)
    if identity is not None:
        wanted |= Q(pk=identity)
    visible = rows.visible_to(caller.project_id, all_projects=caller.is_admin).filter(wanted)
    return visible.order_by(own_first(caller.project_id), "created_at").first()


def _insert(row: _Stored, title: str) -> _Stored:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"Duplicate entry for {title} ['name', 'namespace', 'project_id']: {row.name},"
            f" {row.namespace}, {row.project_id}"
        ) from error
    return row


def _check_name(what: str, name: str, namespace: str) -> None:
    if not name:
        raise RequestInvalid(f"The name of the {what} must be provided.")
    if " " in name:
        raise RequestInvalid(f"Name '{name}' must not contain spaces")
    check_length("name", name)
    check_length("namespace", namespace)


def _check_class(class_name: str) -> None:
    if not class_name.isidentifier():
        raise RequestInvalid("The name of the class must be provided.")
    check_length("name of the class", class_name)
