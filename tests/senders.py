"""All modules that ring, so that tests collect the messages and send none."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Final

import pytest

from workflows import canvas, services
from workflows.canvas import Work


def _find_senders() -> Iterator[ModuleType]:
    for found in walk_packages(services.__path__, f"{services.__name__}."):
        module = import_module(found.name)
        if getattr(module, "ring", None) is canvas.ring:
            yield module


SENDERS: Final = tuple(_find_senders())


def collect_rings(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Give a list that everything is added to which is rung from now on, in order."""
    collected: list[Work] = []
    for module in SENDERS:
        monkeypatch.setattr(module, "ring", collected.append)
    return collected
