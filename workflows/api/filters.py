"""Filters of lists: `name=value` and `name=operator:value`, for queries and for rows in memory."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast

from workflows.api.arguments import Arguments
from workflows.api.attributes import Attribute, Kind
from workflows.api.values import json_object, parse_date, parse_flag, parse_integer, parse_uuid
from workflows.errors import RequestInvalid

Row = TypeVar("Row", bound=models.Model)

OPERATORS: Final = frozenset({"eq", "neq", "gt", "gte", "lt", "lte", "in", "nin", "has"})

_ALLOWED: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.TEXT: OPERATORS,
    Kind.DATE: OPERATORS - {"has"},
    Kind.INTEGER: OPERATORS - {"has"},
    Kind.UUID: frozenset({"eq", "neq", "in", "nin"}),
    Kind.FLAG: frozenset({"eq", "neq"}),
    Kind.JSON: frozenset({"eq", "neq"}),
    Kind.TAGS: frozenset({"eq", "has"}),
}

# Dates are shown without fraction, so a filter means the whole second.
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter. `values` are of the attribute's type; only `in` and `nin` have several."""

    attribute: Attribute
    operator: str
    values: tuple[Any, ...]
    written: str

    @property
    def argument(self) -> str:
        """The condition as it stands in a link."""
        if self.attribute.kind is Kind.TAGS:
            return self.written
        return f"{self.operator}:{self.written}"


def read_conditions(arguments: Arguments, attributes: Iterable[Attribute]) -> tuple[Condition, ...]:
    """Return the filters that the arguments hold for these attributes."""
    return tuple(
        parse_condition(attribute, arguments.given[attribute.name])
        for attribute in attributes
        if attribute.name in arguments.given
    )


def parse_condition(attribute: Attribute, text: str) -> Condition:
    """Read one filter; a prefix that is no operator is part of the value."""
    name, colon, rest = text.partition(":")
    if colon and name in OPERATORS:
        text = rest
    else:
        name = "eq"
    if name not in _ALLOWED[attribute.kind]:
        raise RequestInvalid(f"The filter {attribute.name} does not support the operator {name}")
    parts = text.split(",") if name in ("in", "nin") else [text]
    if attribute.kind is Kind.TAGS:
        parts = [part for part in text.split(",") if part]
    values = tuple(_convert(attribute, part) for part in parts)
    return Condition(attribute, name, values, text)


def _convert(attribute: Attribute, text: str) -> Any:
    match attribute.kind:
        case Kind.UUID:
            return parse_uuid(attribute.name, text)
        case Kind.DATE:
            return parse_date(attribute.name, text)
        case Kind.INTEGER:
            return parse_integer(attribute.name, text)
        case Kind.FLAG:
            return parse_flag(text)
        case Kind.JSON:
            return json_object(text)
        case _:
            return text


def narrow(rows: models.QuerySet[Row], conditions: Iterable[Condition]) -> models.QuerySet[Row]:
    """Keep the rows that meet all conditions."""
    for number, condition in enumerate(conditions):
        if condition.attribute.kind is Kind.JSON:
            rows = _narrow_json(rows, condition, f"json_{number}")
        else:
            rows = rows.filter(_as_q(condition))
    return rows


def _narrow_json(
    rows: models.QuerySet[Row], condition: Condition, alias: str
) -> models.QuerySet[Row]:
    """Compare as jsonb: the stored type `json` keeps the order of keys and has no equality."""
    path, null_value = condition.attribute.path, condition.attribute.null_value
    cast: models.QuerySet[Row] = rows.alias(**{alias: Cast(F(path), models.JSONField())})
    has_value = Q(**{f"{path}__isnull": False})
    equal = has_value & Q(**{alias: condition.values[0]})
    if condition.values[0] == null_value:
        equal |= ~has_value
    if condition.operator == "eq":
        return cast.filter(equal)
    return cast.filter(~equal if null_value is not None else has_value & ~equal)


def _as_q(condition: Condition) -> Q:
    path, values = condition.attribute.path, condition.values
    if condition.attribute.kind is Kind.TAGS:
        return Q(**{f"{path}__contains": list(values)})
    if condition.attribute.kind is Kind.DATE:
        return _date_q(path, condition)
    match condition.operator:
        case "eq":
            return Q(**{path: values[0]})
        case "neq":
            return _none_of(path, values)
        case "in":
            return Q(**{f"{path}__in": values})
        case "nin":
            return _none_of(path, values)
        case "has":
            return Q(**{f"{path}__contains": values[0]})
        case comparison:
            return Q(**{f"{path}__{comparison}": values[0]})


def _none_of(path: str, values: tuple[Any, ...]) -> Q:
    """Exclude these values, and rows without a value, as SQL does."""
    return Q(**{f"{path}__isnull": False}) & ~Q(**{f"{path}__in": values})


def _date_q(path: str, condition: Condition) -> Q:
    first: datetime = condition.values[0]
    match condition.operator:
        case "gt":
            return Q(**{f"{path}__gte": first + _SECOND})
        case "gte":
            return Q(**{f"{path}__gte": first})
        case "lt":
            return Q(**{f"{path}__lt": first})
        case "lte":
            return Q(**{f"{path}__lt": first + _SECOND})
    within = Q(pk__in=[])
    for second in condition.values:
        within |= Q(**{f"{path}__gte": second, f"{path}__lt": second + _SECOND})
    if condition.operator in ("neq", "nin"):
        return Q(**{f"{path}__isnull": False}) & ~within
    return within


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def is_met(condition: Condition, value: Any) -> bool:
    """Tell whether a value in memory meets the condition; like in SQL, null meets none."""
    if value is None:
        return False
    values = condition.values
    if condition.attribute.kind is Kind.TAGS:
        return set(values) <= set(value)
    if condition.attribute.kind is Kind.DATE:
        value = value.replace(microsecond=0)
    match condition.operator:
        case "eq" | "in":
            return value in values
        case "neq" | "nin":
            return value not in values
        case "has":
            return values[0] in value
        case comparison:
            return _COMPARE[comparison](value, values[0])
