"""Asking the engine: what follows from the events of a locked execution."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from django.conf import settings

from workflows.engine.commands import Decision
from workflows.engine.decide import decide
from workflows.engine.events import ActionEnded, Event, InlineActionReady, ItemsEnded, TimerDue
from workflows.engine.limits import EngineLimits
from workflows.services.advancing.store import LockedExecution, may_have_left_some
from workflows.services.definitions.catalogue import DatabaseCatalogue


def decide_on(locked: LockedExecution, events: Sequence[Event]) -> Decision:
    """Ask the engine what follows from events, for about as long as a lock may be held."""
    tasks = {task_id for event in events if (task_id := _task_of(event))}
    if tasks:
        locked.view.prefetch(tasks)
    deadline = time.monotonic() + settings.LEVANTE_ADVANCE_SECONDS
    decision = decide(
        locked.view,
        events,
        catalogue=DatabaseCatalogue(locked.project_id, locked.view.execution),
        new_id=uuid4,
        clock=locked.clock,
        must_stop=lambda: time.monotonic() > deadline,
        limits=_limits(),
    )
    return replace(decision, is_complete=False) if may_have_left_some(events) else decision


def _limits() -> EngineLimits:
    return EngineLimits(
        items=settings.LEVANTE_MAX_ITEMS,
        tasks=settings.LEVANTE_MAX_TASKS,
        visits=settings.LEVANTE_MAX_VISITS,
        depth=settings.LEVANTE_MAX_WORKFLOW_DEPTH,
        retries=settings.LEVANTE_MAX_RETRIES,
        state_info=settings.LEVANTE_MAX_INFO_LENGTH,
    )


def _task_of(event: Event) -> UUID | None:
    match event:
        case ActionEnded(action) | InlineActionReady(action):
            return action.task_id
        case ItemsEnded(task_id) | TimerDue(task_id):
            return task_id
        case _:
            return None
