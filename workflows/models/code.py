"""Stored Python code and the actions that are made of its classes."""

from __future__ import annotations

from django.db import models

from workflows.models.definitions import OwnedDefinition, OwnedQuerySet


class CodeSource(OwnedDefinition):
    """The text of a Python module. `version` counts its updates, from 1."""

    content = models.TextField()
    version = models.PositiveIntegerField(default=1)

    objects = OwnedQuerySet["CodeSource"].as_manager()

    class Meta:
        db_table = "code_sources"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "namespace", "name"], name="code_sources_unique_name"
            ),
        ]


class DynamicAction(OwnedDefinition):
    """An action that is a class of a code source; it goes with its source."""

    class_name = models.CharField(max_length=255)
    code_source = models.ForeignKey(CodeSource, models.CASCADE, related_name="+")

    objects = OwnedQuerySet["DynamicAction"].as_manager()

    class Meta:
        db_table = "dynamic_actions"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "namespace", "name"], name="dynamic_actions_unique_name"
            ),
        ]
