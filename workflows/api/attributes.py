"""What a resource looks like on the wire: its attributes, where they are stored, how they show.

One table per resource serves rendering, `fields`, sorting and filters, and says which columns a
query has to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, TypeVar

from django.db import models

from workflows.api.values import date_text, json_text
from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue

Row = TypeVar("Row", bound=models.Model)


class Kind(StrEnum):
    """The type of an attribute: how it is written, and what can be done with it in queries."""

    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    FLAG = "flag"
    INTEGER = "integer"
    JSON = "json"
    TAGS = "tags"


_PLAIN: Final = frozenset({Kind.TEXT, Kind.FLAG, Kind.INTEGER, Kind.TAGS})


@dataclass(frozen=True)
class Attribute:
    """One attribute. `column` is its path for queries, the name itself if empty.

    With `value` the attribute is computed from the row and needs the columns in `needs`; it can
    then not be sorted by. `is_shown` False means: only if `fields` names it. A null column of JSON
    is shown as `null_value`, and filters find it by that. `is_object_in_uploads` says that answers
    to an upload show its JSON as it is, not as text.
    """

    name: str
    kind: Kind = Kind.TEXT
    column: str = ""
    value: Callable[[Any], Any] | None = None
    needs: tuple[str, ...] = ()
    is_shown: bool = True
    null_value: JSONObject | None = None
    is_object_in_uploads: bool = False

    @property
    def path(self) -> str:
        return self.column or self.name

    @property
    def is_sortable(self) -> bool:
        return self.value is None and self.kind not in (Kind.JSON, Kind.TAGS)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.needs if self.value is not None else (self.path,)

    @cached_property
    def read(self) -> Callable[[Any], Any]:
        return self.value or attrgetter(self.path.replace("__", "."))

    def render(self, row: models.Model) -> JSONValue:
        """Return the attribute as it stands in an answer."""
        value = self.read(row)
        match self.kind:
            case Kind.UUID:
                return None if value is None else str(value)
            case Kind.DATE:
                return date_text(value)
            case Kind.JSON:
                return json_text(self.null_value if value is None else value)
            case _:
                plain: JSONValue = value
                return plain


@dataclass(frozen=True)
class Resource:
    """A kind of object. `title` stands in "... not found" texts, `collection` names its lists."""

    title: str
    collection: str
    attributes: tuple[Attribute, ...]

    @cached_property
    def by_name(self) -> dict[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    @property
    def shown(self) -> tuple[Attribute, ...]:
        return tuple(attribute for attribute in self.attributes if attribute.is_shown)

    def select(
        self, fields: Sequence[str], more: Iterable[str] = (), less: Iterable[str] = ()
    ) -> tuple[Attribute, ...]:
        """Return the attributes to show: those of `fields`, else all usual ones.

        Without `fields`, `more` adds attributes that are not usual and `less` leaves some out.
        """
        if fields:
            self._check_fields(fields)
            wanted = {"id", *fields}
        else:
            wanted = {attribute.name for attribute in self.shown} | set(more)
            wanted -= set(less)
        return tuple(attribute for attribute in self.attributes if attribute.name in wanted)

    def _check_fields(self, fields: Iterable[str]) -> None:
        unknown = [name for name in fields if name not in self.by_name]
        if unknown:
            known = ", ".join(self.by_name)
            raise RequestInvalid(
                f"Some fields do not exist  [{', '.join(unknown)}], please choose from [{known}]"
            )


def load_only(
    rows: models.QuerySet[Row], attributes: Iterable[Attribute], more: Iterable[str] = ()
) -> models.QuerySet[Row]:
    """Let the query read the columns of these attributes and nothing else."""
    columns = {"id", *more}
    for attribute in attributes:
        columns.update(attribute.columns)
    relations = {column.rpartition("__")[0] for column in columns if "__" in column}
    for relation in list(relations):
        steps = relation.split("__")
        columns.update("__".join(steps[: count + 1]) for count in range(len(steps)))
    narrowed = rows.only(*sorted(columns))
    return narrowed.select_related(*sorted(relations)) if relations else narrowed


def render(row: models.Model, attributes: Iterable[Attribute]) -> JSONObject:
    """Return the object for the wire with these attributes."""
    return {attribute.name: attribute.render(row) for attribute in attributes}
