"""What expressions call `$` and `_`: a read-only view over layers of variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.jsontypes import JSONValue

_NOTHING: Mapping[str, JSONValue] = {}


class Context(Mapping[str, JSONValue]):
    """Layered read-only view: the first layer that has a name wins, also with a null.

    Hidden names answer to [], get() and `in`, but are not listed. A context is cheap to make and
    keeps what the evaluation of its variables has prepared, so use one for many expressions.
    The layers must not change in its lifetime.
    """

    # Jinja looks for attributes before variables, so nothing here may be named like a variable.
    __slots__ = ("_hidden_names", "_layers_in_order", "_prepared_for_yaql")

    def __init__(
        self, *layers: Mapping[str, JSONValue], hidden: Mapping[str, JSONValue] = _NOTHING
    ) -> None:
        self._layers_in_order = layers
        self._hidden_names = hidden
        self._prepared_for_yaql: Any = None

    def __getitem__(self, name: str) -> JSONValue:
        for layer in self._layers_in_order:
            if name in layer:
                return layer[name]
        return self._hidden_names[name]

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers_in_order) or name in self._hidden_names

    def __iter__(self) -> Iterator[str]:
        seen = dict.fromkeys(self._layers_in_order[0]) if self._layers_in_order else {}
        for layer in self._layers_in_order[1:]:
            seen.update(dict.fromkeys(layer))
        return iter(seen)

    def __len__(self) -> int:
        return len(set().union(*self._layers_in_order))

    def __repr__(self) -> str:
        return repr(dict(self))


def hidden_names(context: Context) -> Mapping[str, JSONValue]:
    """Give the variables of a context that are readable but not listed."""
    return context._hidden_names
