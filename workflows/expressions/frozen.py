"""User data as YAQL wants it: lists as tuples and dicts as read-only, hashable mappings.

Nothing is copied before an expression looks at it, and what went through an expression unchanged
is handed back as the very object it was made from.
"""

from __future__ import annotations

# The library relies on this module without importing it, so it has to stand before the library.
from collections.abc import Mapping
from typing import Any

from yaql.language.utils import FrozenDict

from workflows.expressions.context import Context

_SCALARS = frozenset({str, int, float, bool, type(None)})
_ABSENT = object()


class FrozenData(FrozenDict):
    """A dict or context whose values are frozen when they are asked for."""

    def __init__(self, source: Mapping[Any, Any]) -> None:
        super().__init__()
        self._d = source
        self._kept: dict[Any, Any] = {}

    @property
    def source(self) -> Mapping[Any, Any]:
        return self._d

    def __getitem__(self, key: Any) -> Any:
        value = self._kept.get(key, _ABSENT)
        if value is _ABSENT:
            value = self._kept[key] = freeze(self._d[key])
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self._d else default

    def __repr__(self) -> str:
        return repr({key: self[key] for key in self._d})


class FrozenList(tuple[Any, ...]):
    """A list that remembers the object it was made from."""

    source: list[Any]


def freeze(value: Any) -> Any:
    """Wrap plain JSON data."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, dict):
        return FrozenData(value)
    if isinstance(value, list):
        frozen = FrozenList(map(freeze, value))
        frozen.source = value
        return frozen
    return value


def frozen_variables(context: Context) -> FrozenData:
    """Give the variables of a context, prepared once for all its expressions."""
    view: FrozenData | None = context._prepared_for_yaql
    if view is None:
        view = context._prepared_for_yaql = FrozenData(context)
    return view
