"""Which jobs a process knows."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from config.celery import jobs_to_load


@pytest.mark.parametrize("process", ["worker-engine", "web", "manage"])
def test_whoever_runs_or_sends_jobs_knows_them(process: str, settings: Settings) -> None:
    settings.LEVANTE_APPS = ["acme.jobs"]
    assert jobs_to_load(process) == ["workflows", "acme.jobs"]


@pytest.mark.parametrize("process", ["beat", "sweep"])
def test_beat_knows_those_of_others_alone(process: str, settings: Settings) -> None:
    """They may say which queue they want; ours go to the one of the settings."""
    settings.LEVANTE_APPS = ["acme.jobs"]
    assert jobs_to_load(process) == ["acme.jobs"]
