"""The people of these tests, and a bell that rings nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api_client import ApiClient, make_client
from tests.senders import collect_rings
from workflows.api.throttles import forget_counts
from workflows.models import Role
from workflows.services.identity.identity import forget_callers


@pytest.fixture(autouse=True)
def _silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Send no messages, and remember no caller and no count of another test."""
    collect_rings(monkeypatch)
    forget_callers()
    forget_counts()
    yield
    forget_callers()


@pytest.fixture
def ann(db: None) -> ApiClient:
    """An author of the project blue."""
    return make_client("blue")


@pytest.fixture
def bob(db: None) -> ApiClient:
    """An author of the project red."""
    return make_client("red")


@pytest.fixture
def root(db: None) -> ApiClient:
    """An administrator, of the project green."""
    return make_client("green", Role.ADMIN)
