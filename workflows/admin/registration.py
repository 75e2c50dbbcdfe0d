"""Imports every module that registers pages; loaded by the site once all packages are there."""

from __future__ import annotations

from workflows.admin import beat, home, people

__all__ = ["beat", "home", "people"]
