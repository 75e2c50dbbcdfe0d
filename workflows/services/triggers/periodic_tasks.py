"""Triggers as periodic tasks of beat: shown there, and changed there by people.

Beat leaves these tasks alone (config/beat.py); the slots are found by `cron_firing`. A periodic
task that a person makes for the job START_JOB becomes a trigger, and what a person changes in one
is taken over; a row that was not changed since `synced_at` is not looked at.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from celery import schedules as celery_schedules
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
)

from workflows.canvas import START_SCHEDULED
from workflows.errors import RequestInvalid, WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.models import CronTrigger, Project
from workflows.services.definitions.definitions import find_workflow
from workflows.services.identity.identity import FIRST_PROJECT, provide_open_project
from workflows.services.identity.ownership import parse_id
from workflows.services.identity.projects import find_project
from workflows.services.triggers.cron_plan import next_slot
from workflows.services.triggers.schedules import ALIASES, check_pattern

logger = logging.getLogger(__name__)

START_JOB: Final = START_SCHEDULED

_UNITS: Final = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_CRON_FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
# The last change of any periodic task that this process has looked at.
_last_change: datetime | None = None

# What beat's tables can hold.
_TASK_NAME_LENGTH: Final = 150


@dataclass(frozen=True, slots=True)
class Arguments:
    """The keyword arguments of START_JOB. `workflow` and `project` are names or ids."""

    workflow: str
    namespace: str
    input: JSONObject
    params: JSONObject
    project: str
    count: int | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Arguments:
        """Check what a person wrote; raises RequestInvalid."""
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(given) - names):
            raise RequestInvalid(f"The job does not know the arguments {', '.join(unknown)}.")
        if not given.get("workflow"):
            raise RequestInvalid('The arguments name no workflow, such as {"workflow": "hello"}.')
        count = given.get("count")
        if count is not None and (type(count) is not int or count < 0):
            raise RequestInvalid("The count is a whole number.")
        return cls(
            workflow=str(given["workflow"]),
            namespace=str(given.get("namespace") or ""),
            input=_object(given, "input"),
            params=_object(given, "params"),
            project=str(given.get("project") or ""),
            count=count,
        )


def _object(given: Mapping[str, Any], name: str) -> JSONObject:
    value = given.get(name)
    if value is not None and not isinstance(value, dict):
        raise RequestInvalid(f"The argument {name} is an object.")
    return value or {}


def write_mirror(trigger: CronTrigger, task: PeriodicTask | None = None) -> PeriodicTask:
    """Show the trigger as a periodic task, and note that the trigger knows this version of it."""
    task = task or PeriodicTask(
        name=f"{trigger.name[:_TASK_NAME_LENGTH]} [{trigger.id}]", task=START_JOB
    )
    task.crontab = task.interval = task.clocked = task.solar = None
    if trigger.pattern:
        task.crontab = _crontab_row(trigger)
    elif trigger.interval_seconds:
        task.interval, _ = IntervalSchedule.objects.get_or_create(**_interval(trigger))
    else:
        moment = trigger.first_time or trigger.created_at
        task.clocked = ClockedSchedule.objects.filter(clocked_time=moment).first()
        if task.clocked is None:
            task.clocked = ClockedSchedule.objects.create(clocked_time=moment)
    task.one_off = task.clocked is not None
    task.start_time = None if task.clocked else trigger.first_time
    task.expires = trigger.expires_at
    task.enabled = not trigger.is_paused
    task.kwargs = _arguments(trigger)
    task.save()
    trigger.periodic_task = task
    trigger.synced_at = task.date_changed
    return task


def note_runs(trigger: CronTrigger, count: int, now: datetime) -> None:
    """Show runs in the periodic task, without waking up beat."""
    PeriodicTask.objects.filter(pk=trigger.periodic_task_id).update(
        last_run_at=now, total_run_count=F("total_run_count") + count, kwargs=_arguments(trigger)
    )


def sync_periodic_tasks() -> int:
    """Take over what people did to periodic tasks since the last time; give how many there were."""
    global _last_change
    ours = PeriodicTask.objects.filter(task=START_JOB)
    changed = ours.filter(
        Q(trigger__isnull=True)
        | Q(trigger__synced_at__isnull=True)
        | ~Q(trigger__synced_at=F("date_changed"))
    )
    ids = set(changed.values_list("pk", flat=True)[: settings.LEVANTE_SWEEP_BATCH])
    last_change = PeriodicTasks.last_change()
    if last_change != _last_change:
        # A schedule row may be changed without the tasks that use it.
        rows = ours.select_related("trigger", "crontab", "interval", "clocked")
        ids |= {row.pk for row in rows if not _is_shown_right(row)}
        _last_change = last_change
    for pk in sorted(ids):
        try:
            with transaction.atomic(durable=True):
                _take_over(pk)
        except Exception:  # a border: one row that people wrote must not hold back the others
            logger.exception("periodic task not understood", extra={"periodic_task": pk})
    return len(ids)


def _is_shown_right(task: PeriodicTask) -> bool:
    trigger: CronTrigger | None = getattr(task, "trigger", None)
    if trigger is None:
        return False
    if task.crontab is not None:
        return bool(trigger.pattern) and _crontab(task.crontab) == _crontab_of(trigger)
    if task.interval is not None:
        shown = {"every": task.interval.every, "period": task.interval.period}
        return trigger.interval_seconds is not None and shown == _interval(trigger)
    return task.clocked is None or task.clocked.clocked_time == trigger.first_time


def _take_over(pk: int) -> None:
    # The trigger first, as for whoever changes, fires or deletes one.
    triggers = CronTrigger.objects.filter(periodic_task_id=pk)
    trigger = triggers.select_for_update().first()
    task = PeriodicTask.objects.select_for_update().filter(pk=pk).first()
    if task is None:
        return
    is_new = trigger is None
    if is_new and triggers.exists():
        return  # somebody has just made it of this task
    now = timezone.now()
    if trigger is None:
        trigger = CronTrigger(periodic_task=task, is_adopted=True, created_at=now)
    before = _timing(trigger)
    try:
        trigger.problem = ""
        _read_arguments(trigger, task, is_new=is_new)
        _read_schedule(trigger, task)
    except WorkflowsError as error:
        trigger.problem = error.message
        trigger.next_time = None
    else:
        if _timing(trigger) != before or trigger.next_time is None:
            trigger.next_time = next_slot(trigger, now)
    if trigger.project_id is None:
        trigger.project = get_project("")
    if is_new:
        trigger.name = _free_name(trigger, task)
    else:
        trigger.updated_at = now
    trigger.fingerprint = None
    trigger.synced_at = task.date_changed
    trigger.save()


def _timing(trigger: CronTrigger) -> tuple[Any, ...]:
    """What decides about the next slot."""
    return (
        trigger.pattern, trigger.interval_seconds, trigger.time_zone, trigger.first_time,
        trigger.expires_at, trigger.is_paused, trigger.remaining == 0,
    )  # fmt: skip


def _read_schedule(trigger: CronTrigger, task: PeriodicTask) -> None:
    trigger.is_paused = not task.enabled
    trigger.expires_at = task.expires
    if task.crontab is not None:
        if not trigger.pattern or _crontab(task.crontab) != _crontab_of(trigger):
            trigger.pattern = " ".join(_crontab(task.crontab)[name] for name in _CRON_FIELDS)
            trigger.time_zone = str(task.crontab.timezone)
            check_pattern(trigger.pattern)
        trigger.interval_seconds, trigger.first_time = None, task.start_time
    elif task.interval is not None:
        trigger.pattern = None
        if task.interval.period not in _UNITS:
            raise RequestInvalid("An interval has whole seconds.")
        trigger.interval_seconds = task.interval.every * _UNITS[task.interval.period]
        trigger.first_time = task.start_time
    elif task.clocked is not None:
        trigger.pattern, trigger.interval_seconds = None, None
        trigger.first_time, trigger.remaining = task.clocked.clocked_time, 1
    else:
        raise RequestInvalid("Only a crontab, an interval or a clocked time can start a workflow.")
    if task.one_off and not trigger.remaining and task.enabled:
        trigger.remaining = 1


def _read_arguments(trigger: CronTrigger, task: PeriodicTask, *, is_new: bool) -> None:
    read = Arguments.read(_json_object(task.kwargs))
    if is_new or read.project:
        trigger.project = get_project(read.project)
    trigger.workflow_namespace = read.namespace
    found = find_workflow(
        name_or_id=read.workflow, namespace=read.namespace, project_id=trigger.project_id
    )
    trigger.workflow_id = found.pk if found else parse_id(read.workflow)
    trigger.workflow_name = found.name if found else read.workflow
    trigger.input, trigger.params, trigger.remaining = read.input, read.params, read.count


def _json_object(text: str) -> JSONObject:
    value: Any = None
    with suppress(ValueError):
        value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise RequestInvalid("The keyword arguments are no JSON object.")
    return value


def get_project(name_or_id: str) -> Project:
    """Give the project that a person named; without a name the one of the first administrator."""
    if not name_or_id:
        if settings.LEVANTE_NO_AUTH:
            return provide_open_project()
        return Project.objects.get_or_create(name=FIRST_PROJECT)[0]
    found = find_project(name_or_id)
    if found is None:
        raise RequestInvalid(f"There is no project {name_or_id!r}.")
    return found


def _free_name(trigger: CronTrigger, task: PeriodicTask) -> str:
    taken = CronTrigger.objects.filter(project=trigger.project, name=task.name).exists()
    return f"{task.name} [{task.pk}]" if taken else str(task.name)


def _arguments(trigger: CronTrigger) -> str:
    """Write the keyword arguments of the job; the reference is the id, as far as there is one."""
    arguments: JSONObject = {
        "workflow": str(trigger.workflow_id or trigger.workflow_name),
        "input": trigger.input,
        "params": trigger.params,
        "project": str(trigger.project_id),
    }
    if trigger.workflow_namespace:
        arguments["namespace"] = trigger.workflow_namespace
    if trigger.remaining is not None:
        arguments["count"] = trigger.remaining
    return json.dumps(arguments, ensure_ascii=False)


def _interval(trigger: CronTrigger) -> dict[str, Any]:
    seconds = trigger.interval_seconds or 1
    period = next(period for period, unit in _UNITS.items() if seconds % unit == 0)
    return {"every": seconds // _UNITS[period], "period": period}


def _crontab_row(trigger: CronTrigger) -> CrontabSchedule:
    wanted = _crontab_of(trigger)
    found = CrontabSchedule.objects.filter(**wanted).first()
    return found or CrontabSchedule.objects.create(**wanted)


def _crontab(row: CrontabSchedule) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in (*_CRON_FIELDS, "timezone")}


def _crontab_of(trigger: CronTrigger) -> dict[str, str]:
    """Give the fields that beat has; a part that it cannot express is shown as `*`."""
    pattern = ALIASES.get((trigger.pattern or "").strip(), trigger.pattern or "")
    fields = dict(zip(_CRON_FIELDS, pattern.split(), strict=False))
    for name, text in fields.items():
        try:
            celery_schedules.crontab(**{name: text})
        except (ValueError, celery_schedules.ParseException):
            fields[name] = "*"
    return {**fields, "timezone": trigger.time_zone}
