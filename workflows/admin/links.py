"""Addresses of pages, for those who may open them."""

from __future__ import annotations

from django.urls import reverse

from workflows.admin.pages import may_open
from workflows.services.identity.identity import Caller


def find_link(caller: Caller, name: str, *places: object) -> str:
    """Return the address of a page; empty if it is not for the caller, or of what is not there."""
    if None in places or not may_open(caller, name):
        return ""
    return reverse(f"admin:{name}", args=places)
