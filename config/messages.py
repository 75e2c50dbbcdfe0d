"""Messages that cannot be read: they are dropped and logged, and the worker goes on.

The library reads what comes from the broker in the loop of the worker, and an error there ends the
worker. So what is no message is exchanged for an empty one, which is refused like any message of
an unknown kind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from kombu.transport import redis as transport

logger = logging.getLogger(__name__)


def tolerate_unreadable_messages() -> None:
    """Let workers of this process survive whatever stands in the queues."""
    loads = vars(transport)["loads"]
    if not hasattr(loads, "is_tolerant"):
        vars(transport)["loads"] = make_tolerant(loads)


def make_tolerant(loads: Callable[..., Any]) -> Callable[..., Any]:
    """Give a reader that gives an empty message for what is none, instead of raising."""

    def read(text: Any, *arguments: Any, **named: Any) -> Any:
        try:
            message = loads(text, *arguments, **named)
            # What else is read by this function is a list.
            if not isinstance(message, dict) or _is_message(message):
                return message
        except Exception:  # a border: anybody may have written it, in any way
            logger.error("A message cannot be read; it is dropped.")
            return _empty_message()
        logger.error("A message has not the form of one; it is dropped.")
        return _empty_message()

    read.is_tolerant = True  # type: ignore[attr-defined]
    return read


def _is_message(message: dict[str, Any]) -> bool:
    properties = message.get("properties")
    return (
        isinstance(properties, dict)
        and isinstance(properties.get("delivery_info"), dict)
        and "delivery_tag" in properties
        and isinstance(message.get("headers"), dict)
        and "body" in message
    )


def _empty_message() -> dict[str, Any]:
    return {
        "body": "",
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {},
        "properties": {
            "delivery_info": {"exchange": "", "routing_key": ""},
            "delivery_tag": str(uuid4()),
        },
    }
