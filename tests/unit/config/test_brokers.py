"""The broker may be Redis, Redis behind Sentinel, or RabbitMQ; and there may be no Redis at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from tests.live import ROOT
from workflows.canvas import ADVANCE, RUN_LANE, Lanes, Work, build
from workflows.services.running import broker

NAMES = (
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "CELERY_BROKER_TRANSPORT_OPTIONS",
)


def settings_with(**variables: str) -> dict[str, Any]:
    """What a process reads that has just these variables."""
    without = ("REDIS_URL", "LEVANTE_BROKER_URL")
    environment = {name: value for name, value in os.environ.items() if name not in without}
    environment |= {"LEVANTE_DATA_DIR": "/nonexistent", "LEVANTE_SECRET_KEY": "x", **variables}
    program = (
        "import json; from config import settings;"
        f" print(json.dumps({{name: getattr(settings, name) for name in {NAMES}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_redis_is_broker_and_keeps_results() -> None:
    found = settings_with(REDIS_URL="redis://one/0")
    assert found["CELERY_BROKER_URL"] == found["CELERY_RESULT_BACKEND"] == "redis://one/0"
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"]["socket_timeout"] == 5


def test_rabbitmq_beside_redis() -> None:
    found = settings_with(REDIS_URL="redis://one/0", LEVANTE_BROKER_URL="amqp://rabbit//")
    assert found["CELERY_BROKER_URL"] == "amqp://rabbit//"
    assert found["CELERY_RESULT_BACKEND"] == "redis://one/0"
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"] == {"confirm_publish": True}


def test_rabbitmq_alone_keeps_no_results() -> None:
    assert settings_with(LEVANTE_BROKER_URL="amqps://rabbit//")["CELERY_RESULT_BACKEND"] is None


def test_sentinel_is_asked_for_its_master() -> None:
    url = "sentinel://:x@one:26379;sentinel://:x@two:26379/0"
    found = settings_with(LEVANTE_BROKER_URL=url, LEVANTE_SENTINEL_MASTER="levante")
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"]["master_name"] == "levante"


def test_lanes_without_results_ring_one_by_one(settings: Any) -> None:
    work = Work(lanes=(Lanes(uuid4(), uuid4(), 3, ""),))
    (together,) = build(work)
    assert together.task == "celery.chord"
    settings.CELERY_RESULT_BACKEND = None
    alone = build(work)
    assert [[one.task for one in chain.tasks] for chain in alone] == [[RUN_LANE, ADVANCE]] * 3


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//", "nonsense://x", "redis://[/0"]
)
def test_a_broker_that_is_away_is_noticed_in_time(settings: Any, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    assert not broker.is_reachable()
    with pytest.raises(broker.BrokerAway), broker.redis_client():
        pass


def test_a_broker_that_is_no_redis_has_no_client_of_one(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "memory://"
    assert broker.is_reachable()
    with broker.redis_client() as client:
        assert client is None
