"""Imports every module that registers pages; loaded by the site once all packages are there."""

from __future__ import annotations

from workflows.admin import (
    beat,
    home,
    people,
    run_buttons,
    run_list,
    run_pages,
    task_panel,
)

__all__ = ["beat", "home", "people", "run_buttons", "run_list", "run_pages", "task_panel"]
