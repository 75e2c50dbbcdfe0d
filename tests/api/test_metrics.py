"""/metrics: who may read it, and what it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tests.api_client import ApiClient, make_client
from tests.factories import start, work
from workflows.models import Role
from workflows.services.operation import measurements
from workflows.services.operation.probes import answer_probe, send_probes
from workflows.services.running.broker import BrokerAway
from workflows.services.telemetry.tallies import tally

pytestmark = pytest.mark.django_db

TEXT = """
version: '2.0'
job:
  tasks:
    act: {action: std.sleep seconds=0}
"""


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """Read the metrics as Prometheus does, and give them by name and labels."""
    broker = {"engine": 3, "actions": 0, "unacked": 1, "memory": 1000}
    monkeypatch.setattr(measurements, "_ask_broker", lambda: broker)
    settings.LEVANTE_METRICS_TOKEN = "for-prometheus"

    def read() -> dict[str, float]:
        client = ApiClient()
        answer = client.http.get("/metrics", headers={"Authorization": "Bearer for-prometheus"})
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"].startswith("text/plain")
        lines = [line for line in answer.content.decode().splitlines() if line[0] != "#"]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    return read


def test_only_administrators_and_the_scraper_may_read_it(numbers: Any) -> None:
    assert ApiClient().http.get("/metrics").status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert ApiClient().http.get("/metrics", headers=wrong).status_code == 401
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUTHOR):
        assert make_client("blue", role).raw("GET", "/metrics").status_code == 403
    assert make_client("blue", Role.ADMIN).raw("GET", "/metrics").status_code == 200


def test_the_scrapers_token_opens_nothing_else(numbers: Any) -> None:
    headers = {"Authorization": "Bearer for-prometheus"}
    assert ApiClient().http.get("/v2/executions", headers=headers).status_code == 401


def test_no_token_is_no_open_door(settings: Any) -> None:
    settings.LEVANTE_METRICS_TOKEN = ""
    assert ApiClient().http.get("/metrics", headers={"X-Auth-Token": ""}).status_code == 401


def test_it_counts_what_is_open_and_what_has_ended(numbers: Any) -> None:
    work(start(TEXT))
    start(TEXT.replace("job", "other"))
    found = numbers()
    assert found['levante_executions{state="RUNNING"}'] == 1
    assert found['levante_executions_ended_recently{state="SUCCESS"}'] == 1
    assert found['levante_actions_ready{target=""}'] == 1
    assert found["levante_broker_up"] == 1
    assert found['levante_broker_messages{queue="engine"}'] == 3


def test_what_has_not_happened_yet_is_counted_from_nought(numbers: Any) -> None:
    """Else an alert on growth would miss the first time, which Prometheus takes for the start."""
    assert numbers()["levante_parked_executions_total"] == 0


def test_it_shows_what_was_repaired(numbers: Any, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tally("late_results")
        tally("late_results")
        tally("sweep_ring_waiting", 5)
    found = numbers()
    assert found["levante_late_results_total"] == 2
    assert found['levante_sweep_findings_total{rule="ring_waiting"}'] == 5


def test_it_shows_queues_that_nobody_listens_to(
    numbers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("workflows.services.operation.probes.send_probe", sent.append)
    send_probes()
    send_probes()
    assert sorted(sent) == ["actions", "engine"]
    answer_probe("engine")
    found = numbers()
    assert found['levante_probe_waits_seconds{queue="engine"}'] == 0
    assert found['levante_probe_waits_seconds{queue="actions"}'] > 0


def test_it_shows_when_beat_last_ran_something(numbers: Any) -> None:
    PeriodicTask.objects.update(last_run_at=None)
    assert "levante_scheduler_seconds" not in numbers()
    schedule = IntervalSchedule.objects.create(every=1, period="hours")
    last = timezone.now() - timedelta(minutes=2)
    PeriodicTask.objects.create(name="report", task="report", interval=schedule, last_run_at=last)
    assert 119 < numbers()["levante_scheduler_seconds"] < 180


def test_a_broker_that_is_away_is_shown(numbers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise BrokerAway

    monkeypatch.setattr(measurements, "_ask_broker", fail)
    assert numbers()["levante_broker_up"] == 0
