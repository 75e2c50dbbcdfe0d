"""Values on the wire: JSON text, dates, and what user data must not contain."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Final, NoReturn

from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue

DATE_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

# Deeper data cannot be stored and read back safely; nobody writes it by hand.
MAX_DEPTH: Final = 64

NOT_JSON: Final = "Request is not in valid JSON format"


def parse_json(text: str | bytes) -> JSONValue:
    """Read JSON as the standard defines it, and refuse what the database cannot store.

    NaN and Infinity, the character U+0000, lone surrogates and nesting deeper than 64 levels
    raise RequestInvalid.
    """
    try:
        value: JSONValue = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(NOT_JSON) from error
    check_storable(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise RequestInvalid(f"{name} is not valid in JSON")


def check_storable(value: JSONValue) -> None:
    """Raise RequestInvalid for text or nesting that cannot be stored."""
    level: list[JSONValue] = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[JSONValue] = []
        for member in level:
            if isinstance(member, str):
                check_text(member)
            elif isinstance(member, list):
                below.extend(member)
            elif isinstance(member, dict):
                below.extend(member)
                below.extend(member.values())
        if not below:
            return
        level = below
    raise RequestInvalid(f"Data must not be nested deeper than {MAX_DEPTH} levels")


def check_text(text: str) -> None:
    """Raise RequestInvalid for text that PostgreSQL cannot store."""
    if "\x00" in text:
        raise RequestInvalid("Text must not contain the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestInvalid("Text must not contain lone surrogates") from error


def json_object(value: JSONValue) -> JSONObject:
    """Return the object that a JSON-typed attribute holds, be it given as object or as text."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except RequestInvalid as error:
            if error.message == NOT_JSON:
                raise not_a_dictionary(value) from error
            raise
    if not isinstance(value, dict):
        raise not_a_dictionary(value)
    return value


def not_a_dictionary(value: JSONValue) -> RequestInvalid:
    """Build the error for a JSON-typed attribute that is no object."""
    # Mistral shows the value; it may be a secret that stands in the wrong place.
    kind = type(value).__name__
    return RequestInvalid(f"JsonType field value must be a dictionary [actual={kind}]")


def json_text(value: JSONValue) -> str | None:
    """Write a value as the JSON text that stands for it on the wire; null stays null."""
    return None if value is None else json.dumps(value)


def date_text(moment: datetime | None) -> str | None:
    """Write a moment as the clients read it: UTC, without fraction and zone."""
    return None if moment is None else moment.astimezone(UTC).strftime(DATE_FORMAT)


def parse_date(name: str, text: str) -> datetime:
    """Read a date of a filter, in whole seconds; UTC if no zone is said, midnight if no time."""
    try:
        moment = datetime.fromisoformat(text).replace(microsecond=0)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(name, text, "Expected a date like 2026-01-31 12:00:00.") from error


def parse_uuid(name: str, text: str) -> uuid.UUID:
    """Read a UUID with or without dashes."""
    try:
        if len(text) not in (32, 36):
            raise ValueError(text)
        return uuid.UUID(text)
    except ValueError as error:
        why = f"unable to convert to uuid. Error: Expected a uuid but received {text}."
        raise invalid(name, text, why) from error


def parse_integer(name: str, text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError as error:
        why = f"unable to convert to int. Error: Expected an integer but received {text}."
        raise invalid(name, text, why) from error


def parse_flag(text: str) -> bool:
    """Read a boolean of a query: empty, false, 0, no and off are false, all else is true."""
    return text.strip().lower() not in ("", "false", "0", "no", "off")


def invalid(name: str, value: object, why: str) -> RequestInvalid:
    """Build the error for an attribute or argument of a wrong type or form."""
    return RequestInvalid(f"Invalid input for field/attribute {name}. Value: '{value}'. {why}")
