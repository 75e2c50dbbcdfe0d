"""Imports every module that registers pages; loaded by the site once all packages are there."""

from __future__ import annotations

from workflows.admin import (
    beat,
    fleet,
    home,
    people,
    run_buttons,
    run_list,
    run_pages,
    task_panel,
)

__all__ = [
    "beat",
    "fleet",
    "home",
    "people",
    "run_buttons",
    "run_list",
    "run_pages",
    "task_panel",
]
