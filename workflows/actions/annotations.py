"""Which JSON values fit a type annotation of a Python function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from workflows.jsontypes import JSONValue

_WORDS: Final[Mapping[Any, str]] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a map",
    NoneType: "null",
}
_LISTS: Final = (list, Sequence)
_MAPS: Final = (dict, Mapping)


class AnnotationNotUsable(TypeError):
    """No JSON value has this type."""


def check_annotation(annotation: Any) -> None:
    """Refuse an annotation that no JSON value can be checked against."""
    fits(None, annotation)


@cache
def describe(annotation: Any) -> str:
    """Say in a user's words what an annotation takes that not every value fits."""
    annotation = getattr(annotation, "__value__", annotation)
    if _is_any(annotation):
        return "any value"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(describe(one) for one in arguments)
    if origin is Literal:
        return "one of " + ", ".join(repr(one) for one in arguments)
    return _WORDS[_plain(origin or annotation)]


def fits(value: JSONValue, annotation: Any) -> bool:
    """Tell whether the value has the type. Raises AnnotationNotUsable if it is none of JSON's.

    A whole number is a number, too; true and false are no numbers.
    """
    annotation = getattr(annotation, "__value__", annotation)  # of a `type` statement
    if _is_any(annotation):
        return True
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        answers = [fits(value, one) for one in arguments]  # all, since one may be refused
        return any(answers)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    kind = _plain(origin or annotation)
    if kind not in _WORDS:
        raise AnnotationNotUsable(f"{annotation!r} is no type of a JSON value")
    if kind is list:
        return _fits_list(value, arguments)
    if kind is dict:
        return _fits_map(value, arguments)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _fits_list(value: JSONValue, arguments: tuple[Any, ...]) -> bool:
    (inner,) = arguments or (Any,)
    fits(None, inner)
    return isinstance(value, list | tuple) and all(fits(one, inner) for one in value)


def _fits_map(value: JSONValue, arguments: tuple[Any, ...]) -> bool:
    key, inner = arguments or (str, Any)
    if key is not str:
        raise AnnotationNotUsable("the keys of a JSON map are texts")
    fits(None, inner)
    return isinstance(value, dict) and all(fits(one, inner) for one in value.values())


def _is_any(annotation: Any) -> bool:
    return annotation in (Any, object, JSONValue)


def _plain(kind: Any) -> Any:
    if kind in _LISTS:
        return list
    return dict if kind in _MAPS else kind
