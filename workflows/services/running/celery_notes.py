"""The note that a Celery task is about to be sent; see `celery_runs` for what becomes of it."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from workflows.models.statements import execute

_NOTE_SQL = """
    INSERT INTO celery_runs (id, action_id, looks, look_at, given_up_at)
    VALUES (%s, %s, 0, clock_timestamp() + %s * interval '1 second',
            clock_timestamp() + %s * interval '1 second')
    ON CONFLICT (id) DO NOTHING
"""


def note_run(action_id: UUID, token: UUID, timeout: float | None) -> None:
    """Write down that a Celery task is about to be sent; its id is the token of the attempt."""
    seconds = timeout or settings.LEVANTE_CELERY_SECONDS
    look = min(settings.LEVANTE_CELERY_LOOK_SECONDS, seconds)
    execute(_NOTE_SQL, [token, action_id, look, seconds])
