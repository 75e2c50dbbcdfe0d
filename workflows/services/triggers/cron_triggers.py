"""Cron triggers as people handle them: make, change, pause, resume, run now, delete, look up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from workflows.engine.new_execution import check_target_task, complete_input
from workflows.errors import Conflict, NotFound, RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.models import (
    CatchUp,
    CronFire,
    CronTrigger,
    FireOutcome,
    Overlap,
    Scope,
    WorkflowDefinition,
)
from workflows.models.base import dump_json
from workflows.services.definitions.definitions import get_workflow, load_spec
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import (
    check_length,
    check_owner,
    check_scope,
    own_first,
    parse_id,
)
from workflows.services.triggers.cron_plan import MOST_COUNTED, next_slot, schedule_of
from workflows.services.triggers.notification_events import keep_secrets
from workflows.services.triggers.periodic_tasks import write_mirror
from workflows.services.triggers.schedules import check_pattern, count_slots, parse_zone

TITLE: Final = "CronTrigger"
FIRST_TIME_FORMAT: Final = "%Y-%m-%d %H:%M"
# What `update_cron_trigger` changes.
CHANGEABLE: Final = frozenset({
    "name", "pattern", "time_zone", "first_time", "expires_at", "remaining", "input", "params",
    "scope", "catch_up", "catch_up_limit", "overlap",
})  # fmt: skip
_MOST: Final = 2_147_483_647  # what the column holds


def find_cron_trigger(caller: Caller, name_or_id: str) -> CronTrigger | None:
    """Return the trigger of this id or name, the project's own before a public one."""
    wanted = Q(name=name_or_id)
    identity = parse_id(name_or_id)
    if identity is not None:
        wanted |= Q(pk=identity)
    return (
        CronTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        .filter(wanted)
        .order_by(own_first(caller.project_id), "created_at")
        .first()
    )


def get_cron_trigger(caller: Caller, name_or_id: str) -> CronTrigger:
    """Like `find_cron_trigger`; raises NotFound."""
    trigger = find_cron_trigger(caller, name_or_id)
    if trigger is None:
        raise NotFound(f"Cron trigger not found [name={name_or_id}]")
    return trigger


def create_cron_trigger(
    *,
    caller: Caller,
    name: str,
    workflow: str,
    input: JSONObject | None = None,
    params: JSONObject | None = None,
    pattern: str | None = None,
    first_time: str | None = None,
    remaining: int | None = None,
    scope: str = Scope.PRIVATE,
    time_zone: str = "UTC",
    catch_up: str = CatchUp.LAST,
    overlap: str = Overlap.ALLOW,
) -> CronTrigger:
    """Store a new trigger of the caller's project, with its periodic task.

    `workflow` is an id, or a name of the default namespace. `first_time` is in UTC, as in
    FIRST_TIME_FORMAT. The order of the checks is Mistral's.
    """
    if not name:
        raise RequestInvalid("The name of the cron trigger is not provided.")
    check_length("name", name)
    _check_count(remaining)
    check_scope(caller, scope, "cron_triggers")
    now = timezone.now()
    first = _read_first_time(first_time)
    _check_times(pattern, first, remaining, now)
    found = _check_workflow(caller, workflow, input or {}, params or {})
    trigger = CronTrigger(
        project_id=caller.project_id,
        name=name,
        workflow_id=found.pk,
        workflow_name=found.name,
        workflow_namespace=found.namespace,
        input=input or {},
        params=params or {},
        scope=scope,
        pattern=pattern or None,
        first_time=first,
        remaining=remaining if pattern else 1,
        time_zone=time_zone,
        catch_up=catch_up,
        overlap=overlap,
        created_at=now,
    )
    _check_choices(trigger)
    trigger.next_time = next_slot(trigger, now)
    trigger.fingerprint = _fingerprint(trigger)
    with transaction.atomic(durable=True):
        # Not while somebody deletes the workflow.
        if not WorkflowDefinition.objects.select_for_update(no_key=True).filter(pk=found.pk):
            raise NotFound(f"Workflow not found [workflow_identifier={workflow}, namespace=]")
        _store(trigger, is_new=True)
    return trigger


def update_cron_trigger(
    *, caller: Caller, trigger_id: UUID, changes: Mapping[str, Any]
) -> CronTrigger:
    """Change attributes of `CHANGEABLE`; a change of times gives a new next slot."""
    if unknown := sorted(set(changes) - CHANGEABLE):
        raise RequestInvalid(f"Can not update fields {unknown} of cron trigger.")
    now = timezone.now()
    with transaction.atomic(durable=True):
        trigger = _lock(caller, trigger_id)
        before = (trigger.pattern, trigger.time_zone, trigger.first_time, trigger.expires_at)
        stored = trigger.params
        for name, value in changes.items():
            setattr(trigger, name, value)
        trigger.params = keep_secrets(trigger.params, stored)
        if not trigger.name:
            raise RequestInvalid("The name of the cron trigger is not provided.")
        check_length("name", trigger.name)
        check_scope(caller, trigger.scope, "cron_triggers")
        _check_count(trigger.remaining)
        if not trigger.pattern and not trigger.interval_seconds and trigger.first_time is None:
            raise RequestInvalid("Pattern or first_execution_time must be specified.")
        _check_choices(trigger)
        if trigger.pattern:
            check_pattern(trigger.pattern)
        if {"input", "params"} & changes.keys():
            workflow = str(trigger.workflow_id or trigger.workflow_name)
            _check_workflow(caller, workflow, trigger.input, trigger.params)
        after = (trigger.pattern, trigger.time_zone, trigger.first_time, trigger.expires_at)
        if before != after or trigger.next_time is None:
            trigger.next_time = next_slot(trigger, now)
            trigger.problem = ""
        trigger.updated_at = now
        trigger.fingerprint = None
        _store(trigger, is_new=False)
    return trigger


def pause_cron_trigger(*, caller: Caller, trigger_id: UUID) -> CronTrigger:
    """Hold a trigger back until it is resumed; what it has started goes on."""
    with transaction.atomic(durable=True):
        trigger = _lock(caller, trigger_id)
        if not trigger.is_paused:
            trigger.is_paused, trigger.updated_at = True, timezone.now()
            _store(trigger, is_new=False)
    return trigger


def resume_cron_trigger(
    *, caller: Caller, trigger_id: UUID, now: datetime | None = None
) -> CronTrigger:
    """Let a trigger go on with its next slot; those of the pause are not made up."""
    now = now or timezone.now()
    with transaction.atomic(durable=True):
        trigger = _lock(caller, trigger_id)
        if trigger.is_paused:
            _note_pause(trigger, now)
            trigger.is_paused, trigger.updated_at = False, now
            _store(trigger, is_new=False)
    return trigger


def delete_cron_trigger(*, caller: Caller, name_or_id: str) -> None:
    """Delete a trigger with its periodic task; its history stays for a while."""
    with transaction.atomic(durable=True):
        trigger = _lock(caller, get_cron_trigger(caller, name_or_id).pk)
        drop_cron_trigger(trigger)


def drop_cron_trigger(trigger: CronTrigger) -> None:
    """Delete the rows of a locked trigger."""
    CronFire.objects.filter(trigger_id=trigger.pk, outcome=FireOutcome.WAITING).update(
        outcome=FireOutcome.SKIPPED, reason="The trigger was deleted."
    )
    trigger.periodic_task.delete()


def check_no_triggers(workflow: WorkflowDefinition, identifier: str, namespace: str) -> None:
    """Refuse to delete a workflow that triggers start. For whoever has locked its row."""
    ids = CronTrigger.objects.filter(workflow_id=workflow.pk).order_by("pk")
    if found := [str(pk) for pk in ids.values_list("pk", flat=True)]:
        raise RequestInvalid(
            "Can't delete workflow that has cron triggers associated. "
            f"[workflow_identifier={identifier}, namespace={namespace}], "
            f"[cron_trigger_id(s)={', '.join(found)}]"
        )


def _lock(caller: Caller, trigger_id: UUID) -> CronTrigger:
    trigger = CronTrigger.objects.select_for_update().filter(pk=trigger_id).first()
    if trigger is None:
        raise NotFound(f"Cron trigger not found [name={trigger_id}]")
    check_owner(caller, trigger, TITLE)
    return trigger


def _store(trigger: CronTrigger, *, is_new: bool) -> None:
    task = None if is_new else trigger.periodic_task
    try:
        with transaction.atomic():
            write_mirror(trigger, task)
            trigger.save(force_insert=is_new)
    except IntegrityError as error:
        raise Conflict(
            f"Duplicate entry for cron trigger ['name', 'project_id']: {trigger.name}, "
            f"{trigger.project_id}"
        ) from error


def _note_pause(trigger: CronTrigger, now: datetime) -> None:
    """Write down the slots that a pause took, and go on behind them."""
    if trigger.next_time is None or trigger.next_time >= now:
        return
    CronFire.objects.bulk_create(
        [
            CronFire(
                trigger_id=trigger.pk,
                trigger_name=trigger.name,
                project_id=trigger.project_id,
                slot=trigger.next_time,
                fired_at=now,
                outcome=FireOutcome.SKIPPED,
                reason="The trigger was paused.",
                slots=count_slots(schedule_of(trigger), trigger.next_time, now, MOST_COUNTED),
            )
        ],
        ignore_conflicts=True,
    )
    trigger.next_time = next_slot(trigger, now)


def _check_count(remaining: int | None) -> None:
    if remaining is not None and not 1 <= remaining <= _MOST:
        raise RequestInvalid(
            "Invalid input for field/attribute remaining_executions. "
            f"Value: '{remaining}'. Value should be greater or equal to 1"
        )


def _read_first_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, FIRST_TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise RequestInvalid(
            f"time data '{text}' does not match format '{FIRST_TIME_FORMAT}'"
        ) from error


def _check_times(
    pattern: str | None, first: datetime | None, remaining: int | None, now: datetime
) -> None:
    if first is None and not pattern:
        raise RequestInvalid("Pattern or first_execution_time must be specified.")
    if first is not None:
        if first < now + timedelta(seconds=60):
            raise RequestInvalid("first_execution_time must be at least 1 minute in the future.")
        if not pattern and remaining is not None and remaining > 1:
            raise RequestInvalid("Pattern must be provided if count is superior to 1.")
    if pattern:
        check_length("pattern", pattern)
        check_pattern(pattern)


def _check_workflow(
    caller: Caller, workflow: str, input: JSONObject, params: JSONObject
) -> WorkflowDefinition:
    """Refuse a workflow that is not there or does not take the input."""
    if not workflow:
        raise RequestInvalid("Workflow ID or workflow name must be provided.")
    found = get_workflow(caller, workflow, "")
    assert found.revision is not None
    spec = load_spec(found.revision).spec
    complete_input(spec, input)
    check_target_task(spec, params)
    return found


def _check_choices(trigger: CronTrigger) -> None:
    parse_zone(trigger.time_zone)
    for value, choices in ((trigger.catch_up, CatchUp), (trigger.overlap, Overlap)):
        if value not in choices.values:
            raise RequestInvalid(f"{value!r} is none of {', '.join(choices.values)}.")


def _fingerprint(trigger: CronTrigger) -> str | None:
    """Give what two triggers must not have in common: only those with count and first time."""
    if trigger.remaining is None or trigger.first_time is None:
        return None
    content = [
        str(trigger.workflow_id), trigger.input, trigger.params, trigger.pattern,
        trigger.remaining, trigger.first_time.isoformat(),
    ]  # fmt: skip
    return hashlib.sha256(dump_json(content).encode()).hexdigest()
