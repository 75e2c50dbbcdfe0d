"""A project, an author of it, and a bell that rings nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from tests.people import log_in
from tests.senders import collect_rings
from workflows.canvas import Work
from workflows.models import Project, Role
from workflows.services.identity.identity import forget_callers


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Work]]:
    """Everything that was rung; no message is sent, and no caller of another test is known."""
    forget_callers()
    yield collect_rings(monkeypatch)
    forget_callers()


@pytest.fixture
def project(transactional_db: None) -> Project:
    return Project.objects.create(name="blue")


@pytest.fixture
def ann(project: Project) -> Client:
    """An author of the project blue."""
    return log_in("ann", project, Role.AUTHOR)
