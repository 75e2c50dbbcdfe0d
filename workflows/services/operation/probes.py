"""Probes of the queues: a message that says nothing and has to be taken in time.

A worker may be connected, show its beat and take no message any more. The sweep sends a probe to
each queue of ours; who sees that it is not taken can say so. A process that has nothing to do while
messages wait in its queues ends its worker, which is then started again.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Sequence
from typing import Final

from celery import current_app
from django.conf import settings

from workflows.canvas import send_probe
from workflows.models.statements import execute, fetch_all
from workflows.services.running.broker import BrokerAway, is_redis, redis_client

logger = logging.getLogger(__name__)

# A worker that ends lets its idle processes go at once; so one that still has this one after these
# seconds does not react any more.
_END_SECONDS: Final = 30.0

# One sweep of several wins. A probe that was not taken is sent again only after a while: it may
# stand behind many messages, or be lost with them.
_DUE_SQL = """
    INSERT INTO queue_probes (name, sent_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET sent_at = excluded.sent_at, answered_at = NULL
    WHERE queue_probes.sent_at < clock_timestamp() - interval '1 second'
          * (CASE WHEN queue_probes.answered_at IS NULL THEN %s ELSE %s END)
    RETURNING name
"""
_ANSWER_SQL = """
    UPDATE queue_probes SET answered_at = clock_timestamp()
    WHERE name = %s AND answered_at IS NULL
"""


def send_probes() -> int:
    """Send a probe to each queue whose turn it is. A rule of the sweep; repairs nothing."""
    gaps = [settings.LEVANTE_DEAF_SECONDS * 2, settings.LEVANTE_PROBE_SECONDS]
    for queue in settings.LEVANTE_PROBED_QUEUES:
        if fetch_all(_DUE_SQL, [queue, *gaps]):
            send_probe(queue)
    return 0


def answer_probe(queue: str) -> None:
    """Note that a worker has taken the probe of a queue."""
    execute(_ANSWER_SQL, [queue])


class DeafnessWatch:
    """Notices in a worker's process that its worker hears no messages any more.

    It is so if the process had nothing to do for LEVANTE_DEAF_SECONDS although its queues were not
    empty at any look: whatever others do, a message was there for it all the time.
    """

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = queues
        self._waits_since: float | None = None
        self._looks_again_at = 0.0
        self._worker = os.getppid()
        self._asked_at: float | None = None

    def look(self, idle_seconds: float) -> None:
        """Look now and then whether messages wait; let the worker end if they do for too long.

        `idle_seconds` is for how long this process has had nothing to do.
        """
        now = time.monotonic()
        if self._asked_at is not None:
            if now - self._asked_at >= _END_SECONDS:
                logger.error("The worker does not react; it is killed, to be started again.")
                self._signal(signal.SIGKILL)
            return
        if now < self._looks_again_at:
            return
        gap = settings.LEVANTE_DEAF_SECONDS / 6
        self._looks_again_at = now + gap
        has_waited = 0.0 if self._waits_since is None else now - self._waits_since
        # Who has had work since the last look hears; the broker is not asked for that.
        if idle_seconds < max(has_waited, gap) or not has_messages(self._queues):
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        elif has_waited >= settings.LEVANTE_DEAF_SECONDS:
            self._asked_at = now
            logger.error("The worker takes no messages; it is asked to end, to be started again.")
            self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if os.getppid() == self._worker:
            os.kill(self._worker, number)


def has_messages(queues: Sequence[str]) -> bool:
    """Tell whether a message waits in one of the queues, as far as the broker can be asked."""
    if not is_redis():
        return False
    try:
        with redis_client() as client:
            return client is not None and any(client.llen(queue) for queue in queues)
    except BrokerAway:
        return False  # nobody hears anything then, and starting again would not help


def own_queues() -> list[str]:
    """The queues that the worker of this process listens to."""
    return sorted(current_app.amqp.queues.consume_from)
