"""Messages are collected in these tests, not sent."""

from __future__ import annotations

import pytest

from workflows.canvas import Work
from workflows.services.advancing import advance, parking
from workflows.services.executions import admission, executions, reruns
from workflows.services.operation import sweep, timers
from workflows.services.running import action_runs, lanes, lost_work, turn
from workflows.services.triggers import cron_firing, event_intake

SENDERS = (
    action_runs,
    admission,
    advance,
    cron_firing,
    event_intake,
    executions,
    lanes,
    lost_work,
    parking,
    reruns,
    sweep,
    timers,
    turn,
)


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Everything that was rung, in order."""
    collected: list[Work] = []
    for module in SENDERS:
        monkeypatch.setattr(module, "ring", collected.append)
    return collected
