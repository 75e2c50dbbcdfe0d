"""The fields of a run form: made from the inputs of a workflow or action, and read back.

What is left at its default is not sent, so that a later change of the default counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from workflows.admin.json_text import load_json
from workflows.expressions.evaluate import is_expression
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.specs import InputParameter, Missing

FieldKind = Literal["text", "number", "boolean", "json", "any"]

_PREFIX: Final = "input."
_KIND_PREFIX: Final = "kind."
_LONG: Final = 60


@dataclass(frozen=True, slots=True)
class RunField:
    """One input as a form shows it. `any` is one whose type nothing tells: text, or JSON."""

    name: str
    kind: FieldKind
    value: str
    is_required: bool
    default: JSONValue = None
    is_json: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        return _PREFIX + self.name

    @property
    def kind_key(self) -> str:
        return _KIND_PREFIX + self.name

    @property
    def is_long(self) -> bool:
        return len(self.value) > _LONG or "\n" in self.value


@dataclass(frozen=True, slots=True)
class FilledForm:
    """What somebody has entered: the fields to show again, and the input it makes."""

    fields: tuple[RunField, ...]
    input: JSONObject

    @property
    def is_valid(self) -> bool:
        return not any(field.error for field in self.fields)


def make_fields(
    parameters: Iterable[InputParameter], given: Mapping[str, JSONValue] | None = None
) -> tuple[RunField, ...]:
    """Make one field for each parameter; `given` are values of an earlier run."""
    return tuple(_make(parameter, given or {}) for parameter in parameters)


def read_fields(parameters: Iterable[InputParameter], posted: Mapping[str, str]) -> FilledForm:
    """Read the fields of a form that was sent."""
    fields = []
    values: JSONObject = {}
    for field in make_fields(parameters):
        text = posted.get(field.key, "").replace("\r\n", "\n")
        is_json = posted.get(field.kind_key) == "json"
        filled = RunField(field.name, field.kind, text, field.is_required, field.default, is_json)
        try:
            value = _read(filled, posted)
        except ValueError as error:
            filled = _with_error(filled, str(error))
        else:
            if not isinstance(value, Missing):
                values[field.name] = value
            elif field.is_required:
                filled = _with_error(filled, "A value is needed.")
        fields.append(filled)
    return FilledForm(tuple(fields), values)


def _make(parameter: InputParameter, given: Mapping[str, JSONValue]) -> RunField:
    default = None if isinstance(parameter.default, Missing) else parameter.default
    kind = _kind_of(parameter)
    value = given.get(parameter.name, default)
    is_json = kind == "any" and value is not None and not isinstance(value, str)
    return RunField(
        parameter.name, kind, _show(value, kind), parameter.is_required, default, is_json
    )


def _kind_of(parameter: InputParameter) -> FieldKind:
    default = parameter.default
    if isinstance(default, Missing) or default is None or is_expression(default):
        return "any"
    if isinstance(default, bool):
        return "boolean"
    if isinstance(default, int | float):
        return "number"
    return "text" if isinstance(default, str) else "json"


def _show(value: JSONValue, kind: FieldKind) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and kind != "json":
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind == "json" else None)


def _read(field: RunField, posted: Mapping[str, str]) -> JSONValue | Missing:
    """Return the value of a field, MISSING where the default stays."""
    if field.kind == "boolean":
        value: JSONValue = posted.get(field.key) == "true"
    elif field.kind == "text":
        value = field.value
    elif not field.value.strip():
        return Missing()
    elif field.kind == "number":
        value = _number(field.value)
    elif field.kind == "json" or field.is_json:
        value = load_json(field.value)
    else:
        value = field.value
    is_default = not field.is_required and value == field.default
    return Missing() if is_default else value


def _number(text: str) -> JSONValue:
    value = load_json(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("This must be a number.")
    return value


def _with_error(field: RunField, error: str) -> RunField:
    return RunField(
        field.name, field.kind, field.value, field.is_required, field.default, field.is_json, error
    )
