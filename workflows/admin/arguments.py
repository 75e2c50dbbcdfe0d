"""Values of addresses and forms: read as what they have to be, or refused with the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from workflows.errors import RequestInvalid
from workflows.services.identity.ownership import parse_id

LARGEST: Final = 2**31 - 1  # of the columns that count something
LARGEST_KEY: Final = 2**63 - 1  # of the columns that number rows
_LONGEST_REASON: Final = 1_000  # characters, as the fields of the forms say
_SHOWN: Final = 40  # characters of a wrong value in an error


def check_texts(request: HttpRequest, places: Mapping[str, object]) -> None:
    """Raise RequestInvalid for a text that PostgreSQL cannot store, wherever it stands."""
    given = [*request.GET.lists(), *request.POST.lists()]
    texts = [("address", str(value)) for value in places.values()]
    texts += [(name, str(value)) for name, values in given for value in values]
    for name, text in texts:
        if "\x00" in text:
            raise RequestInvalid(f"The field {name} contains the character U+0000.")


def read_number(values: Mapping[str, str], name: str, default: int, *, most: int = LARGEST) -> int:
    """Return a whole number from 0 on; `default` if there is none."""
    text = values.get(name, "").strip()
    if not text:
        return default
    # Longer texts are not converted at all.
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise RequestInvalid(f"{name} must be a whole number up to {most}, and not '{_cut(text)}'.")
    return int(text)


def read_id(values: Mapping[str, str], name: str) -> UUID | None:
    """Return an id; None if there is none."""
    text = values.get(name, "").strip()
    return parse_row_id(name, text) if text else None


def parse_row_id(name: str, text: str) -> UUID:
    """Read an id."""
    found = parse_id(text)
    if found is None:
        raise RequestInvalid(f"{name} must be an id, and not '{_cut(text)}'.")
    return found


def read_choice(values: Mapping[str, str], name: str, choices: Collection[str]) -> str:
    """Return one of the choices; an empty text if there is none."""
    text = values.get(name, "")
    if text and text not in choices:
        known = ", ".join(choices)
        raise RequestInvalid(f"{name} must be one of {known}, and not '{_cut(text)}'.")
    return text


def read_reason(request: HttpRequest) -> str:
    """Return why somebody changes something; nobody may leave it out."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise RequestInvalid("Please say why. The reason goes into the history.")
    return reason[:_LONGEST_REASON]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
