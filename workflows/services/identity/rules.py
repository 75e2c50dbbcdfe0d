"""The rules of who may do what, and the least role that each asks for.

A rule is named as Mistral names it, such as `workflows:create` or `executions:delete`. The settings
read this table before there are any models, so its roles are words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ROLES: Final = ("viewer", "operator", "author", "admin")

_DEFAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "viewer": {
        "workflows": "get list validate",
        "workbooks": "get list validate",
        "actions": "get list validate",
        "environments": "get list",
        "cron_triggers": "get list",
        "event_triggers": "get list",
        "members": "get list",
        "executions": "get list report",
        "tasks": "get list",
        "action_executions": "get list",
    },
    "operator": {
        "executions": "create update delete",
        "tasks": "update",
        "action_executions": "create update delete",
        "events": "create",
    },
    "author": {
        "workflows": "create update delete",
        "workbooks": "create update delete",
        "actions": "create update delete",
        "environments": "create update delete",
        "cron_triggers": "create delete",
        "event_triggers": "create update delete",
        "members": "create update delete",
    },
    "admin": {
        "workflows": "publicize",
        "workbooks": "publicize",
        "actions": "publicize",
        "environments": "publicize",
        "cron_triggers": "publicize",
        "event_triggers": "publicize",
        # Stored code runs with the rights of the workers.
        "code_sources": "get list create update delete publicize",
        "dynamic_actions": "get list create update delete publicize",
        "maintenance": "get update",
        "metrics": "get",
    },
}

LEAST_ROLES: Final[Mapping[str, str]] = {
    f"{kind}:{verb}": role
    for role, kinds in _DEFAULTS.items()
    for kind, verbs in kinds.items()
    for verb in verbs.split()
}
