"""What all tables share: how user data is stored, and the scopes of shared objects."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from psycopg.types.json import Json


def dump_json(value: object) -> str:
    """Write JSON as it is stored: text as it is, no spaces, no NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class PayloadField(models.Field[Any, Any]):
    """User data as the PostgreSQL type `json`.

    Not `jsonb`: that type forgets the order of keys, and with-items over a mapping, `keys()` and
    `json_dump()` make the order visible to users.
    """

    description = "JSON data with its keys in order"

    def db_type(self, connection: Any) -> str:
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else Json(value, dumps=dump_json)


class Scope(models.TextChoices):
    """Who sees an object: its project, or everybody."""

    PRIVATE = "private"
    PUBLIC = "public"
