"""What a workflow is told about an event: Mistral's file of definitions, or the event as it is.

The file is a YAML list. Each entry has `event_types`, names with `*` and, after a `!`, those that
it is not for, and `properties`, whose expressions are evaluated over the event. The last entry
that fits counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workflows.expressions.check import find_expression_problems
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader
from workflows.jsontypes import JSONObject, JSONValue
from workflows.services.triggers.incoming_events import IncomingEvent


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One entry of the file."""

    included: tuple[str, ...]
    excluded: tuple[str, ...]
    properties: JSONObject

    def fits(self, event_type: str) -> bool:
        return any(fnmatchcase(event_type, pattern) for pattern in self.included) and not any(
            fnmatchcase(event_type, pattern) for pattern in self.excluded
        )


def event_params(event: IncomingEvent) -> JSONObject:
    """Give what the params of the execution hold under `event_params`. Raises ExpressionFailed."""
    data = event.as_data()
    for definition in reversed(load_definitions(settings.LEVANTE_EVENT_DEFINITIONS_FILE)):
        if definition.fits(event.type):
            found = evaluate_over(definition.properties, data)
            return found if isinstance(found, dict) else {}
    return data


def evaluate_over(value: JSONValue, data: JSONObject) -> JSONValue:
    """Evaluate the expressions in a value over an event."""
    return evaluate(value, data, NoReader(lambda: str(uuid4())))


@lru_cache(maxsize=8)
def load_definitions(path: str) -> tuple[EventDefinition, ...]:
    """Read the file once; raises ImproperlyConfigured."""
    if not path:
        return ()
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ImproperlyConfigured(
            f"LEVANTE_EVENT_DEFINITIONS_FILE cannot be read: {error}"
        ) from error
    if not isinstance(entries, list):
        raise ImproperlyConfigured("LEVANTE_EVENT_DEFINITIONS_FILE holds no list")
    return tuple(_definition(entry) for entry in entries)


def _definition(entry: Any) -> EventDefinition:
    types = entry.get("event_types") if isinstance(entry, dict) else None
    properties = entry.get("properties") if isinstance(entry, dict) else None
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list) or not isinstance(properties, dict):
        raise ImproperlyConfigured(
            "each entry of LEVANTE_EVENT_DEFINITIONS_FILE has event_types and properties"
        )
    if problems := find_expression_problems(properties):
        raise ImproperlyConfigured(f"LEVANTE_EVENT_DEFINITIONS_FILE: {problems[0]}")
    excluded = tuple(str(one)[1:] for one in types if str(one).startswith("!"))
    included = tuple(str(one) for one in types if not str(one).startswith("!"))
    return EventDefinition(included or ("*",), excluded, properties)
