"""The events of Mistral's notifier, read from changes of state. No database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from workflows.jsontypes import JSONObject, JSONValue

# What takes the place of a secret where people may see it.
HIDDEN: Final = "***"

_ENDS: Final = {
    "SUCCESS": "SUCCEEDED", "ERROR": "FAILED", "CANCELLED": "CANCELLED", "PAUSED": "PAUSED",
    "SKIPPED": "SKIPPED",
}  # fmt: skip
_BEGINNINGS: Final = frozenset({"", "IDLE", "WAITING"})
_AGAIN: Final = frozenset({"ERROR", "CANCELLED", "SUCCESS", "SKIPPED"})
_AT_WORK: Final = frozenset({"RUNNING", "DELAYED"})


def event_name(before: str, after: str, *, is_task: bool) -> str | None:
    """Give the event of a change of state; None for a change that nobody is told about.

    A task that waits before it starts is launched; one that waits for its retry is still at it.
    """
    ending = _ENDS.get(after)
    if ending is None and after in _AT_WORK:
        # An execution that had to wait for room says so first, and then begins like any other.
        if before in (_BEGINNINGS if is_task else ("",)):
            ending = "LAUNCHED"
        elif before == "PAUSED":
            ending = "RESUMED"
        elif before in _AGAIN:
            ending = "RERUN"
    if ending is None or before == after:
        return None
    return f"{'TASK' if is_task else 'WORKFLOW'}_{ending}"


def wants(receiver: Mapping[str, Any], event: str) -> bool:
    """Whether a receiver asked for the event; one that names no types gets all."""
    types = receiver.get("event_types")
    return not types or (isinstance(types, list) and event in types)


def find_receivers(notify: object, most: int) -> list[tuple[int, Mapping[str, Any]]]:
    """Give the receivers of a `notify`, each with its position; what is none is left out."""
    listed = notify if isinstance(notify, list) else []
    return [
        (position, one)
        for position, one in enumerate(listed[:most])
        if isinstance(one, dict) and isinstance(one.get("type"), str)
    ]


def label(receiver: Mapping[str, Any]) -> str:
    """Name a receiver for lists: its type and host, since the rest of an address may be secret."""
    host = ""
    if isinstance(receiver.get("url"), str):
        try:
            host = urlsplit(receiver["url"]).hostname or ""
        except ValueError:
            host = "?"
    return f"{receiver.get('type')} {host}".strip()[:255]


def hide_secrets(params: JSONObject) -> JSONObject:
    """Give params as they may be shown: the headers, the secret and the address are covered."""
    notify = params.get("notify")
    if not isinstance(notify, list):
        return params
    return {**params, "notify": [_hidden(one) for one in notify]}


def keep_secrets(given: JSONObject, stored: JSONObject) -> JSONObject:
    """Give the params to store, of those that somebody was shown, changed and sent back.

    What is still covered in a receiver at the same address is what was stored for it; at another
    address it is not, so that nobody sends a secret to where he can read it.
    """
    receivers, known = given.get("notify"), stored.get("notify")
    if not isinstance(receivers, list) or not isinstance(known, list):
        return given
    return {**given, "notify": [_uncovered(one, known) for one in receivers]}


def _uncovered(receiver: JSONValue, known: list[JSONValue]) -> JSONValue:
    if not isinstance(receiver, dict):
        return receiver
    for one in known:
        shown = _hidden(one)
        if not isinstance(one, dict) or not isinstance(shown, dict):
            continue
        if all(receiver.get(name) in (one.get(name), shown.get(name)) for name in ("type", "url")):
            return {name: _kept(value, one.get(name)) for name, value in receiver.items()} | (
                {"url": one["url"]} if "url" in one else {}
            )
    return receiver


def _kept(given: JSONValue, stored: JSONValue) -> JSONValue:
    if given == HIDDEN and stored is not None:
        return stored
    if isinstance(given, dict) and isinstance(stored, dict):
        return {name: _kept(value, stored.get(name)) for name, value in given.items()}
    return given


def _hidden(receiver: JSONValue) -> JSONValue:
    if not isinstance(receiver, dict):
        return receiver
    shown = dict(receiver)
    if isinstance(shown.get("headers"), dict):
        shown["headers"] = dict.fromkeys(shown["headers"], HIDDEN)  # type: ignore[arg-type]
    if "secret" in shown:
        shown["secret"] = HIDDEN
    if isinstance(shown.get("url"), str):
        shown["url"] = _hidden_url(str(shown["url"]))
    return shown


def _hidden_url(url: str) -> str:
    """Cover the user and password of an address, and its query, where tokens stand."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        is_open = host == parts.netloc and not parts.query
    except ValueError:
        return HIDDEN
    if is_open:
        return url
    netloc = host if host == parts.netloc else f"{HIDDEN}@{host}"
    return parts._replace(netloc=netloc, query=HIDDEN if parts.query else "").geturl()
