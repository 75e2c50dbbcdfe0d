"""Addresses of pages that other modules register."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def find_link(name: str, *arguments: object) -> str:
    """Return the address of a page of the site, or an empty text if there is no such page."""
    try:
        return reverse(f"admin:{name}", args=arguments)
    except NoReverseMatch:
        return ""
