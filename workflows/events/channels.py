"""Where events may come from, and what is done with a message from there."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import DatabaseError, DataError, close_old_connections, connection
from django.db.models import Min

from workflows.errors import InMaintenance, WorkflowsError
from workflows.models import EventTrigger
from workflows.services.triggers.event_intake import note_unreadable, take_event
from workflows.services.triggers.incoming_events import parse_event

logger = logging.getLogger(__name__)

_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Channel:
    """An exchange and a topic that triggers listen to."""

    exchange: str
    topic: str


def load_channels() -> Mapping[Channel, datetime]:
    """Give the channels of all triggers, each with the time of its first trigger."""
    close_old_connections()
    rows = EventTrigger.objects.values_list("exchange", "topic").annotate(Min("created_at"))
    return {Channel(exchange, topic): since for exchange, topic, since in rows.order_by()}


class Intake:
    """Takes the messages of one listener, each as often as it takes, up to a limit."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, int] = OrderedDict()

    def take(self, channel: Channel, body: bytes | str, message_id: str) -> bool:
        """Deal with a message; False means that it has to come again later.

        True after the commit, or when coming again would not help.
        """
        close_old_connections()
        try:
            event = parse_event(
                body, exchange=channel.exchange, topic=channel.topic, message_id=message_id
            )
        except WorkflowsError as error:
            return self._give_up(channel, message_id, error.message)
        try:
            take_event(event)
        except InMaintenance:
            return False
        except DatabaseError as error:
            connection.close()
            if isinstance(error, DataError):  # it would refuse the message each time
                return self._fail(channel, event.message_id)
            logger.warning("an event waits for the database", exc_info=True)
            return False
        except Exception:  # a border: a message that cannot be dealt with must not stop the others
            return self._fail(channel, event.message_id)
        return True

    def _fail(self, channel: Channel, message_id: str) -> bool:
        """Log what went wrong with a message, which may come again so many times."""
        logger.exception("an event failed", extra={"message_id": message_id})
        if self._count(message_id) < settings.LEVANTE_EVENT_DELIVERIES:
            return False
        return self._give_up(channel, message_id, "Internal error. It has been logged.")

    def _give_up(self, channel: Channel, message_id: str, reason: str) -> bool:
        logger.warning(
            "an event cannot be read",
            extra={"exchange": channel.exchange, "topic": channel.topic, "reason": reason},
        )
        try:
            note_unreadable(channel.exchange, channel.topic, message_id, reason)
        except DatabaseError:
            connection.close()
            return False
        return True

    def _count(self, message_id: str) -> int:
        count = self._failures.pop(message_id, 0) + 1
        self._failures[message_id] = count
        if len(self._failures) > _COUNTED:
            self._failures.popitem(last=False)
        return count
