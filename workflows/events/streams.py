"""Events of Redis streams, each read by a consumer group, so that none is lost while we are away.

The stream of a channel is `<exchange>:<topic>`. An entry holds the message as JSON in the field
`event`, or it is the message itself: the fields event_type, message_id, project_id and payload.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import redis
from django.conf import settings

from workflows.events.channels import Channel, Intake, load_channels

logger = logging.getLogger(__name__)

_BATCH: Final = 50  # entries
_WAIT: Final = 1_000  # milliseconds for which one look waits for an entry
_CLAIM_SECONDS: Final = 10.0  # after which what somebody took and did not finish is taken over
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 5.0  # seconds between two tries to connect


class StreamListener:
    """Listens in a thread of its own, and connects again for as long as it takes."""

    name = "streams"

    def __init__(self, url: str, stop: threading.Event) -> None:
        self._url = url
        self._stop = stop
        self._intake = Intake()
        self._streams: dict[bytes, Channel] = {}
        self._consumer = socket.gethostname()
        self._next_refresh = self._next_claim = 0.0

    def run(self) -> None:
        """Listen until the stop is asked for."""
        pause = _PAUSE
        while not self._stop.is_set():
            try:
                with redis.Redis.from_url(
                    self._url, socket_timeout=_WAIT / 1000 + 5, socket_connect_timeout=5
                ) as client:
                    while not self._stop.is_set():
                        self._look(client)
                        pause = _PAUSE
            except Exception as error:  # a border: whatever the library raises, it is tried again
                # Its text may hold the address with its password.
                logger.warning("the Redis of events is away", extra={"error": type(error).__name__})
            self._streams = {}  # its groups may be lost as well
            self._next_refresh = 0.0
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _look(self, client: Any) -> None:
        now = time.monotonic()
        if now >= self._next_refresh:
            self._next_refresh = now + settings.LEVANTE_EVENT_REFRESH_SECONDS
            self._refresh(client)
        if not self._streams:
            self._stop.wait(settings.LEVANTE_EVENT_REFRESH_SECONDS)
            return
        group = settings.LEVANTE_EVENT_POOL
        if now >= self._next_claim:
            self._next_claim = now + _CLAIM_SECONDS
            for key in self._streams:
                self._take_over(client, group, key)
        found = client.xreadgroup(
            group, self._consumer, dict.fromkeys(self._streams, ">"), count=_BATCH, block=_WAIT
        )
        for key, entries in found or []:
            self._take(client, group, key, entries)

    def _refresh(self, client: Any) -> None:
        wanted = {_key(channel): (channel, since) for channel, since in load_channels().items()}
        for key in set(self._streams) - set(wanted):
            client.xgroup_destroy(key, settings.LEVANTE_EVENT_POOL)
            del self._streams[key]
        for key in set(wanted) - set(self._streams):
            channel, since = wanted[key]
            _make_group(client, key, since)
            self._streams[key] = channel

    def _take_over(self, client: Any, group: str, key: bytes) -> None:
        """Take entries that somebody has read and not acknowledged, such as a process that died."""
        start = "0-0"
        while True:
            start, entries, *_ = client.xautoclaim(
                key, group, self._consumer, int(_CLAIM_SECONDS * 1000), start, count=_BATCH
            )
            self._take(client, group, key, entries)
            if start in (b"0-0", "0-0"):
                return

    def _take(self, client: Any, group: str, key: bytes, entries: Any) -> None:
        for entry_id, fields in entries:
            # Without fields it was deleted from the stream.
            message_id = entry_id.decode()
            if not fields or self._intake.take(self._streams[key], _body(fields), message_id):
                client.xack(key, group, entry_id)


def _key(channel: Channel) -> bytes:
    return f"{channel.exchange}:{channel.topic}".encode()


def _make_group(client: Any, key: bytes, since: datetime) -> None:
    """Make the group, for what was written since the first trigger was there."""
    start = f"{int(since.timestamp() * 1000)}-0"
    try:
        client.xgroup_create(key, settings.LEVANTE_EVENT_POOL, id=start, mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _body(fields: Mapping[bytes, bytes]) -> bytes | str:
    if b"event" in fields:
        return fields[b"event"]
    message: dict[str, Any] = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in fields.items()
    }
    payload = message.get("payload")
    if isinstance(payload, str):
        try:
            message["payload"] = json.loads(payload)
        except ValueError:
            message["payload"] = payload
    return json.dumps(message)
