"""Whether the broker still has its messages: it keeps a mark that the database knows as well."""

from __future__ import annotations

import secrets

import redis
from django.conf import settings

from workflows.models import BrokerMark

_TIMEOUT = 2.0  # seconds; the sweep has more to do than to wait


class BrokerAway(Exception):
    """The broker does not answer."""


def has_lost_its_mark() -> bool:
    """Tell whether the broker has forgotten the mark, or has another one. Raises BrokerAway.

    The first broker of a new database gets its mark here; it has lost nothing.
    """
    known = BrokerMark.objects.values_list("value", flat=True).first()
    if known is None:
        renew_mark()
        return False
    return _talk(None) != known


def renew_mark() -> None:
    """Agree with the broker on a mark; of several sweeps the first one's counts."""
    value = _talk(secrets.token_hex(16))
    BrokerMark.objects.update_or_create(defaults={"value": value})


def _talk(offered: str | None) -> str:
    """Give the mark in the broker, after setting the one offered if there was none."""
    name = settings.LEVANTE_BROKER_MARK
    try:
        with redis.Redis.from_url(
            settings.CELERY_BROKER_URL, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
        ) as client:
            if offered is not None:
                client.set(name, offered, nx=True)
            found = client.get(name)
    except redis.RedisError as error:
        raise BrokerAway from error
    return found.decode() if isinstance(found, bytes) else ""
