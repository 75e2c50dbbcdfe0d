"""What each path does, as data: its arguments, bodies and answers, for the published description.

Views name their operations by method, made of the same tables that they read requests with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from workflows.api.attributes import Attribute, Kind, Resource
from workflows.api.bodies import Given
from workflows.jsontypes import JSONObject, JSONValue


class BodyKind(StrEnum):
    """What the body of a request is."""

    NONE = "none"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the query string, with its JSON schema."""

    name: str
    schema: JSONObject
    about: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a path.

    `answer` is the resource or schema of the body of a success, of the type `media`; None is no
    body. `wrapped` is the name of the list that holds it. `given` are the attributes of a JSON
    body, those in `required` cannot be left out. `example` is a body that works. `more` are
    statuses beside those that follow from the rest.
    """

    summary: str
    answer: Resource | JSONObject | None
    status: int = 200
    media: str = "application/json"
    wrapped: str = ""
    is_page: bool = False
    arguments: tuple[Argument, ...] = ()
    body: BodyKind = BodyKind.NONE
    given: Mapping[str, Given] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    example: JSONValue = None
    more: tuple[int, ...] = ()


TEXT: Final[JSONObject] = {"type": "string"}
FLAG: Final[JSONObject] = {"type": "string", "examples": ["true", "false"]}
INTEGER: Final[JSONObject] = {"type": "integer"}

NAMESPACE: Final = Argument("namespace", TEXT, "Name space of definitions; the default is empty.")
SCOPE: Final = Argument(
    "scope",
    {"type": "string", "enum": ["private", "public"], "default": "private"},
    "Who sees it. `public` is for administrators.",
)
SKIP_VALIDATION: Final = Argument(
    "skip_validation", TEXT, "Without effect: definitions are always validated."
)
FIELDS: Final = Argument(
    "fields", TEXT, "Attributes to answer, separated by commas; `id` is always among them."
)
INCLUDE_OUTPUT: Final = Argument("include_output", FLAG, "Answer `output`, too.")
ALL_PROJECTS: Final = Argument(
    "all_projects", FLAG, "Of all projects; for administrators, who get that anyhow."
)
ERRORS_ONLY: Final = Argument("errors_only", FLAG, "Only what is below failed tasks.")
MAX_DEPTH: Final = Argument("max_depth", INTEGER, "Levels to go down; -1 is no limit.")

_OPERATORS: Final = (
    "A value, or an operator and a value: `eq:`, `neq:`, `gt:`, `gte:`, `lt:`, `lte:`, `in:a,b`,"
    " `nin:a,b`, `has:part`."
)
_FILTERS: Final[Mapping[Kind, str]] = {
    Kind.TEXT: _OPERATORS,
    Kind.DATE: f"{_OPERATORS} Dates are UTC, like 2026-01-31 12:00:00.",
    Kind.INTEGER: _OPERATORS,
    Kind.UUID: "A UUID, or an operator and a value: `eq:`, `neq:`, `in:a,b`, `nin:a,b`.",
    Kind.FLAG: "`true` or `false`, also after `eq:` or `neq:`.",
    Kind.JSON: "A JSON object that is equal to the whole value, also after `eq:` or `neq:`.",
    Kind.TAGS: "Tags that it has all of, separated by commas.",
}
# What a valid value may look like, for whoever tries the API out.
_EXAMPLES: Final[Mapping[Kind, list[str]]] = {
    Kind.DATE: ["gte:2026-01-31 12:00:00"],
    Kind.INTEGER: ["1", "gt:1"],
    Kind.UUID: ["1b4e28ba-2fa1-41d2-883f-0016d3cca427"],
    Kind.FLAG: ["true"],
    Kind.JSON: ['{"a": 1}'],
}


def listing(
    summary: str,
    resource: Resource,
    filters: Iterable[Attribute] = (),
    *more: Argument,
    sort: str = "created_at",
) -> Operation:
    """Describe a list with pages."""
    sortable = ", ".join(one.name for one in resource.attributes if one.is_sortable)
    return Operation(
        summary,
        resource,
        wrapped=resource.collection,
        is_page=True,
        arguments=(
            Argument("marker", TEXT, "The id of the last item of the page before."),
            Argument("limit", {"type": "integer", "minimum": 1}, "Items on a page."),
            Argument("sort_keys", TEXT, f"Out of {sortable}, separated by commas; or {sort}."),
            Argument("sort_dirs", TEXT, "`asc` or `desc` for each sort key."),
            FIELDS,
            *(filter_argument(one) for one in filters),
            *more,
        ),
        more=(404,),
    )


def filter_argument(attribute: Attribute) -> Argument:
    """Describe the filter by an attribute."""
    schema: JSONObject = {"type": "string"}
    if attribute.kind in _EXAMPLES:
        schema["examples"] = list(_EXAMPLES[attribute.kind])
    return Argument(attribute.name, schema, _FILTERS[attribute.kind])


def reading(summary: str, answer: Resource | JSONObject, *arguments: Argument) -> Operation:
    """Describe a look at one object; a resource shows chosen fields."""
    fields = (FIELDS,) if isinstance(answer, Resource) else ()
    return Operation(summary, answer, arguments=(*arguments, *fields))


def creating(
    summary: str,
    resource: Resource,
    given: Mapping[str, Given],
    required: tuple[str, ...] = (),
    example: JSONValue = None,
) -> Operation:
    """Describe how something is made of a JSON object."""
    return Operation(
        summary,
        resource,
        201,
        body=BodyKind.JSON,
        given=given,
        required=required,
        example=example,
        more=(404, 409),
    )


def changing(
    summary: str,
    answer: Resource | JSONObject,
    given: Mapping[str, Given],
    required: tuple[str, ...] = (),
    example: JSONValue = None,
) -> Operation:
    """Describe a change by a JSON object."""
    return Operation(
        summary,
        answer,
        body=BodyKind.JSON,
        given=given,
        required=required,
        example=example,
        more=(404, 409),
    )


def uploading(
    summary: str,
    answer: Resource | JSONObject,
    status: int,
    *arguments: Argument,
    wrapped: str = "",
    example: str = "",
) -> Operation:
    """Describe the upload of a definition as text."""
    return Operation(
        summary,
        answer,
        status,
        wrapped=wrapped,
        arguments=(*arguments, NAMESPACE, SCOPE),
        body=BodyKind.TEXT,
        example=example,
        more=(404, 409),
    )


def deleting(summary: str, *arguments: Argument) -> Operation:
    """Describe a delete."""
    return Operation(summary, None, 204, arguments=arguments, more=(404,))
