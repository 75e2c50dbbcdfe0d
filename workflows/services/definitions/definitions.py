"""Looking up stored definitions, and their parsed form; the uploads are in modules of their own."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, When

from workflows.errors import NotFound
from workflows.language.graph import WorkflowGraph, build_graph
from workflows.language.parser import build_workflow
from workflows.language.specs import WorkflowSpec
from workflows.models import (
    ActionDefinition,
    MemberStatus,
    Scope,
    WorkbookDefinition,
    WorkflowDefinition,
    WorkflowMember,
    WorkflowRevision,
)
from workflows.services.identity.identity import Caller
from workflows.services.identity.ownership import own_first, parse_id

# Columns of a revision that a start does not read when its spec is in the cache.
_LARGE = ("revision__text", "revision__spec", "revision__interface")


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """A workflow ready to run: its spec and the graph of its tasks."""

    spec: WorkflowSpec
    graph: WorkflowGraph


def visible_workflows(
    project_id: uuid.UUID, *, is_admin: bool = False
) -> QuerySet[WorkflowDefinition]:
    """The workflows that a project can read and run: its own, shared and public ones."""
    visible = WorkflowDefinition.objects.visible_to(project_id, all_projects=is_admin)
    if is_admin:
        return visible
    shared = WorkflowMember.objects.filter(member_id=project_id, status=MemberStatus.ACCEPTED)
    return visible | WorkflowDefinition.objects.filter(
        scope=Scope.PRIVATE, pk__in=shared.values("workflow_id")
    )


def find_workflow(
    *,
    name_or_id: str,
    namespace: str,
    project_id: uuid.UUID,
    is_admin: bool = False,
    fallback: bool = False,
) -> WorkflowDefinition | None:
    """Return the workflow of this id (in any namespace) or name; own before shared before public.

    With `fallback` the default namespace is tried, too: the rule for sub-workflows. The large
    columns of the revision are loaded on use.
    """
    identity = parse_id(name_or_id)
    if identity is None:
        # Nothing comes before a name in the project's own namespace, and most starts name that.
        own = WorkflowDefinition.objects.filter(
            project_id=project_id, namespace=namespace, name=name_or_id
        )
        found = own.select_related("revision").defer(*_LARGE).first()
        if found is not None:
            return found
    namespaces = {namespace, ""} if fallback else {namespace}
    wanted = Q(name=name_or_id, namespace__in=namespaces)
    if identity is not None:
        wanted |= Q(pk=identity)
    return (
        visible_workflows(project_id, is_admin=is_admin)
        .filter(wanted)
        .select_related("revision")
        .defer(*_LARGE)
        .order_by(_exact_first(identity, namespace), own_first(project_id), "created_at")
        .first()
    )


def get_workflow(caller: Caller, identifier: str, namespace: str) -> WorkflowDefinition:
    """Like `find_workflow` for the caller of a request; raises NotFound."""
    workflow = find_workflow(
        name_or_id=identifier,
        namespace=namespace,
        project_id=caller.project_id,
        is_admin=caller.is_admin,
    )
    if workflow is None:
        raise NotFound(
            f"Workflow not found [workflow_identifier={identifier}, namespace={namespace}]"
        )
    return workflow


def get_revision(workflow: WorkflowDefinition, number: int) -> WorkflowRevision:
    """Return one revision of a workflow with its text; raises NotFound."""
    found = workflow.revisions.filter(number=number).first()
    if found is None:
        raise NotFound(f"Workflow revision not found [workflow={workflow.name}, number={number}]")
    return found


def find_workbook(*, caller: Caller, name: str, namespace: str) -> WorkbookDefinition | None:
    """Return the workbook of this name in exactly this namespace."""
    return (
        WorkbookDefinition.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
        .filter(name=name, namespace=namespace)
        .order_by(own_first(caller.project_id), "created_at")
        .first()
    )


def get_workbook(caller: Caller, name: str, namespace: str) -> WorkbookDefinition:
    """Like `find_workbook`; raises NotFound."""
    workbook = find_workbook(caller=caller, name=name, namespace=namespace)
    if workbook is None:
        raise NotFound(f"Workbook not found [name={name}, namespace={namespace}]")
    return workbook


def find_adhoc_action(
    *,
    name: str,
    namespace: str,
    project_id: uuid.UUID,
    is_admin: bool = False,
    fallback: bool = True,
) -> ActionDefinition | None:
    """Return the ad-hoc action of this id or name; own before public.

    A name that the namespace does not have is looked up in the default one, unless `fallback`
    is False.
    """
    namespaces = {namespace, ""} if fallback else {namespace}
    wanted = Q(name=name, namespace__in=namespaces)
    identity = parse_id(name)
    if identity is not None:
        wanted |= Q(pk=identity)
    return (
        ActionDefinition.objects.visible_to(project_id, all_projects=is_admin)
        .filter(wanted)
        .order_by(_exact_first(identity, namespace), own_first(project_id), "created_at")
        .first()
    )


def _exact_first(identity: uuid.UUID | None, namespace: str) -> Case:
    return Case(
        When(pk=identity, then=0),
        When(namespace=namespace, then=1),
        default=2,
        output_field=IntegerField(),
    )


def load_spec(revision: WorkflowRevision) -> LoadedWorkflow:
    """Return the parsed workflow of a revision; each is built once per process."""
    loaded = _specs.find(revision.pk)
    if loaded is None:
        loaded = _specs.keep(revision)
    return loaded


def load_specs(revision_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, LoadedWorkflow]:
    """Return the parsed workflows of several revisions, reading the unknown ones together."""
    loaded = {key: _specs.find(key) for key in set(revision_ids)}
    missing = [key for key, found in loaded.items() if found is None]
    if missing:
        unknown = WorkflowRevision.objects.filter(pk__in=missing).only("spec_name", "spec")
        loaded.update({revision.pk: _specs.keep(revision) for revision in unknown})
    return {key: found for key, found in loaded.items() if found is not None}


class _SpecCache:
    """The most recently used workflows; a revision never changes, so nothing gets stale."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: OrderedDict[uuid.UUID, LoadedWorkflow] = OrderedDict()

    def find(self, key: uuid.UUID) -> LoadedWorkflow | None:
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
            return self._loaded.get(key)

    def keep(self, revision: WorkflowRevision) -> LoadedWorkflow:
        spec = build_workflow(revision.spec_name, revision.spec)
        loaded = LoadedWorkflow(spec, build_graph(spec))
        with self._lock:
            self._loaded[revision.pk] = loaded
            self._loaded.move_to_end(revision.pk)
            while len(self._loaded) > settings.LEVANTE_SPEC_CACHE_SIZE:
                self._loaded.popitem(last=False)
        return loaded


_specs = _SpecCache()
