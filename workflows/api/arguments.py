"""The arguments of the query string, checked against what the path knows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from rest_framework.request import Request

from workflows.api.values import check_text, parse_flag, parse_integer
from workflows.errors import RequestInvalid

COMMON = frozenset({"marker", "limit", "sort_keys", "sort_dirs", "fields"})


@dataclass(frozen=True, slots=True)
class Arguments:
    """The given arguments; of one given twice the last counts."""

    given: dict[str, str]

    def text(self, name: str, default: str = "") -> str:
        return self.given.get(name, default)

    def flag(self, name: str) -> bool:
        return parse_flag(self.given.get(name, ""))

    def integer(self, name: str, default: int) -> int:
        text = self.given.get(name)
        return default if text is None else parse_integer(name, text)

    def names(self, name: str) -> list[str]:
        """Split a comma-separated list; empty entries and repeats are dropped."""
        parts = (part.strip() for part in self.given.get(name, "").split(","))
        return list(dict.fromkeys(part for part in parts if part))


def read_arguments(request: Request, known: Collection[str]) -> Arguments:
    """Return the arguments of the request; one that is not known raises RequestInvalid."""
    arguments = _read(request)
    for name in arguments.given:
        if name not in known:
            raise RequestInvalid(f'Unknown argument: "{name}"')
    return arguments


def read_any_arguments(request: Request) -> Arguments:
    """Return the arguments of the request, known or not: the rule for definitions."""
    return _read(request)


def _read(request: Request) -> Arguments:
    given = request._request.GET
    arguments = {str(name): str(given[name]) for name in given}
    for value in arguments.values():
        check_text(value)
    return Arguments(arguments)


def page_limit(arguments: Arguments) -> int:
    """Return how many items a page holds at most; larger wishes are lowered to the cap."""
    cap: int = settings.LEVANTE_PAGE_LIMIT
    if not arguments.text("limit"):
        return cap
    return min(positive_limit(arguments), cap)


def positive_limit(arguments: Arguments) -> int:
    """Return the limit as asked for."""
    limit = arguments.integer("limit", 0)
    if limit < 1:
        raise RequestInvalid("Limit must be positive.")
    return limit
