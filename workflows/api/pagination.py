"""Pages of lists: sort keys, the marker as a key into the order, and the link to the next page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q
from rest_framework.request import Request

from workflows.api.arguments import Arguments, page_limit
from workflows.api.attributes import Attribute, Resource, load_only, render
from workflows.api.filters import Condition, narrow
from workflows.api.values import parse_uuid
from workflows.errors import NotFound, RequestInvalid
from workflows.jsontypes import JSONObject
from workflows.services.operation.addresses import request_url

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One attribute to sort by."""

    attribute: Attribute
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a list request asks for. `kept` are arguments that links repeat as they are."""

    resource: Resource
    attributes: tuple[Attribute, ...]
    sort: tuple[SortKey, ...]
    limit: int
    conditions: tuple[Condition, ...] = ()
    marker: str = ""
    fields: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


def read_sort(
    arguments: Arguments, resource: Resource, default: str = "created_at"
) -> tuple[SortKey, ...]:
    """Return the order that the arguments ask for; the id comes last, so that it is total."""
    keys = list(dict.fromkeys(key.lower() for key in arguments.names("sort_keys"))) or [default]
    directions = [part.strip() for part in arguments.text("sort_dirs").split(",") if part.strip()]
    if len(directions) > len(keys):
        raise RequestInvalid("Length of sort_keys must be equal or greater than sort_dirs.")
    if not set(directions) <= {"asc", "desc"}:
        raise RequestInvalid("Unknown sort direction, must be 'desc' or 'asc'.")
    if "id" not in keys:
        directions += ["asc"] * (len(keys) - len(directions))
        keys.append("id")
    directions += ["asc"] * (len(keys) - len(directions))
    return tuple(
        SortKey(_sort_attribute(resource, key), direction == "desc")
        for key, direction in zip(keys, directions, strict=True)
    )


def _sort_attribute(resource: Resource, key: str) -> Attribute:
    attribute = resource.by_name.get(key)
    if attribute is None or not attribute.is_sortable:
        known = ", ".join(found.name for found in resource.attributes if found.is_sortable)
        raise RequestInvalid(f"Unknown sort key [{key}], please choose from [{known}]")
    return attribute


def read_page(
    arguments: Arguments,
    resource: Resource,
    conditions: tuple[Condition, ...],
    *,
    more: Iterable[str] = (),
    less: Iterable[str] = (),
    kept: Iterable[str] = (),
) -> Page:
    """Return what a list request asks for. `more` and `less` change what is usually shown."""
    fields = arguments.names("fields")
    return Page(
        resource=resource,
        attributes=resource.select(fields, more, less),
        sort=read_sort(arguments, resource),
        limit=page_limit(arguments),
        conditions=conditions,
        marker=arguments.text("marker"),
        fields=tuple(dict.fromkeys(["id", *fields])) if fields else (),
        kept={name: arguments.given[name] for name in kept if name in arguments.given},
    )


def list_rows(rows: models.QuerySet[Row], page: Page, columns: Iterable[str] = ()) -> list[Row]:
    """Run the query of one page; `columns` are needed beside those of the attributes."""
    found = narrow(load_only(rows, page.attributes, columns), page.conditions)
    if page.marker:
        found = found.filter(_behind_marker(rows, page))
    order = [
        f"-{key.attribute.path}" if key.is_descending else key.attribute.path for key in page.sort
    ]
    return list(found.order_by(*order)[: page.limit])


def page_body(
    request: Request,
    page: Page,
    rows: Sequence[Row],
    draw: Callable[[Row, Iterable[Attribute]], JSONObject] = render,
) -> JSONObject:
    """Build the answer of a list; a full page carries the link to the next one."""
    body: JSONObject = {page.resource.collection: [draw(row, page.attributes) for row in rows]}
    if len(rows) == page.limit:
        body["next"] = next_link(request, page, str(rows[-1].pk))
    return body


def next_link(request: Request, page: Page, marker: str) -> str:
    """Return the address of the page after `marker`, with all that shaped this one."""
    arguments = {
        "sort_keys": ",".join(key.attribute.name for key in page.sort),
        "sort_dirs": ",".join("desc" if key.is_descending else "asc" for key in page.sort),
        **{condition.attribute.name: condition.argument for condition in page.conditions},
        **page.kept,
        "limit": str(page.limit),
        "marker": marker,
    }
    if page.fields:
        arguments["fields"] = ",".join(page.fields)
    query = "&".join(f"{name}={quote(value, safe=',:')}" for name, value in arguments.items())
    return f"{request_url(request._request).rstrip('/')}?{query}"


def _behind_marker(rows: models.QuerySet[Row], page: Page) -> Q:
    marker = parse_uuid("marker", page.marker)
    paths = [key.attribute.path for key in page.sort]
    row = rows.filter(pk=marker).values(*paths).first()
    if row is None:
        raise NotFound(f"{page.resource.title} not found [id={page.marker}]")
    return behind(rows.model, page.sort, row)


def behind(model: type[models.Model], sort: Sequence[SortKey], row: Mapping[str, Any]) -> Q:
    """Match what comes after `row` in the order.

    PostgreSQL puts nulls last, or first when descending. The condition on the first key alone
    says nothing new, but lets the planner start an index scan at the right place.
    """
    after = Q(pk__in=[])
    for key in reversed(sort):
        path = key.attribute.path
        value, nullable = row[path], _is_nullable(model, path)
        same = Q(**{f"{path}__isnull": True}) if value is None else Q(**{path: value})
        after = _beyond(path, value, key.is_descending, nullable) | (same & after)
    first = sort[0]
    path = first.attribute.path
    if row[path] is None or _is_nullable(model, path):
        return after
    bound = "lte" if first.is_descending else "gte"
    return Q(**{f"{path}__{bound}": row[path]}) & after


def _beyond(path: str, value: Any, is_descending: bool, is_nullable: bool) -> Q:
    if value is None:
        return Q(**{f"{path}__isnull": False}) if is_descending else Q(pk__in=[])
    if is_descending:
        return Q(**{f"{path}__lt": value})
    greater = Q(**{f"{path}__gt": value})
    return greater | Q(**{f"{path}__isnull": True}) if is_nullable else greater


def _is_nullable(model: type[models.Model], path: str) -> bool:
    current: Any = model
    for step in path.split("__"):
        try:
            column = current._meta.get_field(step)
        except FieldDoesNotExist:
            return True
        if column.null:
            return True
        current = column.related_model
    return False
