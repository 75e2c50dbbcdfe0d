"""Projects that a private workflow is shared with."""

from __future__ import annotations

import uuid

from django.db import models

from workflows.models.definitions import WorkflowDefinition


class MemberStatus(models.TextChoices):
    """What the other project says to being a member; only `accepted` gives access."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class WorkflowMember(models.Model):
    """A project that may read and run a private workflow of another one once it has accepted.

    `member_id` is the id of a project, which need not exist here yet.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(WorkflowDefinition, models.CASCADE, related_name="members")
    member_id = models.UUIDField()
    status = models.CharField(max_length=16, choices=MemberStatus, default=MemberStatus.PENDING)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "workflow_members"
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "member_id"], name="workflow_members_one_per_project"
            ),
        ]
        indexes = [
            # What is shared with a project: read by each look-up of a workflow.
            models.Index(fields=["member_id", "status"], name="workflow_members_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} ({self.status})"
