"""Notes who changed what on the pages, in the log of Django's admin.

Executions have their own history; definitions, schedules and people have this.
"""

from __future__ import annotations

from typing import Final

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

__all__ = ["ADDITION", "CHANGE", "DELETION", "note"]

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
