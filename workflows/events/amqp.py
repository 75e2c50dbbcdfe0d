"""Events of a message broker: the notifications of OpenStack services, and plain JSON.

For each channel there is one queue of ours, which the broker keeps while nobody listens. It is
bound to the topic and to the topic with each priority, as oslo.messaging publishes them. Exchanges
are never made here: their publisher may want other properties.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final
from uuid import uuid4

from amqp.exceptions import NotFound
from django.conf import settings
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.messaging import Consumer

from workflows.events.channels import Channel, Intake, load_channels

logger = logging.getLogger(__name__)

PRIORITIES: Final = ("audit", "critical", "debug", "error", "info", "sample", "warn")
_HEARTBEAT: Final = 10  # seconds
_AHEAD: Final = 10  # messages that the broker sends before the first is acknowledged
_WAIT: Final = 1.0  # seconds for which one look waits for a message
_PAUSE: Final = 1.0  # seconds before a message that has to come again is given back
_LONGEST_PAUSE: Final = 5.0  # seconds between two tries to connect


class AmqpListener:
    """Listens in a thread of its own, and connects again for as long as it takes."""

    name = "amqp"

    def __init__(self, url: str, stop: threading.Event) -> None:
        self._url = url
        self._stop = stop
        self._intake = Intake()
        self._consumers: dict[Channel, Consumer] = {}
        self._missing: set[Channel] = set()

    def run(self) -> None:
        """Listen until the stop is asked for."""
        pause = _PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                with Connection(self._url, heartbeat=_HEARTBEAT, connect_timeout=5) as broker:
                    broker.connect()
                    logger.info("connected to the broker of events")
                    self._serve(broker)
            except Exception as error:  # a border: whatever the library raises, it is tried again
                # Its text may hold the address with its password.
                logger.warning(
                    "the broker of events is away", extra={"error": type(error).__name__}
                )
            self._consumers = {}
            if time.monotonic() - began > _LONGEST_PAUSE:
                pause = _PAUSE
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _serve(self, broker: Connection) -> None:
        channel = broker.channel()
        channel.basic_qos(0, _AHEAD, False)
        next_refresh = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= next_refresh:
                next_refresh = time.monotonic() + settings.LEVANTE_EVENT_REFRESH_SECONDS
                self._refresh(broker, channel)
            broker.heartbeat_check()
            try:
                broker.drain_events(timeout=_WAIT)
            except TimeoutError:
                continue

    def _refresh(self, broker: Connection, channel: Any) -> None:
        wanted = load_channels()
        for gone in set(self._consumers) - set(wanted):
            self._consumers.pop(gone).cancel()
            _queue(gone)(channel).delete()
        for place in set(wanted) - set(self._consumers):
            if _exists(broker, place.exchange):
                self._missing.discard(place)
                self._consumers[place] = self._listen(channel, place)
            elif place not in self._missing:
                self._missing.add(place)
                logger.warning("no such exchange so far", extra={"exchange": place.exchange})

    def _listen(self, channel: Any, place: Channel) -> Consumer:
        queue = _queue(place)(channel)
        queue.queue_declare()
        for key in (place.topic, *(f"{place.topic}.{priority}" for priority in PRIORITIES)):
            queue.bind_to(place.exchange, routing_key=key)
        consumer = Consumer(
            channel,
            queues=[queue],
            on_message=lambda message: self._on_message(place, message),
            auto_declare=False,
        )
        consumer.consume()
        return consumer

    def _on_message(self, place: Channel, message: Any) -> None:
        body = message.body
        body = bytes(body) if isinstance(body, memoryview) else body
        # A message without an id of its own cannot be told from another one with the same text.
        message_id = str(message.properties.get("message_id") or uuid4())
        if self._intake.take(place, body, message_id):
            message.ack()
        else:
            self._stop.wait(_PAUSE)
            message.requeue()


def _queue(place: Channel) -> Queue:
    return Queue(
        f"{settings.LEVANTE_EVENT_POOL}.{place.exchange}.{place.topic}",
        durable=True,
        auto_delete=False,
        expires=settings.LEVANTE_EVENT_QUEUE_HOURS * 3600,
    )


def _exists(broker: Connection, exchange: str) -> bool:
    """Ask on a channel of its own, which a "no" closes."""
    channel = broker.channel()
    try:
        Exchange(exchange, passive=True)(channel).declare()
    except NotFound:
        return False
    channel.close()
    return True
