"""The list of workflows and the pages of one: who may see it, how its last runs went."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from workflows.engine.states import FINAL, State
from workflows.models import WorkflowDefinition, WorkflowRevision
from workflows.models.statements import fetch_all
from workflows.services.definitions.definitions import get_workflow, visible_workflows
from workflows.services.identity.identity import Caller
from workflows.services.pages.keyset import beyond

# Runs that a row of the list shows.
RUNS: Final = 30

# A longer list is no help in a form.
_MOST_CHOICES: Final = 1000

# The index executions_of_project gives the newest runs of each pair without reading others.
_LAST_RUNS_SQL: Final = """
    SELECT wanted.workflow_id, run.id, run.state, run.created_at, run.finished_at
    FROM unnest(%s::uuid[], %s::uuid[]) AS wanted (workflow_id, project_id)
    CROSS JOIN LATERAL (
        SELECT id, state, created_at, finished_at
        FROM workflow_executions
        WHERE project_id = wanted.project_id AND workflow_id = wanted.workflow_id
        ORDER BY created_at DESC
        LIMIT %s
    ) AS run
    ORDER BY run.created_at
"""

# The newest runs of a workflow, by revision, are counted; each is a row to read from somewhere.
_MOST_COUNTED: Final = 1_000

# One look along the index executions_of_project, however many revisions there are: for each of
# them by itself the planner would read the whole table.
_COUNT_RUNS_SQL: Final = """
    SELECT revision_id, count(*) FROM (
        SELECT revision_id FROM workflow_executions
        WHERE project_id = %s AND workflow_id = %s
        ORDER BY created_at DESC
        LIMIT %s
    ) AS newest
    GROUP BY revision_id
"""

_NOT_LISTED: Final = ("revision__text", "revision__spec", "revision__interface")


@dataclass(frozen=True, slots=True)
class RunMark:
    """One run as a list shows it; `seconds` is None until it has ended."""

    id: uuid.UUID
    state: State
    created_at: datetime
    seconds: float | None


@dataclass(slots=True)
class WorkflowRow:
    """A workflow with its last runs, oldest first."""

    workflow: WorkflowDefinition
    runs: list[RunMark] = field(default_factory=list)

    @property
    def last_run(self) -> RunMark | None:
        return self.runs[-1] if self.runs else None

    @property
    def success_percent(self) -> int | None:
        """How many of the ended runs succeeded; None if none has ended."""
        ended = [run for run in self.runs if run.state in FINAL]
        if not ended:
            return None
        return round(100 * sum(run.state is State.SUCCESS for run in ended) / len(ended))


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How often each revision of a workflow ran; `is_cut` if there are runs before those."""

    counts: Mapping[uuid.UUID, int]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class WorkflowFilter:
    """What a list of workflows is narrowed to; empty texts do not count."""

    text: str = ""
    namespace: str = ""
    tag: str = ""
    is_all_projects: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """One page of the list."""

    rows: list[WorkflowRow]
    has_more: bool


def list_workflow_rows(
    caller: Caller, wanted: WorkflowFilter, *, after: tuple[str, uuid.UUID] | None, size: int
) -> WorkflowPage:
    """List workflows by name with their last runs in the caller's project.

    `after` is the name and the id of the last row of the page before. With all projects, which an
    administrator may ask for, the runs are those of the project that a workflow belongs to.
    """
    found = visible_workflows(
        caller.project_id, is_admin=caller.is_admin and wanted.is_all_projects
    )
    rows = _narrow(found, wanted).select_related("revision", "project").defer(*_NOT_LISTED)
    if after is not None:
        name, identity = after
        rows = rows.filter(beyond(name=name, pk=identity))
    page = list(rows.order_by("name", "pk")[: size + 1])
    has_more, page = len(page) > size, page[:size]
    projects = [one.project_id if wanted.is_all_projects else caller.project_id for one in page]
    return WorkflowPage(with_runs(page, projects), has_more)


def with_runs(
    workflows: Sequence[WorkflowDefinition], projects: Iterable[uuid.UUID]
) -> list[WorkflowRow]:
    """Add to each workflow its last runs in a project."""
    rows = {workflow.pk: WorkflowRow(workflow) for workflow in workflows}
    values = [list(rows), list(projects), RUNS]
    for workflow_id, run_id, state, created_at, finished_at in fetch_all(_LAST_RUNS_SQL, values):
        seconds = None if finished_at is None else (finished_at - created_at).total_seconds()
        rows[workflow_id].runs.append(RunMark(run_id, State(state), created_at, seconds))
    return list(rows.values())


def get_workflow_row(caller: Caller, workflow_id: uuid.UUID) -> WorkflowRow:
    """Return one workflow with its newest revision and its last runs; raises NotFound."""
    workflow = get_workflow(caller, str(workflow_id), "")
    return with_runs([workflow], [caller.project_id])[0]


def list_namespaces(caller: Caller) -> list[str]:
    """List the namespaces that have workflows the caller sees, the default one left out."""
    found = visible_workflows(caller.project_id).exclude(namespace="").order_by("namespace")
    return list(found.values_list("namespace", flat=True).distinct()[:200])


def list_choices(caller: Caller) -> list[WorkflowDefinition]:
    """List the workflows that a form lets somebody choose from, by name."""
    rows = visible_workflows(caller.project_id).order_by("name", "namespace", "pk")
    return list(rows.only("name", "namespace")[:_MOST_CHOICES])


def list_revisions(workflow: WorkflowDefinition) -> list[WorkflowRevision]:
    """List all revisions of a workflow, newest first, without their texts."""
    return list(
        workflow.revisions.select_related("author")
        .defer("text", "spec", "interface")
        .order_by("-number")
    )


def count_runs(caller: Caller, workflow: WorkflowDefinition) -> RunCounts:
    """Count by revision the newest runs of a workflow in the caller's project."""
    values = [caller.project_id, workflow.pk, _MOST_COUNTED]
    counts = dict(fetch_all(_COUNT_RUNS_SQL, values))
    return RunCounts(counts, is_cut=sum(counts.values()) == _MOST_COUNTED)


def may_change(caller: Caller, workflow: WorkflowDefinition) -> bool:
    """Tell whether the caller could store a new revision: rights are checked again when it does."""
    return caller.is_admin or (workflow.project_id == caller.project_id and not workflow.is_system)


def _narrow(
    rows: QuerySet[WorkflowDefinition], wanted: WorkflowFilter
) -> QuerySet[WorkflowDefinition]:
    if wanted.text:
        rows = rows.filter(name__icontains=wanted.text)
    if wanted.namespace:
        rows = rows.filter(namespace=wanted.namespace)
    if wanted.tag:
        rows = rows.filter(tags__contains=[wanted.tag])
    return rows
