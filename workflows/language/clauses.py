"""Reads valid on-clauses in every form they may have, and folds task-defaults into them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.calls import Call, parse_call
from workflows.language.specs import MISSING, Clause, Command, Missing, Publish, Transition
from workflows.language.yaml import Path

ON_CLAUSES: Final = ("on-success", "on-error", "on-complete", "on-skip")
COMMANDS: Final = frozenset(command.value for command in Command)


@dataclass(frozen=True, slots=True)
class Entry:
    """One target with its guard as written, and the path to it within the clause."""

    path: Path
    target: JSONValue
    guard: JSONValue | Missing = MISSING

    @property
    def call(self) -> Call:
        """The target taken apart; a text that is no call is a name as it stands."""
        text = self.target if isinstance(self.target, str) else ""
        return parse_call(text) or Call(text, {})


def is_advanced(raw: JSONValue) -> bool:
    """Tell whether the clause has the form with `publish` and `next`."""
    return isinstance(raw, dict) and bool(raw) and raw.keys() <= {"publish", "next"}


def list_entries(raw: JSONValue) -> tuple[Entry, ...]:
    """List the entries of a clause in written order."""
    if isinstance(raw, dict) and is_advanced(raw):
        return tuple(_entries(raw.get("next", []), ("next",)))
    return tuple(_entries(raw, ()))


def _entries(raw: JSONValue, path: Path) -> Iterator[Entry]:
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from _entries(item, (*path, index))
    elif isinstance(raw, dict):
        for target, guard in raw.items():
            yield Entry((*path, target), target, guard)
    else:
        yield Entry(path, raw)


def parse_clause(raw: JSONValue, task_names: Collection[str]) -> Clause | None:
    """Build a clause from its written form; None when there is none."""
    if raw is None:
        return None
    publish = raw.get("publish") if isinstance(raw, dict) and is_advanced(raw) else None
    transitions = tuple(_build_transition(entry, task_names) for entry in list_entries(raw))
    return Clause(transitions, _build_publish(publish) if isinstance(publish, dict) else None)


def _build_transition(entry: Entry, task_names: Collection[str]) -> Transition:
    call = entry.call
    if call.name in task_names or call.name not in COMMANDS:
        return Transition(call.name, entry.guard)
    message = call.parameters.get("msg")
    return Transition(call.name, entry.guard, Command(call.name), message)


def _build_publish(raw: JSONObject) -> Publish:
    scopes: dict[str, JSONObject] = {}
    for scope in ("branch", "global", "atomic"):
        values = raw.get(scope)
        scopes[scope] = values if isinstance(values, dict) else {}
    return Publish(scopes["branch"], scopes["global"], scopes["atomic"])


def fold_clause(own: Clause | None, default: Clause | None, task_name: str) -> Clause | None:
    """Return the clause that holds for a task which has one of its own, a default, or both.

    An own clause that leads somewhere replaces the default; one that only publishes keeps the
    ways of the default. A default never applies to the task it leads to.
    """
    if default is None or (own is not None and own.next):
        return own
    ways = tuple(way for way in default.next if way.target != task_name or way.command is not None)
    if own is not None:
        return Clause(ways, own.publish)
    if default.next and not ways:
        return None
    return Clause(ways, default.publish)
