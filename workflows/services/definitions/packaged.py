"""Workflows of installed packages: public, the same in every project, changed by nobody.

A package names a folder of YAML files under the entry point group `levante.workflows`: a Python
package whose files they are (`my_package.workflows`), or a path (`my_package:WORKFLOWS`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import Final

from django.db import transaction
from django.utils import timezone

from workflows.errors import RequestInvalid, WorkflowsError
from workflows.models import Project, Role, Scope, WorkflowDefinition
from workflows.services.definitions.workflow_uploads import (
    WorkflowText,
    add_revision,
    insert_workflow,
    read_workflows,
)
from workflows.services.identity.identity import SYSTEM_PROJECT_ID, SYSTEM_PROJECT_NAME, Caller
from workflows.services.triggers.cron_triggers import check_no_triggers
from workflows.services.triggers.event_triggers import check_no_event_triggers

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP: Final = "levante.workflows"

_ENDINGS: Final = (".yaml", ".yml")
_SYSTEM: Final = Caller(SYSTEM_PROJECT_ID, Role.ADMIN, name="packages")


@dataclass
class PackagedWorkflows:
    """What a load has done: names of workflows, and what could not be used with the reason."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def load_packaged_workflows(plugins: Iterable[EntryPoint] | None = None) -> PackagedWorkflows:
    """Bring the stored workflows of packages in line with what is installed now.

    A workflow whose package is gone goes, too. A package or file that cannot be used is logged
    and left out; what was stored of it before stays. Several processes may do this at once.
    """
    if plugins is None:
        plugins = entry_points(group=ENTRY_POINT_GROUP)
    report = PackagedWorkflows()
    wanted = _read_all(plugins, report)
    with transaction.atomic(durable=True):
        _lock_system_project()
        _store(wanted, report)
    return report


def _read_all(plugins: Iterable[EntryPoint], report: PackagedWorkflows) -> dict[str, WorkflowText]:
    """Read the workflows of all packages; of two with one name the first by package counts."""
    found: dict[str, WorkflowText] = {}
    for plugin in sorted(plugins, key=lambda point: (point.name, point.value)):
        for place, text in _read_files(plugin, report):
            try:
                uploads = read_workflows(text)
            except WorkflowsError as error:
                _refuse(report, place, error.message)
                continue
            for upload in uploads:
                if upload.name in found:
                    _refuse(report, place, f"another file has a workflow named {upload.name}")
                else:
                    found[upload.name] = upload
    return found


def _read_files(plugin: EntryPoint, report: PackagedWorkflows) -> list[tuple[str, str]]:
    """Give the text of each YAML file of a package with a name for messages."""
    try:
        folder = _folder(plugin.load())
        children = sorted(folder.iterdir(), key=lambda child: child.name)
        return [
            (f"{plugin.name}/{child.name}", child.read_text(encoding="utf-8"))
            for child in children
            if child.is_file() and child.name.endswith(_ENDINGS)
        ]
    except (ImportError, AttributeError, TypeError, OSError, UnicodeDecodeError) as error:
        _refuse(report, plugin.name, f"{plugin.value} cannot be read ({type(error).__name__})")
        return []


def _folder(place: object) -> Traversable:
    if isinstance(place, ModuleType):
        return files(place)
    if isinstance(place, str):
        return Path(place)
    if isinstance(place, Traversable):
        return place
    raise TypeError("neither a package nor a path")


def _refuse(report: PackagedWorkflows, place: str, reason: str) -> None:
    logger.error("packaged workflow not usable", extra={"place": place, "reason": reason})
    report.refused.append((place, reason))


def _lock_system_project() -> None:
    """Make the project of these workflows on first use, and keep others from doing the same."""
    Project.objects.get_or_create(pk=SYSTEM_PROJECT_ID, defaults={"name": SYSTEM_PROJECT_NAME})
    Project.objects.select_for_update().get(pk=SYSTEM_PROJECT_ID)


def _store(wanted: dict[str, WorkflowText], report: PackagedWorkflows) -> None:
    now = timezone.now()
    stored = {
        workflow.name: workflow
        for workflow in WorkflowDefinition.objects.select_for_update(of=("self",))
        .select_related("revision")
        .filter(project_id=SYSTEM_PROJECT_ID, is_system=True)
    }
    for name, upload in sorted(wanted.items()):
        workflow = stored.get(name)
        if workflow is None:
            new = WorkflowDefinition(
                project_id=SYSTEM_PROJECT_ID,
                name=name,
                namespace="",
                scope=Scope.PUBLIC,
                is_system=True,
                created_at=now,
            )
            insert_workflow(new, upload, _SYSTEM)
            report.created.append(name)
        elif workflow.revision is not None and workflow.revision.checksum == upload.checksum:
            report.unchanged.append(name)
        else:
            add_revision(workflow, upload, _SYSTEM, scope=Scope.PUBLIC, now=now)
            report.updated.append(name)
    if not report.refused:
        _remove([stored[name] for name in sorted(stored.keys() - wanted.keys())], report)


def _remove(workflows: Iterable[WorkflowDefinition], report: PackagedWorkflows) -> None:
    """Delete workflows whose package is gone; one that triggers still start stays."""
    for workflow in workflows:
        try:
            check_no_triggers(workflow, workflow.name, "")
            check_no_event_triggers(workflow, workflow.name, "")
        except RequestInvalid as error:
            _refuse(report, workflow.name, error.message)
        else:
            workflow.delete()
            report.removed.append(workflow.name)
