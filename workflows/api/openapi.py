"""The description of the API for machines (OpenAPI), made of the operations that views name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from workflows.api.attributes import Attribute, Kind, Resource
from workflows.api.bodies import Given
from workflows.api.operations import Argument, BodyKind, Operation
from workflows.jsontypes import JSONObject, JSONValue

_JSON: Final = "application/json"

# Answered by gunicorn itself, before the API sees the request.
_TOO_LONG: Final = 414

_STATUSES: Final[Mapping[int, str]] = {
    200: "Done.",
    201: "Made.",
    204: "Deleted.",
    400: "The request makes no sense.",
    401: "The token is missing, unknown or no longer valid.",
    403: "The role, the owner or a rule forbids it.",
    404: "There is no such object, or it is not visible to this project.",
    409: "Another object has this name.",
    413: "The body is too large.",
    414: "The address is longer than the web server takes; 4,094 characters by default.",
    415: "The body is not announced as JSON.",
    423: "The service is in maintenance.",
    500: "The file with the answer cannot be read.",
    503: "The database, or something else that is needed, is not available at the moment.",
}

ERROR: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "faultcode": {"type": "string", "enum": ["Client", "Server"]},
        "faultstring": {"type": "string", "description": "What is wrong, in words."},
        "debuginfo": {"type": "null"},
    },
    "required": ["faultcode", "faultstring", "debuginfo"],
    "additionalProperties": False,
}
SECURITY: Final[JSONObject] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Any user name, with the token as the password.",
    },
}

_DATE: Final[JSONObject] = {
    "type": ["string", "null"],
    "pattern": r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?$",
    "description": "UTC. Empty for built-in objects.",
}
_JSON_TEXT: Final[JSONObject] = {
    "type": ["string", "null"],
    "contentMediaType": _JSON,
    "description": "JSON as text.",
}
_SHOWN: Final[Mapping[Kind, JSONObject]] = {
    Kind.TEXT: {"type": ["string", "null"]},
    Kind.UUID: {"type": ["string", "null"], "format": "uuid"},
    Kind.DATE: _DATE,
    Kind.FLAG: {"type": ["boolean", "null"]},
    Kind.INTEGER: {"type": ["integer", "null"]},
    Kind.JSON: _JSON_TEXT,
    Kind.TAGS: {"type": ["array", "null"], "items": {"type": "string"}},
}
_TAKEN: Final[Mapping[Given, JSONObject]] = {
    Given.TEXT: {"type": ["string", "null"]},
    Given.JSON: {
        "type": ["object", "string", "null"],
        "contentMediaType": _JSON,
        "description": "An object, or the JSON text of one.",
    },
    Given.FLAG: {"type": ["boolean", "string", "null"]},
    Given.INTEGER: {"type": ["integer", "string", "null"]},
    Given.IGNORED: {"description": "Taken, and without meaning in requests."},
}
_IN_PATH: Final[Mapping[str, str]] = {
    "identifier": "An id, or a name where the object has one.",
    "name": "A name or an id.",
    "namespace": "The name space of the action.",
    "member": "The id of a project.",
    "task_id": "The id of a task.",
    "exchange": "The exchange that the event comes from.",
    "topic": "The topic of the exchange.",
    "event_type": "The type of the event.",
}


class OperationSchema(AutoSchema):
    """Describes a method of a view by its entry in `operations`."""

    method_verbs: ClassVar[Mapping[str, str]] = {
        "GET": "get",
        "POST": "create",
        "PUT": "update",
        "DELETE": "delete",
    }

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> JSONObject | None:
        view: Any = self.view
        operation: Operation | None = view.operations.get(method)
        if operation is None:
            return None
        is_open = not view.authentication_classes
        described: JSONObject = {
            "operationId": _operation_id(method, path),
            "summary": operation.summary,
            "tags": [_tag(path)],
            "parameters": cast("JSONValue", _parameters(path, operation)),
            "responses": {
                str(operation.status): _success(operation, registry),
                **{
                    str(status): _error(status, registry)
                    for status in self._errors(method, path, operation, is_open=is_open)
                },
            },
        }
        if operation.body is not BodyKind.NONE:
            described["requestBody"] = _request_body(operation)
        if not is_open:
            described["security"] = [{name: []} for name in SECURITY]
            for name, scheme in SECURITY.items():
                _register(registry, name, ResolvedComponent.SECURITY_SCHEMA, scheme)
        return described

    def _errors(self, method: str, path: str, operation: Operation, *, is_open: bool) -> list[int]:
        found = {400, _TOO_LONG, *operation.more}
        if not is_open:
            found |= {401, 403, 503}
        if "{" in path:
            found.add(404)
        if operation.body is not BodyKind.NONE:
            found.add(413)
        if operation.body is BodyKind.JSON:
            found.add(415)
        if method != "GET":
            found.add(423)
        return sorted(found - {operation.status})


def tidy_paths(endpoints: list[tuple[str, ...]], **_kwargs: Any) -> list[tuple[str, ...]]:
    """Write paths without the slash at their end, which all of them may have or not."""
    return [(path.rstrip("/") or "/", *rest) for path, *rest in endpoints]


def _operation_id(method: str, path: str) -> str:
    words = re.sub(r"[{}]", "", path.removeprefix("/v2/")).strip("/").replace("/", "_") or "root"
    return f"{OperationSchema.method_verbs[method]}_{words}"


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    if parts[:1] != ["v2"]:
        return "service"
    return parts[1] if len(parts) > 1 else "service"


def _parameters(path: str, operation: Operation) -> list[JSONObject]:
    found: list[JSONObject] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "description": _IN_PATH[name],
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    names = {str(one["name"]) for one in found}
    return found + [_parameter(one) for one in operation.arguments if one.name not in names]


def _parameter(argument: Argument) -> JSONObject:
    return {
        "name": argument.name,
        "in": "query",
        "required": argument.is_required,
        "schema": argument.schema,
        "description": argument.about,
    }


def _request_body(operation: Operation) -> JSONObject:
    if operation.body is BodyKind.TEXT:
        schema: JSONObject = {"type": "string", "description": "The text, of any content type."}
        return {"required": True, "content": {"text/plain": _with_example(schema, operation)}}
    schema = {
        "type": "object",
        "properties": {name: dict(_TAKEN[kind]) for name, kind in operation.given.items()},
        "additionalProperties": False,
    }
    if operation.required:
        schema["required"] = list(operation.required)
    return {"required": True, "content": {_JSON: _with_example(schema, operation)}}


def _with_example(schema: JSONObject, operation: Operation) -> JSONObject:
    return {"schema": schema, **({"example": operation.example} if operation.example else {})}


def _success(operation: Operation, registry: ComponentRegistry) -> JSONObject:
    described: JSONObject = {"description": _STATUSES[operation.status]}
    if operation.answer is None:
        return described
    schema = (
        _component(operation.answer, registry)
        if isinstance(operation.answer, Resource)
        else operation.answer
    )
    if operation.wrapped:
        properties: JSONObject = {operation.wrapped: {"type": "array", "items": schema}}
        if operation.is_page:
            properties["next"] = {
                "type": "string",
                "description": "The address of the next page, if this one is full.",
            }
        schema = {"type": "object", "properties": properties, "required": [operation.wrapped]}
    described["content"] = {operation.media: {"schema": schema}}
    return described


def _error(status: int, registry: ComponentRegistry) -> JSONObject:
    if status == _TOO_LONG:
        page: JSONObject = {"text/html": {"schema": {"type": "string"}}}
        return {"description": _STATUSES[status], "content": page}
    reference = _register(registry, "Error", ResolvedComponent.SCHEMA, ERROR)
    return {"description": _STATUSES[status], "content": {_JSON: {"schema": reference}}}


def _component(resource: Resource, registry: ComponentRegistry) -> JSONObject:
    name = "".join(word[:1].upper() + word[1:] for word in resource.title.split())
    return _register(registry, name, ResolvedComponent.SCHEMA, _object(resource))


def _register(registry: ComponentRegistry, name: str, kind: str, schema: JSONValue) -> JSONObject:
    """Put a part that many operations name into the description, and give its reference."""
    component: Any = ResolvedComponent(name=name, type=kind, schema=schema, object=name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    reference: JSONObject = component.ref
    return reference


def _object(resource: Resource) -> JSONObject:
    """Describe an object; which attributes stand in an answer depends on `fields`."""
    properties: JSONObject = {one.name: _attribute(one) for one in resource.attributes}
    return {"type": "object", "properties": properties}


def _attribute(attribute: Attribute) -> JSONObject:
    described = dict(_SHOWN[attribute.kind])
    if not attribute.is_shown:
        described["description"] = "Left out of lists unless it is asked for."
    if attribute.is_object_in_uploads:
        described = {"type": ["object", *described["type"]], "description": _INTERFACE}  # type: ignore[misc]
    return described


_INTERFACE: Final = "JSON as text; in the answer to an upload an object."
