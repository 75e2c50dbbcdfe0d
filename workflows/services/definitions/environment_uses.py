"""What would start with an environment: the schedules and event triggers that name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from workflows.models import Environment
from workflows.models.statements import fetch_all
from workflows.services.identity.identity import Caller

_MOST: Final = 200

# Runs keep the values they started with and not the name, so they are not among these.
_USES_SQL: Final = """
    SELECT 'schedule', id, name FROM cron_triggers
    WHERE project_id = %(project)s AND params ->> 'env' = %(name)s
    UNION ALL
    SELECT 'event trigger', id, coalesce(nullif(name, ''), event) FROM event_triggers
    WHERE project_id = %(project)s AND params ->> 'env' = %(name)s
    ORDER BY 1, 3
    LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that names an environment; `kind` is "schedule" or "event trigger"."""

    kind: str
    id: UUID
    name: str


def list_uses(caller: Caller, environment: Environment) -> list[Use]:
    """List what names the environment in the caller's project."""
    values = {"project": caller.project_id, "name": environment.name, "most": _MOST}
    return [Use(*row) for row in fetch_all(_USES_SQL, values)]
