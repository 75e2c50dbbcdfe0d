"""Uploads of ad-hoc actions; one document is stored whole or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows.actions.functions import RESERVED_PREFIXES
from workflows.actions.registry import find_any_action, summarize_input
from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.language.parser import parse_actions
from workflows.language.specs import AdhocActionSpec
from workflows.models import ActionDefinition, Scope
from workflows.services.definitions.definitions import find_adhoc_action
from workflows.services.definitions.permitted import require_allowed_definitions
from workflows.services.definitions.workflow_uploads import check_name
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import check_length, check_owner, check_scope

TITLE: Final = "ActionDefinition"

_CHANGED: Final = (
    "name", "scope", "tags", "text", "spec", "spec_name", "description", "input_summary",
    "updated_at",
)  # fmt: skip


def create_actions(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> list[ActionDefinition]:
    """Store all actions of a document as new ones of the caller's project."""
    check_scope(caller, scope, "actions")
    check_length("namespace", namespace)
    specs = _read(text)
    now = timezone.now()
    with transaction.atomic(durable=True):
        return [
            insert_action(
                ActionDefinition(
                    project_id=caller.project_id, namespace=namespace, scope=scope, created_at=now
                ),
                spec,
                spec.name,
                text,
            )
            for spec in specs
        ]


def update_actions(
    *, caller: Caller, text: str, namespace: str = "", scope: str = Scope.PRIVATE
) -> list[ActionDefinition]:
    """Replace the text of all actions of a document, found by name in exactly this namespace."""
    check_scope(caller, scope, "actions")
    specs = _read(text)
    now = timezone.now()
    with transaction.atomic(durable=True):
        return [
            replace_action(
                _lock(caller, spec.name, namespace), spec, spec.name, text, scope=scope, now=now
            )
            for spec in specs
        ]


def update_action(
    *,
    caller: Caller,
    identifier: str,
    text: str,
    namespace: str = "",
    scope: str = Scope.PRIVATE,
) -> ActionDefinition:
    """Replace the text of one action, perhaps with a new name."""
    check_scope(caller, scope, "actions")
    specs = _read(text)
    if len(specs) > 1:
        raise RequestInvalid(
            "More than one actions are not supported for update with identifier. "
            f"[identifier: {identifier}]"
        )
    with transaction.atomic(durable=True):
        action = _lock(caller, identifier, namespace)
        spec = specs[0]
        return replace_action(action, spec, spec.name, text, scope=scope, now=timezone.now())


def delete_action(*, caller: Caller, identifier: str, namespace: str = "") -> None:
    """Delete an ad-hoc action; tasks that start later do not find it any more."""
    with transaction.atomic(durable=True):
        _lock(caller, identifier, namespace).delete()


def insert_action(
    action: ActionDefinition, spec: AdhocActionSpec, name: str, text: str
) -> ActionDefinition:
    """Store a new action under this name; Conflict if the name is taken."""
    _describe(action, spec, name, text)
    try:
        with transaction.atomic():
            action.save(force_insert=True)
    except IntegrityError as error:
        raise _duplicate(action) from error
    return action


def replace_action(
    action: ActionDefinition,
    spec: AdhocActionSpec,
    name: str,
    text: str,
    *,
    scope: str,
    now: datetime,
) -> ActionDefinition:
    """Store a new text of an action whose row the caller of this function has locked.

    What is the same in everything is left as it is, without a new time.
    """
    stored = (action.name, action.spec_name, action.text, action.scope)
    if stored == (name, spec.name, text, scope):
        return action
    _describe(action, spec, name, text)
    action.scope = scope
    action.updated_at = now
    try:
        with transaction.atomic():
            action.save(update_fields=_CHANGED)
    except IntegrityError as error:
        raise _duplicate(action) from error
    return action


def lock_action(caller: Caller, name: str, namespace: str) -> ActionDefinition | None:
    """Lock the caller's own action of this name; None if there is none."""
    return (
        ActionDefinition.objects.select_for_update()
        .filter(project_id=caller.project_id, name=name, namespace=namespace)
        .first()
    )


def _read(text: str) -> list[AdhocActionSpec]:
    specs = list(parse_actions(text).actions.values())
    require_allowed_definitions(actions=specs)
    return specs


def _lock(caller: Caller, identifier: str, namespace: str) -> ActionDefinition:
    found = find_adhoc_action(
        name=identifier,
        namespace=namespace,
        project_id=caller.project_id,
        is_admin=caller.is_admin,
        fallback=False,
    )
    if found is not None:
        check_owner(caller, found, TITLE)
        locked = ActionDefinition.objects.select_for_update().filter(pk=found.pk).first()
        if locked is not None:
            return locked
    raise NotFound(f"Action definition not found [action_name={identifier}, namespace={namespace}]")


def _describe(action: ActionDefinition, spec: AdhocActionSpec, name: str, text: str) -> None:
    check_name(name)
    action.name = name
    if name.startswith(RESERVED_PREFIXES) or find_any_action(name) is not None:
        raise _duplicate(action)
    action.tags = list(spec.tags)
    action.text = text
    action.spec = spec.raw
    action.spec_name = spec.name
    action.description = spec.description
    action.input_summary = summarize_input(spec.input)


def _duplicate(action: ActionDefinition) -> Conflict:
    return Conflict(
        f"Duplicate entry for {TITLE} ['name', 'namespace', 'project_id']: "
        f"{action.name}, {action.namespace}, {action.project_id}"
    )
