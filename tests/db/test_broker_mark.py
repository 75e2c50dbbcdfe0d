"""The mark by which a loss of the broker's data is noticed, on a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis

from workflows.models import BrokerMark
from workflows.services.running.broker import BrokerAway
from workflows.services.running.broker_mark import has_lost_its_mark, renew_mark

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(redis_url: str, settings: Any) -> Iterator[redis.Redis]:
    settings.CELERY_BROKER_URL = redis_url
    settings.LEVANTE_BROKER_MARK = f"test:{uuid4()}"
    with redis.Redis.from_url(redis_url) as client:
        yield client
        client.delete(settings.LEVANTE_BROKER_MARK)


def test_the_first_broker_is_given_a_mark_and_keeps_it(broker: redis.Redis, settings: Any) -> None:
    assert not has_lost_its_mark()
    mark = BrokerMark.objects.get().value
    assert broker.get(settings.LEVANTE_BROKER_MARK) == mark.encode()
    assert not has_lost_its_mark()


def test_a_broker_without_its_mark_has_lost_its_data(broker: redis.Redis, settings: Any) -> None:
    renew_mark()
    first = BrokerMark.objects.get().value
    broker.delete(settings.LEVANTE_BROKER_MARK)
    assert has_lost_its_mark()
    renew_mark()
    assert BrokerMark.objects.get().value != first


def test_a_broker_with_another_mark_is_another_broker(broker: redis.Redis, settings: Any) -> None:
    renew_mark()
    broker.set(settings.LEVANTE_BROKER_MARK, "somebody else's")
    assert has_lost_its_mark()
    renew_mark()
    assert BrokerMark.objects.get().value == "somebody else's"
    assert not has_lost_its_mark()


def test_a_broker_that_does_not_answer_has_not_lost_anything(settings: Any) -> None:
    BrokerMark.objects.create(value="known")
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(BrokerAway):
        has_lost_its_mark()
