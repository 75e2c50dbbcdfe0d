"""The broker itself, of whatever kind: whether it answers, and its Redis if it is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from kombu.connection import Connection
from kombu.exceptions import KombuError

# Seconds to wait for it; who asks has more to do than to wait.
_TIMEOUT: Final = 2.0

# The address may be none, or name a transport that is not there.
_NO_BROKER: Final = (KombuError, OSError, ValueError, KeyError, ImportError)


class BrokerAway(Exception):
    """The broker does not answer."""


def is_reachable() -> bool:
    """Tell whether the broker answers."""
    try:
        with _channel():
            return True
    except BrokerAway:
        return False


def is_redis() -> bool:
    """Tell whether the broker is a Redis, by its address alone."""
    try:
        connection = Connection(settings.CELERY_BROKER_URL)  # type: ignore[no-untyped-call]
        return bool(connection.transport.driver_type == "redis")
    except _NO_BROKER:
        return False


@contextmanager
def redis_client() -> Iterator[Any]:
    """Give a client of the Redis that is the broker, None for another kind. Raises BrokerAway."""
    with _channel() as channel:
        yield getattr(channel, "client", None)


@contextmanager
def _channel() -> Iterator[Any]:
    options = dict(settings.CELERY_BROKER_TRANSPORT_OPTIONS)
    if "socket_timeout" in options:
        options |= {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}
    try:
        with Connection(  # type: ignore[no-untyped-call]
            settings.CELERY_BROKER_URL, connect_timeout=_TIMEOUT, transport_options=options
        ) as connection:
            errors = (*connection.connection_errors, *connection.channel_errors)
            try:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=_TIMEOUT)
                with connection.channel() as channel:
                    yield channel
            except errors as error:
                raise BrokerAway from error
    except _NO_BROKER as error:
        raise BrokerAway from error
