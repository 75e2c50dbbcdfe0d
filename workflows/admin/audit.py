"""Notes who changed what on the pages, in the log of Django's admin.

Executions have a history of their own, until they are deleted; definitions, schedules and people
have this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from workflows.models import WorkflowExecution

__all__ = ["ADDITION", "CHANGE", "DELETION", "note", "note_deletions"]

_LONGEST: Final = 200  # characters that the table holds of a name


def note(request: HttpRequest, row: Model, flag: int, what: str = "") -> None:
    """Note that the person has made, changed or deleted a row; `what` says more about it."""
    assert isinstance(request.user, User)  # the site lets nobody else in
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row)[:_LONGEST],
        action_flag=flag,
        change_message=what,
    )


def note_deletions(request: HttpRequest, execution_ids: Iterable[UUID], reason: str) -> None:
    """Note which executions the person has deleted and why: their history is gone."""
    assert isinstance(request.user, User)  # the site lets nobody else in
    content_type = ContentType.objects.get_for_model(WorkflowExecution)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=request.user.pk,
            content_type=content_type,
            object_id=str(key),
            object_repr=f"execution {key}",
            action_flag=DELETION,
            change_message=reason,
        )
        for key in execution_ids
    )
