"""Messages are collected in these tests, not sent."""

from __future__ import annotations

import pytest

from tests.senders import collect_rings
from workflows.canvas import Work


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Everything that was rung, in order."""
    return collect_rings(monkeypatch)
