"""Checks of values before they are stored: what PostgreSQL, JSON or the limits do not take."""

from __future__ import annotations

import math

from django.conf import settings

from workflows.errors import LimitExceeded, RequestInvalid
from workflows.jsontypes import JSONValue
from workflows.models.base import dump_json


def clean_payload(value: object) -> JSONValue:
    """Give the value as plain JSON data. Raises RequestInvalid or LimitExceeded if it cannot be."""
    cleaned = _clean(value, 0)
    if len(dump_json(cleaned).encode()) > settings.LEVANTE_MAX_FIELD_BYTES:
        raise LimitExceeded("Field size limit exceeded")
    return cleaned


def _clean(value: object, depth: int) -> JSONValue:
    if depth > settings.LEVANTE_MAX_DEPTH:
        raise LimitExceeded(f"The value is nested deeper than {settings.LEVANTE_MAX_DEPTH} levels.")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RequestInvalid("The value holds NaN or Infinity, which JSON does not have.")
        return value
    if isinstance(value, dict):
        return {_clean_key(key): _clean(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner, depth + 1) for inner in value]
    raise RequestInvalid(f"The value holds a {type(value).__name__}, which is no JSON data.")


def _clean_key(key: object) -> str:
    if not isinstance(key, str):
        raise RequestInvalid("The value holds a key that is no text.")
    return _clean_text(key)


def _clean_text(text: str) -> str:
    if "\0" in text:
        raise RequestInvalid("The value holds the character U+0000, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestInvalid("The value holds half a character (a lone surrogate).") from error
    return text
