"""Workers and queues as the database and the broker know them; reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from kombu.exceptions import OperationalError

from workflows.engine.states import State
from workflows.models import ActionExecution, WorkerProcess
from workflows.services.identity.identity import Caller
from workflows.services.pages.task_waits import ACTION_QUEUE

ENGINE_QUEUE: Final = "engine"
# Waiting actions that are counted; beyond that it says "more than".
MOST_COUNTED: Final = 10_000
_BROKER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class BusyWith:
    """What a process is at; without a name and ids if it is not the caller's to see."""

    name: str
    execution_id: UUID | None
    task_id: UUID | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process that runs jobs."""

    process: WorkerProcess
    is_alive: bool
    work: Sequence[BusyWith] = ()


@dataclass(slots=True)
class Host:
    """The processes of one machine that serve the same queues."""

    name: str
    queues: str
    processes: list[ProcessStatus] = field(default_factory=list)

    @property
    def queue_names(self) -> list[str]:
        return [name for name in self.queues.split(",") if name]

    @property
    def celery_name(self) -> str:
        """The name that `manage.py up` gives to the worker of a single queue."""
        names = self.queue_names
        return f"{names[0]}@{self.name}" if len(names) == 1 else ""

    @property
    def alive(self) -> int:
        return sum(one.is_alive for one in self.processes)

    @property
    def busy(self) -> int:
        return sum(bool(one.work) for one in self.processes)

    @property
    def last_beat(self) -> datetime:
        return max(one.process.beat_at for one in self.processes)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: messages in the broker (None if it does not say), and actions nobody has taken."""

    name: str
    messages: int | None
    waiting: int
    oldest: datetime | None
    consumers: int

    @property
    def is_deserted(self) -> bool:
        return self.consumers == 0 and (self.waiting > 0 or bool(self.messages))


def list_hosts(caller: Caller) -> list[Host]:
    """Group the processes by machine and queues; those without a recent beat count as gone."""
    recent = timezone.now() - timedelta(seconds=settings.LEVANTE_DEAD_SECONDS)
    processes = list(WorkerProcess.objects.order_by("host", "queues", "pid"))
    work = _work_of(processes, caller)
    hosts: dict[tuple[str, str], Host] = {}
    for process in processes:
        key = (process.host, process.queues)
        host = hosts.setdefault(key, Host(*key))
        is_alive = process.beat_at >= recent
        host.processes.append(ProcessStatus(process, is_alive, work.get(process.pk, [])))
    return list(hosts.values())


def count_alive() -> tuple[int, int]:
    """Return how many processes are alive, and how many have fallen silent."""
    recent = timezone.now() - timedelta(seconds=settings.LEVANTE_DEAD_SECONDS)
    beats = list(WorkerProcess.objects.values_list("beat_at", flat=True))
    alive = sum(beat >= recent for beat in beats)
    return alive, len(beats) - alive


def list_queues(hosts: Iterable[Host]) -> list[QueueStatus]:
    """Describe the queues that somebody serves or that work waits in."""
    consumers: dict[str, int] = {ENGINE_QUEUE: 0, ACTION_QUEUE: 0}
    for host in hosts:
        for name in filter(None, host.queues.split(",")):
            consumers[name] = consumers.get(name, 0) + host.alive
    waiting = _waiting_actions()
    names = [*consumers, *(name for name in waiting if name not in consumers)]
    messages = _count_messages(names)
    return [
        QueueStatus(
            name,
            messages.get(name),
            *waiting.get(name, (0, None)),
            consumers=consumers.get(name, 0),
        )
        for name in names
    ]


def _work_of(processes: Iterable[WorkerProcess], caller: Caller) -> dict[UUID, list[BusyWith]]:
    ids = [process.pk for process in processes]
    rows = (
        ActionExecution.objects.filter(
            process_id__in=ids, state=State.RUNNING, is_handled=False, token__isnull=False
        )
        .order_by("started_at")
        .values_list("process_id", "project_id", "name", "execution_id", "task_id", "started_at")
    )
    # The tokens of a beat would be looked up one by one; a live process is at few actions, and
    # open actions have an index.
    found: dict[UUID, list[BusyWith]] = {}
    for process_id, project_id, name, execution_id, task_id, started_at in rows[:1000]:
        assert process_id is not None  # the filter says so
        if caller.is_admin or project_id == caller.project_id:
            work = BusyWith(name, execution_id, task_id, started_at)
        else:
            work = BusyWith("", None, None, started_at)
        found.setdefault(process_id, []).append(work)
    return found


def _waiting_actions() -> dict[str, tuple[int, datetime | None]]:
    """Count the actions that no worker has taken, by queue, up to a bound."""
    ready = ActionExecution.objects.filter(
        state=State.RUNNING, token=None, is_handled=False, is_inline=False, is_sync=True
    )
    sample = ready.values("id")[:MOST_COUNTED]
    rows = (
        ActionExecution.objects.filter(pk__in=sample)
        .values_list("target")
        .annotate(count=Count("id"), oldest=Min("created_at"))
        .order_by("target")
    )
    return {target or ACTION_QUEUE: (count, oldest) for target, count, oldest in rows}


def _count_messages(names: Iterable[str]) -> dict[str, int | None]:
    """Ask the broker how many messages each queue has. Nothing if it does not answer."""
    found: dict[str, int | None] = {}
    try:
        with current_app.connection_for_read(connect_timeout=_BROKER_SECONDS) as connection:
            for name in names:
                found[name] = _messages(connection, name)
    except (OperationalError, OSError):
        return {}
    return found


def _messages(connection: object, name: str) -> int | None:
    """Look at one queue without making it; one that was never used is empty."""
    with connection.channel() as channel:  # type: ignore[attr-defined]
        try:
            return int(channel.queue_declare(name, passive=True).message_count)
        except connection.channel_errors:  # type: ignore[attr-defined]
            return 0
