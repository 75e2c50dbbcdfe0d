"""Answers beside recorded ones: what has to be the same, and what depends on time and ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

UUID: Final = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")


def compare(place: str, recorded: Any, own: Any, different: set[str]) -> Iterator[str]:
    """Every recorded key is there, with the same type, and the same value but for ids and times."""
    if isinstance(recorded, dict) and isinstance(own, dict):
        for key, value in recorded.items():
            if key in different:
                continue
            if key not in own:
                yield f"{place}.{key} is missing"
            else:
                yield from compare(f"{place}.{key}", value, own[key], different)
    elif isinstance(recorded, list) and isinstance(own, list):
        recorded, own = _by_name(recorded), _by_name(own)
        if len(recorded) != len(own):
            yield f"{place} has {len(own)} elements, not {len(recorded)}"
        for number, (left, right) in enumerate(zip(recorded, own, strict=False)):
            yield from compare(f"{place}[{number}]", left, right, different)
    elif _plain(place, recorded) != _plain(place, own):
        yield f"{place} is {own!r}, not {recorded!r}"


def _by_name(values: list[Any]) -> list[Any]:
    """The order of what a report nests is not promised."""
    if all(isinstance(value, dict) and "name" in value for value in values):
        return sorted(values, key=lambda value: str(value["name"]))
    return values


def _plain(place: str, value: Any) -> Any:
    """Hide ids, times and projects, and read JSON that is written as text."""
    if place.endswith(".updated_at") and value is None:
        return "<time>"  # nothing has changed it so far
    if not isinstance(value, str):
        return value
    if place.endswith(".project_id"):
        return "<project>"
    if place.endswith((".created_at", ".updated_at", ".started_at", ".finished_at")):
        return "<time>" if TIME.fullmatch(value) or value == "" else value
    if place.endswith(".faultstring"):
        return _hidden(value).partition("[")[0][:40]
    try:
        value = json.loads(value)
    except ValueError:
        return _hidden(value)
    return json.loads(_hidden(json.dumps(value)))


def _hidden(text: str) -> str:
    return TIME.sub("<time>", UUID.sub("<id>", text))
