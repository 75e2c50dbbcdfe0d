"""How a notification reaches its receiver: webhooks, nothing at all, and installed packages.

A package names a class under the entry point group `levante.notification_publishers`; its name
there is the `type` of a receiver.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, runtime_checkable

from django.conf import settings

from workflows.actions.outgoing import RequestFailed, send_request
from workflows.jsontypes import JSONObject

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP: Final = "levante.notification_publishers"


class DeliveryFailed(Exception):
    """The receiver did not take a notification; the text holds no secret of the receiver.

    `is_final`: another try would fail as well.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told. `delivery_id` is the same in all tries."""

    delivery_id: str
    event: str
    body: JSONObject


@runtime_checkable
class Publisher(Protocol):
    """A way to receivers of one type."""

    def publish(self, notification: Notification, receiver: Mapping[str, Any]) -> None:
        """Hand a notification over; raises DeliveryFailed."""


class NoopPublisher:
    """Tells nobody, for tests of what would be told."""

    def publish(self, notification: Notification, receiver: Mapping[str, Any]) -> None:
        return


class WebhookPublisher:
    """Posts JSON to the `url` of the receiver with its `headers`, signed if there is a secret.

    The signature is the HMAC with SHA-256 of the time, a dot and the body.
    """

    def publish(self, notification: Notification, receiver: Mapping[str, Any]) -> None:
        url, headers = receiver.get("url"), receiver.get("headers") or {}
        if not isinstance(url, str) or not url:
            raise DeliveryFailed("the receiver has no url", is_final=True)
        if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
            raise DeliveryFailed("the headers are no object of texts", is_final=True)
        body = json.dumps(notification.body, ensure_ascii=False).encode()
        secret = receiver.get("secret") or settings.LEVANTE_NOTIFY_SECRET
        ours = {
            "Content-Type": "application/json",
            "X-Levante-Event": notification.event,
            "X-Levante-Delivery": notification.delivery_id,
            **(sign(body, str(secret)) if secret else {}),
        }
        try:
            answer = send_request(
                "POST",
                url,
                seconds=settings.LEVANTE_NOTIFY_SECONDS,
                data=body,
                headers={**headers, **ours},
            )
        except RequestFailed as error:
            raise DeliveryFailed(str(error)) from None
        if not 200 <= answer.status < 300:
            raise DeliveryFailed(f"the receiver answered {answer.status}")


def sign(body: bytes, secret: str, at: int | None = None) -> dict[str, str]:
    """Give the headers by which a receiver knows that a notification is ours."""
    moment = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Levante-Timestamp": moment, "X-Levante-Signature": f"sha256={digest}"}


def find_publisher(name: str) -> Publisher | None:
    """Return the publisher of this type, or None."""
    return _installed().get(name)


@cache
def _installed() -> Mapping[str, Publisher]:
    return load_publishers(entry_points(group=ENTRY_POINT_GROUP))


def load_publishers(plugins: Iterable[EntryPoint]) -> dict[str, Publisher]:
    """Build the table of publishers; a plug-in that cannot be used is logged and left out."""
    publishers: dict[str, Publisher] = {"noop": NoopPublisher(), "webhook": WebhookPublisher()}
    for plugin in plugins:
        try:
            made = plugin.load()
            publisher = made() if isinstance(made, type) else made
        except Exception:  # a border: whatever a package does when it is loaded
            publisher = None
        if plugin.name in publishers or not isinstance(publisher, Publisher):
            logger.error("notification publisher not usable", extra={"entry_point": plugin.name})
            continue
        publishers[plugin.name] = publisher
    return publishers
