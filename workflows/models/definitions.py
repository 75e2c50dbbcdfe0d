"""Stored definitions: workflows with their revisions, workbooks, ad-hoc actions."""

from __future__ import annotations

import uuid
from typing import Self, TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from workflows.models.base import PayloadField, Scope
from workflows.models.projects import Project

_Owned = TypeVar("_Owned", bound=models.Model)


class OwnedQuerySet(models.QuerySet[_Owned]):
    """Objects of a project that may be public."""

    def visible_to(self, project_id: uuid.UUID, *, all_projects: bool = False) -> Self:
        """What the project owns and what is public; everything for an administrator."""
        if all_projects:
            return self
        return self.filter(Q(project_id=project_id) | Q(scope=Scope.PUBLIC))


class OwnedDefinition(models.Model):
    """What all stored definitions share. `tags` are those of the text."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    namespace = models.CharField(max_length=255, blank=True, default="")
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.PRIVATE)
    tags = ArrayField(models.TextField(), default=list, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class WorkflowDefinition(OwnedDefinition):
    """A workflow. Its text lives in revisions; `revision` is the newest one.

    `workbook_name` is set for members of a workbook: their short names are looked up there first.
    """

    is_system = models.BooleanField(default=False)
    workbook_name = models.CharField(max_length=255, blank=True, default="")
    revision = models.OneToOneField(
        "WorkflowRevision", models.PROTECT, related_name="newest_of", null=True
    )

    objects = OwnedQuerySet["WorkflowDefinition"].as_manager()

    class Meta:
        db_table = "workflow_definitions"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "namespace", "name"], name="workflow_definitions_unique_name"
            ),
        ]


class WorkflowRevision(models.Model):
    """One text of a workflow. Executions point here, so it outlives its definition.

    `spec` is the parsed text of this workflow alone, as plain data. `checksum` is the MD5 of the
    text, or null for a member of a workbook.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(
        WorkflowDefinition, models.SET_NULL, null=True, related_name="revisions"
    )
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    spec_name = models.CharField(max_length=255)
    workbook_name = models.CharField(max_length=255, blank=True, default="")
    text = models.TextField()
    spec = PayloadField()
    input_summary = models.TextField(blank=True, default="")
    interface = PayloadField()
    checksum = models.CharField(max_length=32, null=True)  # noqa: DJ001 - null on the wire
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    comment = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "workflow_revisions"
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "number"], name="workflow_revisions_unique_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"


class WorkbookDefinition(OwnedDefinition):
    """A workbook as uploaded. Its members are stored as definitions of their own."""

    text = models.TextField()

    objects = OwnedQuerySet["WorkbookDefinition"].as_manager()

    class Meta:
        db_table = "workbook_definitions"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "namespace", "name"], name="workbook_definitions_unique_name"
            ),
        ]


class ActionDefinition(OwnedDefinition):
    """An ad-hoc action. `spec` is its parsed text as plain data."""

    text = models.TextField()
    spec = PayloadField()
    spec_name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    input_summary = models.TextField(blank=True, default="")

    objects = OwnedQuerySet["ActionDefinition"].as_manager()

    class Meta:
        db_table = "action_definitions"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "namespace", "name"], name="action_definitions_unique_name"
            ),
        ]
