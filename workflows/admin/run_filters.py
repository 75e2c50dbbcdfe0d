"""What the address of a list of executions asks for, and addresses of such lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from workflows.admin.arguments import parse_row_id, read_choice, read_id
from workflows.engine.states import UNFINISHED, State
from workflows.errors import RequestInvalid
from workflows.services.pages.run_lists import Cursor, RunFilter

# Shortcuts of the time filter.
SPANS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
LIVE: Final = "live"  # all states that are not final
# Executions have no other states than these.
STATES: Final = (
    State.RUNNING,
    State.PAUSED,
    State.SUCCESS,
    State.ERROR,
    State.CANCELLED,
    State.IDLE,
)
_NAMES: Final = (
    "state", "workflow", "workflow_id", "project", "tag", "span", "since", "until", "q", "depth",
)  # fmt: skip


def read_filter(query: QueryDict) -> RunFilter:
    """Read the filter; raises RequestInvalid for a value that makes no sense."""
    wanted = query.get("state", "")
    states = tuple(UNFINISHED) if wanted == LIVE else _states(wanted)
    span = read_choice(query, "span", SPANS)
    since = timezone.now() - SPANS[span][1] if span else _read_moment(query, "since")
    return RunFilter(
        states=states,
        workflow=query.get("workflow", "").strip(),
        workflow_id=read_id(query, "workflow_id"),
        project_id=read_id(query, "project"),
        tag=query.get("tag", "").strip(),
        since=since,
        until=_read_moment(query, "until"),
        identity=query.get("q", "").strip(),
        roots_only=query.get("depth") != "any",
    )


def read_cursor(query: QueryDict) -> Cursor | None:
    """Read behind which row the page starts: `after` or `before`, a time and an id."""
    for name, is_back in (("after", False), ("before", True)):
        text = query.get(name, "")
        if text:
            at, _, key = text.partition("~")
            return Cursor(_moment(name, at), parse_row_id(name, key), is_back)
    return None


def cursor_text(created_at: datetime, identity: UUID) -> str:
    return f"{created_at.isoformat()}~{identity}"


def kept_arguments(query: QueryDict) -> dict[str, str]:
    """Return what of the address belongs to the filter."""
    return {name: str(query[name]) for name in _NAMES if query.get(name)}


def runs_address(**arguments: str) -> str:
    """Return the address of a list."""
    query = urlencode({name: value for name, value in arguments.items() if value})
    address = reverse("admin:executions")
    return f"{address}?{query}" if query else address


def _states(text: str) -> tuple[State, ...]:
    names = [name for name in text.split(",") if name]
    return tuple(State(read_choice({"state": name}, "state", STATES)) for name in names)


def _read_moment(query: QueryDict, name: str) -> datetime | None:
    text = query.get(name, "").strip()
    return _moment(name, text) if text else None


def _moment(name: str, text: str) -> datetime:
    try:
        # A plus sign that nobody has escaped has become a space.
        found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        found = None
    if found is None:
        raise RequestInvalid(f"{name} must be a time such as 2030-01-31T12:00:00Z.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
