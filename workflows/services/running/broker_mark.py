"""Whether the broker still has its messages: it keeps a mark that the database knows as well.

Only Redis is asked. RabbitMQ writes its messages to the disk before it takes them, and what is lost
all the same is sent again as anything that nobody takes.
"""

from __future__ import annotations

import secrets
from typing import Final

from django.conf import settings

from workflows.models import BrokerMark
from workflows.services.running.broker import redis_client

_NO_MARK: Final = "-"  # of a broker that keeps none, so it is always the known one


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
    with redis_client() as client:
        if client is None:
            return _NO_MARK
        if offered is not None:
            client.set(name, offered, nx=True)
        found = client.get(name)
    return found.decode() if isinstance(found, bytes) else ""
