"""From decisions to Celery signatures: the one place that sends messages, called after a commit.

A message is a doorbell. It carries ids only, and losing or repeating it does no harm: work is taken
by a guarded update, and the sweep rings again for whatever nobody took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from celery import Signature, chain, chord, current_app, group
from django.conf import settings

from workflows.actions.celery_task import HANDED_ON

logger = logging.getLogger(__name__)

RUN_ACTION: Final = "workflows.run_action"
RUN_LANE: Final = "workflows.run_lane"
ADVANCE: Final = "workflows.advance"
START_SCHEDULED: Final = "workflows.start_scheduled"
PROBE: Final = "workflows.answer_probe"

ENGINE_QUEUE: Final = "engine"
ACTION_QUEUE: Final = "actions"


@dataclass(frozen=True, slots=True)
class ReadyAction:
    """An action for one worker. `target` names the queue, or is empty for the usual one."""

    id: UUID
    execution_id: UUID | None
    target: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """A task with items, for `count` lanes that take its items of one target in turn."""

    task_id: UUID
    execution_id: UUID
    count: int
    target: str


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be rung.

    `delays` are executions with a timer that is due after so many seconds: short ones only, sent
    as a hint so that they end to the moment; the row of the timer is what counts.
    """

    actions: tuple[ReadyAction, ...] = ()
    lanes: tuple[Lanes, ...] = ()
    executions: tuple[UUID, ...] = ()
    delays: tuple[tuple[UUID, float], ...] = ()


class CircuitBreaker:
    """Leaves the broker alone for a while after it failed, so that nobody waits for it in turn."""

    def __init__(self) -> None:
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._closed_again_at

    def trip(self) -> None:
        self._closed_again_at = time.monotonic() + settings.LEVANTE_BREAKER_SECONDS

    def reset(self) -> None:
        self._closed_again_at = 0.0


breaker: Final = CircuitBreaker()
_is_ringing: Final = ContextVar("is_ringing", default=False)


def ring(work: Work) -> None:
    """Send what the work asks for. Never raises, and takes a bounded time.

    What cannot be sent is left to the sweep: the rows say all that the messages would have said.
    """
    _send(build(work))


def send_probe(queue: str) -> None:
    """Send a message that only shows that somebody takes messages from the queue."""
    _send([_job(PROBE, queue, queue).set(expires=settings.LEVANTE_DEAF_SECONDS * 2)])


def _send(signatures: Sequence[Signature]) -> None:
    if not signatures or breaker.is_open:
        return
    before = _is_ringing.set(True)
    try:
        with current_app.producer_pool.acquire(block=True, timeout=1) as producer:
            for signature in signatures:
                signature.apply_async(producer=producer, add_to_parent=False)
    except Exception:  # a border: whatever the broker or its library raises, the work is committed
        breaker.trip()
        logger.warning("broker not reachable, the sweep will ring", exc_info=True)
    finally:
        _is_ringing.reset(before)


def is_ringing() -> bool:
    """Tell whether this thread is sending messages of ours at this moment."""
    return _is_ringing.get()


def build(work: Work) -> list[Signature]:
    """Give the signatures of the work.

    Several actions are a group of chains, the lanes of a task are a chord.
    """
    chains = [_action_chain(action) for action in work.actions]
    signatures: list[Signature] = [group(chains)] if len(chains) > 1 else chains
    signatures += [one for lanes in work.lanes if lanes.count > 0 for one in _lanes(lanes)]
    signatures += [_advance(execution_id) for execution_id in work.executions]
    signatures += [
        # A late hint is of no use: the sweep has found the timer by then.
        _advance(execution_id).set(countdown=seconds, expires=seconds + 10)
        for execution_id, seconds in work.delays
    ]
    return signatures


def _action_chain(action: ReadyAction) -> Signature:
    queue = _queue_of(action.target)
    if action.execution_id is None:
        return _job(RUN_ACTION, queue, str(action.id))
    run = _job(RUN_ACTION, queue, str(action.id), str(action.execution_id), action.target)
    return chain(run, _advance(action.execution_id))


def _lanes(lanes: Lanes) -> list[Signature]:
    queue = _queue_of(lanes.target)
    lane = _job(RUN_LANE, queue, str(lanes.task_id), lanes.target)
    if lanes.count == 1 or settings.CELERY_RESULT_BACKEND is None:
        # Where no results are kept each lane rings for itself; all but the last for nothing.
        return [chain(lane, _advance(lanes.execution_id))] * lanes.count
    # The parts of a chord are counted by their results, so here they must be kept.
    lane.set(ignore_result=False)
    return [chord([lane] * lanes.count, _advance(lanes.execution_id))]


def _queue_of(target: str) -> str:
    """What is handed on to a queue of other code is handed on by our usual workers."""
    return ACTION_QUEUE if not target or target.startswith(HANDED_ON) else target


def _advance(execution_id: UUID) -> Signature:
    return _job(ADVANCE, ENGINE_QUEUE, str(execution_id))


def _job(name: str, queue: str, *arguments: str) -> Signature:
    return Signature(name, args=arguments, immutable=True, options={"queue": queue})
