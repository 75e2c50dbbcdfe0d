"""Environments: named sets of variables that executions may start with."""

from __future__ import annotations

import uuid

from django.db import models

from workflows.models.base import PayloadField, Scope
from workflows.models.definitions import OwnedQuerySet
from workflows.models.projects import Project


class Environment(models.Model):
    """A named set of variables of a project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    variables = PayloadField(null=True)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.PRIVATE)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet["Environment"].as_manager()

    class Meta:
        db_table = "environments"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="environments_unique_name"),
        ]

    def __str__(self) -> str:
        return self.name
