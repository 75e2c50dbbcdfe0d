"""JSON in the fields of forms: read with errors for people, and shown so that it can be read."""

from __future__ import annotations

import json

from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue


def load_json(text: str) -> JSONValue:
    """Read a value; NaN and infinities are none. Raises ValueError with a text for people."""
    try:
        value: JSONValue = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}.") from error
    return value


def read_json_object(text: str, what: str) -> JSONObject:
    """Read an object; an empty text is an empty one. Raises RequestInvalid, which names `what`."""
    if not text.strip():
        return {}
    try:
        value = load_json(text)
    except ValueError as error:
        raise RequestInvalid(f"{what}: {error}") from error
    if not isinstance(value, dict):
        raise RequestInvalid(f"{what} must be a JSON object, such as {{}}.")
    return value


def show_json_object(value: JSONObject) -> str:
    """Write an object for a field of a form; an empty one leaves the field empty."""
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")
