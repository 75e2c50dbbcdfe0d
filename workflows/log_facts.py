"""What a line of the log is about: ids that every line has while the work on them lasts.

Whoever begins to work on an execution, a task, an action or a request binds its id here; the
formatters of the log read it. Ids only, never what users gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

_facts: Final[ContextVar[Mapping[str, str]]] = ContextVar("log_facts")
_NOTHING: Final[Mapping[str, str]] = {}


@contextmanager
def log_facts(**ids: UUID | str | None) -> Iterator[None]:
    """Let every line that is written inside have these ids, beside those from outside.

    What is None is left out, and covers what was bound under its name.
    """
    merged = {**current_facts(), **{name: str(value) for name, value in ids.items() if value}}
    for name in ids.keys() - {name for name, value in ids.items() if value}:
        merged.pop(name, None)
    token = _facts.set(merged)
    try:
        yield
    finally:
        _facts.reset(token)


def current_facts() -> Mapping[str, str]:
    """Give the ids of the work at hand."""
    return _facts.get(_NOTHING)
