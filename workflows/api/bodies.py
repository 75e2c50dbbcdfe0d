"""Request bodies: definitions as raw text, and everything else as JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from workflows.api.errors import BodyTooLarge
from workflows.api.values import invalid, json_object, parse_integer, parse_json
from workflows.errors import LimitExceeded, RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue

# Set by the server for every resource, never by the caller.
READ_ONLY: Final = frozenset({"project_id"})


class Given(StrEnum):
    """What an attribute of a request body must be; null is allowed for all of them."""

    TEXT = "text"
    JSON = "json"
    FLAG = "flag"
    INTEGER = "integer"
    IGNORED = "ignored"  # known to the resource, without meaning in requests


@dataclass(frozen=True, slots=True)
class Body:
    """The attributes given in a request, checked; one that is null counts as absent."""

    values: Mapping[str, JSONValue]
    nulls: frozenset[str] = frozenset()

    def has_even_null(self, name: str) -> bool:
        """Whether the attribute was given at all; for the few where null means something."""
        return name in self.values or name in self.nulls

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def object(self, name: str) -> JSONObject | None:
        value = self.values.get(name)
        return value if isinstance(value, dict) else None

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        return value if isinstance(value, bool) else None


def read_text(request: Request) -> str:
    """Return the raw body of a definition, whatever its content type says."""
    raw = _raw_body(request)
    if len(raw) > settings.LEVANTE_MAX_DEFINITION_BYTES:
        raise LimitExceeded("Field size limit exceeded")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestInvalid("The definition is not UTF-8 text") from error


def read_object(request: Request, argument: str, attributes: Mapping[str, Given]) -> Body:
    """Return the JSON object of the body with its attributes checked.

    `argument` is the name of the resource in the texts of errors.
    """
    _require_json(request)
    raw = _raw_body(request)
    document = parse_json(raw)
    if not isinstance(document, dict):
        raise RequestInvalid("The request body must be a JSON object")
    for name in document:
        if name in READ_ONLY:
            raise RequestInvalid(
                f"Invalid input for field/attribute {name}. Cannot set read only field."
            )
        if name not in attributes:
            raise RequestInvalid(f"Unknown attribute for argument {argument}: {name}")
    body = Body(
        {
            name: _check(name, attributes[name], value)
            for name, value in document.items()
            if value is not None
        },
        frozenset(name for name, value in document.items() if value is None),
    )
    if len(raw) > settings.LEVANTE_MAX_FIELD_BYTES:
        _limit_fields(body)
    return body


def _require_json(request: Request) -> None:
    content_type = str(request.META.get("CONTENT_TYPE", ""))
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(content_type)


def _raw_body(request: Request) -> bytes:
    limit = settings.LEVANTE_MAX_BODY_BYTES
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(f"The request body is larger than {limit} bytes")
    raw = request._request.body
    if len(raw) > limit:
        raise BodyTooLarge(f"The request body is larger than {limit} bytes")
    return raw


def _check(name: str, kind: Given, value: JSONValue) -> JSONValue:
    match kind:
        case Given.TEXT if not isinstance(value, str):
            raise invalid(name, value, f"Wrong type. Expected text, got {type(value).__name__}")
        case Given.FLAG if not isinstance(value, bool):
            return _as_flag(name, value)
        case Given.JSON:
            return json_object(value)
        case Given.INTEGER if isinstance(value, bool) or not isinstance(value, int):
            if not isinstance(value, str):
                raise invalid(name, value, "Wrong type. Expected an integer.")
            return parse_integer(name, value)
        case _:
            return value


def _as_flag(name: str, value: JSONValue) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise invalid(name, value, "Wrong type. Expected a boolean.")


def _limit_fields(body: Body) -> None:
    """Refuse a body with a value over the limit; not worth the time for bodies below it."""
    for value in body.values.values():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text.encode()) > settings.LEVANTE_MAX_FIELD_BYTES:
            raise LimitExceeded("Field size limit exceeded")
