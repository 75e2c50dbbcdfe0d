"""Projects own everything; tokens and memberships say who may act for a project."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """What a person or token may do in a project; each role includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"  # start, pause, cancel, rerun
    AUTHOR = "author"  # change definitions, too
    ADMIN = "admin"  # everything, in all projects


class Project(models.Model):
    """A tenant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "projects"

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """The role of a user in a project."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.AUTHOR)

    class Meta:
        db_table = "memberships"
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="memberships_one_per_project"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class ApiToken(models.Model):
    """A token of the API. Only its SHA-256 digest is kept; the text is shown once.

    `is_login` marks the tokens of log-ins by password: short-lived, and good to be exchanged for
    one of another project of the user.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, blank=True, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    project = models.ForeignKey(Project, models.CASCADE, related_name="api_tokens")
    role = models.CharField(max_length=16, choices=Role, default=Role.AUTHOR)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    is_login = models.BooleanField(default=False, editable=False)

    class Meta:
        db_table = "api_tokens"

    def __str__(self) -> str:
        return self.name or str(self.id)
