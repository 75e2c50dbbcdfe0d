"""Tells receivers outside about runs and tasks: reads the history, sends, and tries again."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from workflows.actions.publishers import DeliveryFailed, find_publisher
from workflows.services.triggers.notifications import (
    Claimed,
    claim_deliveries,
    collect_deliveries,
    drop_old_deliveries,
    settle_delivery,
)

logger = logging.getLogger(__name__)

_LOOK: Final = 1.0  # seconds between two looks at the history
_AFTER_FAILURE: Final = 5.0


class Notifier:
    """One loop that talks to the database, and some threads that talk to receivers."""

    name = "notifier"

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._sending: dict[Future[None], Claimed] = {}
        self._next_clean = 0.0

    def run(self) -> None:
        """Work until the stop is asked for."""
        with ThreadPoolExecutor(
            settings.LEVANTE_NOTIFY_THREADS, thread_name_prefix="notify"
        ) as pool:
            while not self._stop.is_set():
                try:
                    close_old_connections()
                    self.step(pool)
                except Exception:  # a border: the database may be away, and comes back
                    logger.exception("notifications wait")
                    connection.close()
                    self._stop.wait(_AFTER_FAILURE)
        self._settle_last()

    def step(self, pool: ThreadPoolExecutor) -> None:
        """Read, send and settle once; waits up to a second if there is nothing to do."""
        collect_deliveries()
        if time.monotonic() >= self._next_clean:
            self._next_clean = time.monotonic() + 60
            drop_old_deliveries()
        room = settings.LEVANTE_NOTIFY_THREADS - len(self._sending)
        for claimed in claim_deliveries(room) if room > 0 else []:
            self._sending[pool.submit(send, claimed)] = claimed
        if not self._sending:
            self._stop.wait(_LOOK)
            return
        done, _ = wait(self._sending, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            self._settle(self._sending.pop(future), future)

    def _settle_last(self) -> None:
        """Note how those ended that were under way at the stop."""
        try:
            for future, claimed in self._sending.items():
                self._settle(claimed, future)
        except DatabaseError:  # they come again when their claims are over
            logger.warning("notifications could not be settled", exc_info=True)
        finally:
            connection.close()

    def _settle(self, claimed: Claimed, future: Future[None]) -> None:
        error = future.exception()
        if error is None:
            settle_delivery(claimed, "")
            return
        is_final = isinstance(error, DeliveryFailed) and error.is_final
        problem = str(error) if isinstance(error, DeliveryFailed) else type(error).__name__
        settle_delivery(claimed, problem, is_final=is_final)
        logger.warning(
            "a notification was not taken",
            extra={"delivery": str(claimed.id), "try": claimed.tries, "problem": problem},
        )


def send(claimed: Claimed) -> None:
    """Hand one notification over; no database here. Raises DeliveryFailed."""
    if claimed.receiver is None:
        raise DeliveryFailed("the receiver is not there any more", is_final=True)
    publisher = find_publisher(claimed.kind)
    if publisher is None:
        raise DeliveryFailed(f"there is no publisher {claimed.kind!r}", is_final=True)
    publisher.publish(claimed.notification, claimed.receiver)
