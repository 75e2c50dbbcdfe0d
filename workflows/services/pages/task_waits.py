"""Why a task has not run yet, or what it is at: for whoever looks at it and wonders."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from workflows.engine.states import State
from workflows.models import (
    ActionExecution,
    JoinArrival,
    TaskExecution,
    Timer,
    TimerKind,
    WorkerProcess,
    WorkflowExecution,
)
from workflows.services.definitions.definitions import load_spec
from workflows.services.pages.run_lists import open_outside

_TIMERS: Final = {
    TimerKind.WAIT_BEFORE: "It starts at {at}: its policy wait-before says so.",
    TimerKind.WAIT_AFTER: "Its work is done. It ends at {at}: its policy wait-after says so.",
    TimerKind.RETRY: "The last attempt failed. The next one starts at {at}.",
    TimerKind.TIMEOUT: "It is broken off at {at}, should it not have ended by then.",
}
ACTION_QUEUE: Final = "actions"
_MOST_NAMES: Final = 8


def explain_wait(task: TaskExecution) -> list[str]:
    """Return sentences on what a task waits for; none for one that has ended."""
    if task.state == State.WAITING:
        return _explain_join(task)
    found = [
        _TIMERS[TimerKind(timer.kind)].format(at=f"{timer.due_at:%H:%M:%S} UTC")
        for timer in Timer.objects.filter(task_id=task.pk).order_by("due_at")
    ]
    if task.state == State.IDLE:
        found.append(
            "Its policy pause-before has paused the execution. Resume it to go on."
            if task.has_paused_before
            else "It has not been let start: the execution is paused, or was when it came up."
        )
    if task.state == State.RUNNING:
        found += _explain_work(task)
    if task.state == State.PAUSED:
        found.append("What it started is paused.")
    return found


def _explain_join(task: TaskExecution) -> list[str]:
    graph = load_spec(task.execution.revision).graph
    inbound = graph.inbound.get(task.name, ())
    arrived = set(
        JoinArrival.objects.filter(join_id=task.pk).values_list("inbound_name", flat=True)
    )
    missing = [name for name in inbound if name not in arrived]
    spec = load_spec(task.execution.revision).spec.tasks.get(task.name)
    wanted = "all" if spec is None or spec.join == "all" else str(spec.join)
    return [
        f"It joins {wanted} of {len(inbound)} tasks; {len(arrived)} have led here.",
        f"Still missing: {_names(missing)}." if missing else "It is about to start.",
    ]


def _explain_work(task: TaskExecution) -> list[str]:
    children = WorkflowExecution.objects.filter(parent_task_id=task.pk)
    paused = children.filter(state=State.PAUSED).count()
    if paused:
        return [f"{paused} of its sub-workflows are paused."]
    actions = ActionExecution.objects.filter(task_id=task.pk, state=State.RUNNING)
    outside = open_outside().filter(task_id=task.pk).count()
    if outside:
        return [
            "Its work is done elsewhere. It ends when somebody reports the result, "
            f"here or through the API ({outside} open)."
        ]
    waiting = actions.filter(token=None, is_inline=False).values_list("target", flat=True)
    queues = sorted({target or ACTION_QUEUE for target in waiting[:1000]})
    return [_explain_queue(queue) for queue in queues]


def _explain_queue(queue: str) -> str:
    recent = timezone.now() - timedelta(seconds=settings.LEVANTE_DEAD_SECONDS)
    alive = [
        queues.split(",")
        for queues in WorkerProcess.objects.filter(beat_at__gte=recent).values_list(
            "queues", flat=True
        )
    ]
    if any(queue in queues for queues in alive):
        return f"Work of it waits for a free worker of the queue {queue}."
    return f"No worker serves the queue {queue}. Start one, and it goes on by itself."


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
