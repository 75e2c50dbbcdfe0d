"""Imports every module that registers pages; loaded by the site once all packages are there."""

from __future__ import annotations

from workflows.admin import (
    actions,
    beat,
    editor,
    environments,
    event_triggers,
    fleet,
    home,
    people,
    projects,
    run_buttons,
    run_list,
    run_pages,
    schedules,
    sharing,
    task_panel,
    tokens,
    workflow_editing,
    workflow_list,
    workflow_pages,
    workflow_start,
)

__all__ = [
    "actions",
    "beat",
    "editor",
    "environments",
    "event_triggers",
    "fleet",
    "home",
    "people",
    "projects",
    "run_buttons",
    "run_list",
    "run_pages",
    "schedules",
    "sharing",
    "task_panel",
    "tokens",
    "workflow_editing",
    "workflow_list",
    "workflow_pages",
    "workflow_start",
]
