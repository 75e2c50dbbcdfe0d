"""The due slots of triggers: found by their rows, each run once, whoever looks and however often.

Any number of processes may look at once, by the sweep's loop or by a job of beat. A trigger is
locked while its slots are decided about, and a slot is a unique row that is inserted together with
its execution.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from workflows.errors import InMaintenance, WorkflowsError
from workflows.models import (
    CronFire,
    CronTrigger,
    FireOutcome,
    Overlap,
    ServiceStatus,
    WorkflowExecution,
)
from workflows.models.statements import OPEN_STATES, execute, fetch_all, fetch_one
from workflows.services.executions.executions import begin_execution, prepare_execution
from workflows.services.operation.reminders import Reminders
from workflows.services.operation.service_status import get_status, require_running
from workflows.services.triggers.cron_plan import Plan, Skipped, plan_slots, schedule_of
from workflows.services.triggers.cron_triggers import drop_cron_trigger
from workflows.services.triggers.periodic_tasks import note_runs, write_mirror

logger = logging.getLogger(__name__)

# The longest sleep, so that a trigger made meanwhile is not late.
_LONGEST: Final = 1.0
_SHORTEST: Final = 0.01
# Seconds after which a pass takes up no other trigger, so that timers and the triggers that have
# become due meanwhile are not kept waiting by many that are slow.
_LONGEST_PASS: Final = 5.0
# Earlier runs that may still be going when a slot comes.
_RUNS_LOOKED_AT: Final = 100

_DUE_SQL: Final = """
    SELECT id FROM cron_triggers
    WHERE NOT is_paused AND next_time <= %s AND id <> ALL(%s)
    ORDER BY next_time LIMIT %s
"""
_NEXT_SQL: Final = """
    SELECT extract(epoch FROM min(next_time) - clock_timestamp()) FROM cron_triggers
    WHERE NOT is_paused AND next_time IS NOT NULL AND id <> ALL(%s)
"""
# A run of the trigger {trigger} that is not over.
_RUN_SQL: Final = """
    SELECT e.id FROM (
        SELECT execution_id FROM cron_fires
        WHERE trigger_id = {trigger} AND execution_id IS NOT NULL ORDER BY slot DESC LIMIT %s) AS f
    JOIN workflow_executions e ON e.id = f.execution_id
    WHERE e.state = ANY(%s) LIMIT 1
"""
_RUNNING_SQL: Final = _RUN_SQL.format(trigger="%s")
# The triggers of which a waiting slot can start now, so that waiting costs no transaction.
_WAITING_SQL: Final = f"""
    SELECT t.id FROM (SELECT DISTINCT trigger_id FROM cron_fires WHERE outcome = 'waiting') AS w
    JOIN cron_triggers t ON t.id = w.trigger_id
    WHERE NOT t.is_paused AND NOT EXISTS ({_RUN_SQL.format(trigger="t.id")}) LIMIT %s
"""
_OLD_SQL: Final = """
    DELETE FROM cron_fires WHERE id IN (
        SELECT id FROM cron_fires
        WHERE fired_at < clock_timestamp() - %s * interval '1 day'
          AND (outcome <> 'waiting'
               OR NOT EXISTS (SELECT FROM cron_triggers t WHERE t.id = cron_fires.trigger_id))
        ORDER BY fired_at LIMIT %s)
"""

_failing = Reminders()


def fire_due_triggers(now: datetime | None = None) -> float:
    """Start whatever is due; give the seconds until the next slot, 1 at most.

    Without `now` it is the time of the database, so it does not matter whose clock is wrong. All
    triggers of a pass are judged by the time of its beginning: none misses a slot because of those
    before it. What a pass does not come to stays due, and is the first of the next.
    """
    if not settings.LEVANTE_TRIGGERS or get_status() != ServiceStatus.RUNNING:
        return _LONGEST
    batch = settings.LEVANTE_SWEEP_BATCH
    clock = now or fetch_one("SELECT clock_timestamp()")[0]
    resting = _failing.resting()
    due = [row[0] for row in fetch_all(_DUE_SQL, [clock, resting, batch])]
    if failed := _attempt_all(fire_trigger, due, clock):
        _failing.take_due(failed)
    waiting = [row[0] for row in fetch_all(_WAITING_SQL, [_RUNS_LOOKED_AT, OPEN_STATES, batch])]
    _attempt_all(start_waiting, waiting, clock)
    row = fetch_one(_NEXT_SQL, [_failing.resting()])
    seconds = float(row[0]) if row and row[0] is not None else _LONGEST
    return max(_SHORTEST, min(seconds, _LONGEST))


def fire_trigger(trigger_id: UUID, now: datetime) -> int:
    """Decide about the due slots of one trigger, and start executions; give their number.

    A trigger that another process is at is left to it.
    """
    with transaction.atomic(durable=True):
        require_running()
        trigger = (
            CronTrigger.objects.select_for_update(skip_locked=True)
            .filter(pk=trigger_id, is_paused=False, next_time__lte=now)
            .first()
        )
        if trigger is None:
            return 0
        plan = _plan(trigger, now)
        if plan.skipped is not None:
            _write_skipped(trigger, plan.skipped, now)
        trigger.next_time = plan.next_time
        if trigger.remaining is not None:
            trigger.remaining -= len(plan.run)
        started = sum([_fire_slot(trigger, slot, now) for slot in plan.run])
        _leave(trigger, len(plan.run), now)
    return started


def start_waiting(trigger_id: UUID, now: datetime) -> UUID | None:
    """Start the oldest slot that waited for the end of a run, once that has ended."""
    with transaction.atomic(durable=True):
        require_running()
        trigger = (
            CronTrigger.objects.select_for_update(skip_locked=True)
            .filter(pk=trigger_id, is_paused=False)
            .first()
        )
        if trigger is None or _running(trigger) is not None:
            return None
        fire = (
            CronFire.objects.filter(trigger_id=trigger.pk, outcome=FireOutcome.WAITING)
            .order_by("slot")
            .first()
        )
        if fire is None:
            return None
        _start(trigger, fire, now)
        _leave(trigger, 0, now)
    return fire.execution_id


def run_trigger_now(trigger: CronTrigger, now: datetime | None = None) -> CronFire:
    """Start the workflow of a trigger at once, beside its slots; the count stays as it is."""
    clock = now or fetch_one("SELECT clock_timestamp()")[0]
    with transaction.atomic(durable=True):
        require_running()
        fire = _new_fire(trigger, clock, clock)
        fire.is_manual = True
        _start(trigger, fire, clock)
        CronTrigger.objects.filter(pk=trigger.pk).update(problem=trigger.problem)
    return fire


def drop_old_fires() -> int:
    """Delete history that is old enough; a slot that waits stays for as long as its trigger."""
    return execute(
        _OLD_SQL, [settings.LEVANTE_TRIGGER_HISTORY_DAYS, settings.LEVANTE_SWEEP_BATCH * 10]
    )


def _attempt_all(
    deal_with: Callable[[UUID, datetime], object], trigger_ids: Iterable[UUID], now: datetime
) -> list[UUID]:
    """Deal with triggers, at least with one, until they or the time are over; give the failed."""
    deadline = time.monotonic() + _LONGEST_PASS
    failed = []
    for trigger_id in trigger_ids:
        if not _attempt(deal_with, trigger_id, now):
            failed.append(trigger_id)
        if time.monotonic() >= deadline:
            break
    return failed


def _attempt(
    deal_with: Callable[[UUID, datetime], object], trigger_id: UUID, now: datetime
) -> bool:
    """A trigger that cannot be dealt with must not hold back the others."""
    try:
        deal_with(trigger_id, now)
    except InMaintenance:
        return True  # it stays due
    except Exception:  # a border: each trigger is a program of its own
        logger.exception("a trigger failed", extra={"trigger": str(trigger_id)})
        return False
    return True


def _plan(trigger: CronTrigger, now: datetime) -> Plan:
    try:
        schedule = schedule_of(trigger)
    except WorkflowsError as error:
        trigger.problem = error.message
        return Plan((), None, None)
    return plan_slots(
        trigger,
        now,
        grace=settings.LEVANTE_TRIGGER_GRACE_SECONDS,
        batch=settings.LEVANTE_TRIGGER_BATCH,
        schedule=schedule,
    )


def _fire_slot(trigger: CronTrigger, slot: datetime, now: datetime) -> bool:
    """Do what is right at a slot; True if a run has started."""
    fire = _new_fire(trigger, slot, now)
    running = None if trigger.overlap == Overlap.ALLOW else _running(trigger)
    waiting = trigger.overlap == Overlap.QUEUE and _count_waiting(trigger)
    try:
        with transaction.atomic():
            if running is None and not waiting:
                _start(trigger, fire, now)
            elif trigger.overlap == Overlap.SKIP:
                fire.reason = f"The run {running} was not over."
                fire.save(force_insert=True)
            elif waiting >= settings.LEVANTE_TRIGGER_QUEUE:
                fire.reason = f"{waiting} slots were waiting already (LEVANTE_TRIGGER_QUEUE)."
                fire.save(force_insert=True)
            else:
                fire.outcome = FireOutcome.WAITING
                fire.save(force_insert=True)
    except IntegrityError:
        logger.warning("a slot was run before", extra={"trigger": str(trigger.pk)})
        return False
    return fire.execution_id is not None


def _new_fire(trigger: CronTrigger, slot: datetime, now: datetime) -> CronFire:
    return CronFire(
        trigger_id=trigger.pk,
        trigger_name=trigger.name,
        project_id=trigger.project_id,
        slot=slot,
        fired_at=now,
        outcome=FireOutcome.SKIPPED,
    )


def _start(trigger: CronTrigger, fire: CronFire, now: datetime) -> None:
    """Store the slot with its execution, or with the reason why there is none."""
    try:
        execution = _prepare(trigger)
    except WorkflowsError as error:
        fire.outcome, fire.reason = FireOutcome.FAILED, error.message
    except DatabaseError:
        raise
    except Exception:  # a border: whatever is wrong with this workflow, others have to be started
        logger.exception("a trigger could not start", extra={"trigger": str(trigger.pk)})
        fire.outcome, fire.reason = FireOutcome.FAILED, "Internal error. It has been logged."
    else:
        execution.save(force_insert=True)
        transaction.on_commit(partial(begin_execution, execution))
        fire.outcome, fire.reason, fire.execution_id = FireOutcome.STARTED, "", execution.pk
    trigger.problem = fire.reason
    fire.fired_at = now
    fire.save(force_insert=fire.pk is None)


def _prepare(trigger: CronTrigger) -> WorkflowExecution:
    cause = {
        "description": f"Workflow execution created by cron trigger '({trigger.pk})'.",
        "triggered_by": {"type": "cron_trigger", "id": str(trigger.pk)},
    }
    return prepare_execution(
        project_id=trigger.project_id,
        workflow=str(trigger.workflow_id or trigger.workflow_name),
        namespace=trigger.workflow_namespace,
        input=trigger.input,
        params=trigger.params,
        description=json.dumps(cause),
        actor=f"cron trigger {trigger.name}"[:255],
    )


def _running(trigger: CronTrigger) -> UUID | None:
    row = fetch_one(_RUNNING_SQL, [trigger.pk, _RUNS_LOOKED_AT, OPEN_STATES])
    return row[0] if row else None


def _count_waiting(trigger: CronTrigger) -> int:
    return CronFire.objects.filter(trigger_id=trigger.pk, outcome=FireOutcome.WAITING).count()


def _write_skipped(trigger: CronTrigger, skipped: Skipped, now: datetime) -> None:
    fire = _new_fire(trigger, skipped.first, now)
    fire.slots = skipped.count
    fire.reason = (
        f"Nobody was there in time; the policy {trigger.catch_up} leaves out what was missed "
        f"until {skipped.until:%Y-%m-%d %H:%M:%S} UTC."
    )
    CronFire.objects.bulk_create([fire], ignore_conflicts=True)


def _leave(trigger: CronTrigger, runs: int, now: datetime) -> None:
    """Store the trigger, or delete it if it has nothing left to do: Mistral's rule."""
    is_over = trigger.remaining == 0 and not _count_waiting(trigger)
    if is_over and not trigger.is_adopted:
        drop_cron_trigger(trigger)
        return
    if is_over:
        trigger.is_paused = True
        write_mirror(trigger, trigger.periodic_task)
    trigger.save(
        update_fields=["next_time", "remaining", "problem", "is_paused", "synced_at", "fingerprint"]
    )
    if runs:
        note_runs(trigger, runs, now)
