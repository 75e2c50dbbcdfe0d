"""The addresses of all pages, filled with whatever fits their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.urls import get_resolver, reverse

from workflows.admin.pages import Page, registered_pages

NOBODY: Final = UUID(int=1)
_FILLERS: Final[Mapping[str, object]] = {
    "UUIDConverter": NOBODY,
    "IntConverter": 1,
    "SlugConverter": "x",
    "StringConverter": "x",
    "PathConverter": "x",
}


def list_pages() -> list[Page]:
    get_resolver().url_patterns  # noqa: B018 - pages register when the addresses are loaded
    return registered_pages()


def address_of(page: Page, given: Mapping[str, object] | None = None) -> str:
    """Write the address of a page; what `given` does not name leads to nothing that is there."""
    pattern = next(
        one
        for one in get_resolver().namespace_dict["admin"][1].url_patterns
        if one.name == page.name
    )
    places = {
        name: (given or {}).get(name, _FILLERS[type(converter).__name__])
        for name, converter in pattern.pattern.converters.items()
    }
    return reverse(f"admin:{page.name}", kwargs=places)
