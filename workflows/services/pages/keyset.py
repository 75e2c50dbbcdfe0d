"""Lists that are paged by key: what comes behind a place in them."""

from __future__ import annotations

from django.db.models import Q


def beyond(*, is_back: bool = False, **place: object) -> Q:
    """Match what comes behind a place, or before it if `is_back`.

    `place` gives the fields of the order with their values; the last one tells any two rows apart,
    so that rows which are equal in the others are neither lost nor shown twice.
    """
    side = "lt" if is_back else "gt"
    behind = Q()
    equal: dict[str, object] = {}
    for name, value in place.items():
        behind |= Q(**equal, **{f"{name}__{side}": value})
        equal[name] = value
    first, value = next(iter(place.items()))
    # What the alternatives have in common lets an index scan start there.
    return Q(**{f"{first}__{side}e": value}) & behind
