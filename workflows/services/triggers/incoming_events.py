"""Messages from outside, read into events: the envelope of oslo.messaging, and plain JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.services.executions.payloads import clean_payload

_ENVELOPE: Final = "oslo.message"
_CONTEXT: Final = "_context_"
_PROJECT_KEYS: Final = ("project_id", "project", "tenant_id", "tenant")
_SECRET: Final = re.compile("token|password|secret", re.IGNORECASE)
_LONGEST: Final = 255  # characters that the tables hold


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One event. `project` is the id of the project that it belongs to, empty if it says none."""

    exchange: str
    topic: str
    type: str
    message_id: str
    project: str
    publisher: str
    timestamp: str
    payload: Any
    context: JSONObject

    def as_data(self) -> JSONObject:
        """Give what expressions see, and what a workflow finds in its event_params."""
        return {
            "event_type": self.type,
            "message_id": self.message_id,
            "project_id": self.project or None,
            "publisher": self.publisher,
            "timestamp": self.timestamp,
            "exchange": self.exchange,
            "topic": self.topic,
            "payload": self.payload,
            "context": self.context,
        }


def parse_event(
    body: bytes | str, *, exchange: str, topic: str, message_id: str = "", event_type: str = ""
) -> IncomingEvent:
    """Read the body of a message; raises RequestInvalid.

    `message_id` and `event_type` are what the way here says; the message itself knows better. A
    plain message that has no `payload` is all payload.
    """
    message = _load(body)
    if isinstance(message.get(_ENVELOPE), str | dict):
        inner = message[_ENVELOPE]
        message = _load(inner) if isinstance(inner, str) else inner
    event = _text(message.get("event_type") or event_type)
    if not event:
        raise RequestInvalid("The message has no event_type.")
    context = _context(message)
    payload = message["payload"] if "payload" in message else _without_context(message)
    identity = message.get("message_id") or message.get("_unique_id") or message_id
    return IncomingEvent(
        exchange=exchange,
        topic=topic,
        type=event[:_LONGEST],
        message_id=_text(identity or uuid4())[:_LONGEST],
        project=_text(_first(context, _PROJECT_KEYS) or _first(message, ("project_id",))),
        publisher=_text(_first(message, ("publisher_id", "publisher"))),
        timestamp=_text(_first(message, ("timestamp",))),
        payload=clean_payload(payload),
        context={_text(key): clean_payload(value) for key, value in context.items()},
    )


def _load(body: bytes | str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid("The message is not JSON.") from error
    if not isinstance(message, dict):
        raise RequestInvalid("The message is no JSON object.")
    return message


def _context(message: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the publisher says about its caller, but no token."""
    context = message.get("context")
    found = dict(context) if isinstance(context, dict) else {}
    found |= {
        key.removeprefix(_CONTEXT): value
        for key, value in message.items()
        if key.startswith(_CONTEXT)
    }
    return _without_secrets(found)


def _without_context(message: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a plain message tells; what is about its caller is told apart, and no secret is."""
    return {
        key: _without_secrets(value) if key == "context" and isinstance(value, dict) else value
        for key, value in message.items()
        if not key.startswith(_CONTEXT)
    }


def _without_secrets(context: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in context.items() if not _SECRET.search(str(key))}


def _text(value: object) -> str:
    """Give a text that can be stored; raises RequestInvalid."""
    return str(clean_payload(str(value)))


def _first(values: Mapping[str, Any], keys: Iterable[str]) -> str:
    for key in keys:
        if isinstance(values.get(key), str):
            return str(values[key])
    return ""
