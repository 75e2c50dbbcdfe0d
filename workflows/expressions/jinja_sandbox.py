"""The environment in which Jinja runs: nothing can be changed, reached or used up."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context as Names
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter

from workflows.errors import ExpressionFailed
from workflows.expressions.context import Context
from workflows.expressions.functions import FUNCTIONS, OF_THE_CONTEXT
from workflows.expressions.limits import (
    LIMITS,
    Budget,
    check_elements,
    check_power,
    check_repetition,
    check_replacement,
    check_text,
)
from workflows.expressions.results import as_text, printable
from workflows.expressions.session import Session

# No expression can name these, because they are not identifiers.
SESSION = "the session"
_COUNTED = "counted elements"
_JOINED = "joined texts"

_SHORT_DATA = 32

_UNWANTED = ("lipsum", "cycler", "namespace")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as workflows have it: strict, without side effects, and bounded."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_finalize,
            cache_size=0,
        )
        for name in _UNWANTED:
            del self.globals[name]
        for name, function in FUNCTIONS.items():
            self.globals[name] = _as_function(function)
            self.filters[name] = _as_filter(name, function)
        self.globals["range"] = _range
        self.filters[_COUNTED] = _counted
        self.filters[_JOINED] = _joined
        self.filters.update(_BOUNDED_FILTERS)
        self.policies["json.dumps_function"] = _dump_json

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        """Count the rounds of loops and the length of joined texts, then make code."""
        for loop in list(source.find_all(nodes.For)):
            loop.iter = _filtered(loop.iter, _COUNTED)
        _replace_concatenations(source)
        for output in list(source.find_all(nodes.Output)):
            output.nodes = [_counted_data(node) for node in output.nodes]
        source.set_environment(self)
        return super()._generate(source, *args, **kwargs)

    def call(__self, __context: Names, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        budget = _session(__context).budget
        budget.call()
        _check_method(__obj, args, kwargs)
        return _weighed(budget, super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Names, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            check_power(left, right)
        elif operator == "*":
            check_repetition(left, right)
        elif operator == "%" and isinstance(left, str | bytes):
            check_widths(str(left), right)
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, list | tuple):
            _session(context).budget.spend(len(result))
        return _weighed(_session(context).budget, result)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        formatter = _Formatter(self)
        template: str = value.__self__

        def formatted(*args: Any, **kwargs: Any) -> str:
            if value.__name__ == "format_map":
                args, kwargs = (), dict(*args)
            return type(template)(formatter.vformat(template, args, kwargs))

        return formatted


class _Formatter(SandboxedFormatter):
    """Fills `'{}'.format(..)` and refuses widths that blow a text up."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        for number in _numbers(format_spec):
            check_text(number)
        return super().format_field(value, format_spec)


def check_widths(template: str, values: object) -> None:
    """Refuse a printf-like template with a huge width, written in it or given as a value."""
    given = values if isinstance(values, tuple) else (values,)
    stars = [value for value in given if isinstance(value, int)] if "*" in template else []
    total = sum(_numbers(template)) + sum(map(abs, stars))
    check_text(len(template) + total)


def _numbers(text: str) -> Iterator[int]:
    digits = ""
    for character in text + " ":
        if character.isdigit():
            digits += character
        elif digits:
            yield int(digits[:10])
            digits = ""


def _session(names: Names) -> Session:
    session: Session = names.parent[SESSION]
    return session


def _weighed(budget: Budget, value: Any) -> Any:
    if isinstance(value, str):
        budget.write(value)
    return value


@pass_context
def _finalize(names: Names, value: Any) -> Any:
    """Prepare what stands between braces for the text around it."""
    if isinstance(value, jinja2.Undefined):
        return value
    text = value if isinstance(value, str) else as_text(value, keeps_tuples=True)
    return _session(names).budget.write(text)


def _as_function(function: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def called(names: Names, *args: Any, **kwargs: Any) -> Any:
        return function(_session(names), *args, **kwargs)

    return called


def _as_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter takes the context in the place before its arguments: `_ | task('t1')`."""

    @pass_context
    def filtered(names: Names, piped: Any, *args: Any, **kwargs: Any) -> Any:
        if name in OF_THE_CONTEXT and not isinstance(piped, Context):
            raise ExpressionFailed(f"the filter {name} works on _ only")
        return function(_session(names), *args, **kwargs)

    return filtered


def _range(*args: int) -> range:
    numbers = range(*args)
    check_elements(len(numbers))
    return numbers


@pass_context
def _counted(names: Names, elements: Any) -> Any:
    """Count the rounds of a loop before it runs, or while it does if nobody knows their number."""
    budget = _session(names).budget
    if hasattr(elements, "__len__"):
        check_elements(len(elements))
        budget.spend(len(elements))
        return elements
    return budget.counted(elements)


@pass_context
def _joined(names: Names, texts: Any) -> str:
    """Join the operands of `~`."""
    written = [as_text(_defined(text), keeps_tuples=True) for text in texts]
    check_text(sum(map(len, written)))
    return _session(names).budget.write("".join(written))


def _defined(value: Any) -> Any:
    if isinstance(value, jinja2.Undefined):
        str(value)
    return value


def _counted_data(node: nodes.Expr) -> nodes.Expr:
    """Let long literal text be counted each time it is put out, as the value of an expression."""
    if isinstance(node, nodes.TemplateData) and len(node.data) > _SHORT_DATA:
        return nodes.Const(node.data, lineno=node.lineno)
    return node


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _replace_concatenations(node: nodes.Node) -> None:
    for field, value in node.iter_fields():
        if isinstance(value, nodes.Node):
            setattr(node, field, _without_concatenation(value))
        elif isinstance(value, list):
            value[:] = [_without_concatenation(item) for item in value]


def _without_concatenation(value: Any) -> Any:
    if not isinstance(value, nodes.Node):
        return value
    _replace_concatenations(value)
    if isinstance(value, nodes.Concat):
        return _filtered(nodes.List(value.nodes, lineno=value.lineno), _JOINED)
    return value


def _check_method(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse methods of texts that would give a huge text."""
    if not isinstance(function, types.BuiltinMethodType):
        return
    value = function.__self__
    if not isinstance(value, str | bytes | int):
        return
    check = _METHODS.get(function.__name__)
    if check is not None:
        check(str(value), *args, **kwargs)


def _check_width(text: str, *given: object, **named: object) -> None:
    for width in (*given, *named.values()):
        if isinstance(width, int):
            check_text(width)


def _check_replace(text: str, old: str, new: str, *rest: object) -> None:
    check_replacement(text, text.count(old), new)


def _check_join(text: str, parts: Iterable[str]) -> None:
    if not hasattr(parts, "__len__"):
        check_text(len(text) * LIMITS.elements if len(text) > 1 else 0)
        return
    known = list(parts)
    check_text(sum(len(part) for part in known if isinstance(part, str)) + len(text) * len(known))


def _check_tabs(text: str, tabsize: int = 8) -> None:
    check_replacement(text, text.count("\t"), " " * min(max(tabsize, 0), LIMITS.text + 1))


def _check_translate(text: str, table: Mapping[int, Any]) -> None:
    longest = max((len(value) for value in table.values() if isinstance(value, str)), default=1)
    check_text(len(text) * longest)


_METHODS: Mapping[str, Callable[..., None]] = {
    "center": _check_width,
    "ljust": _check_width,
    "rjust": _check_width,
    "zfill": _check_width,
    "replace": _check_replace,
    "join": _check_join,
    "expandtabs": _check_tabs,
    "translate": _check_translate,
    "to_bytes": _check_width,
}


def _bounded(name: str, check: Callable[..., None]) -> Callable[..., Any]:
    """A filter of Jinja behind a check of its arguments, which may be given by name."""
    original = FILTERS[name]
    wants_evaluation = hasattr(original, "jinja_pass_arg")

    @pass_context
    def bounded(names: Names, *args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        hidden = (names.eval_ctx,) if wants_evaluation else ()
        return _weighed(_session(names).budget, original(*hidden, *args, **kwargs))

    return bounded


def _center(value: Any, width: int = 80) -> None:
    check_text(width)


def _indent(value: Any, width: int | str = 4, *rest: object, **named: object) -> None:
    length = width if isinstance(width, int) else len(width)
    check_text(len(str(value)) + (str(value).count("\n") + 1) * length)


def _format(value: Any, *args: object, **kwargs: object) -> None:
    check_widths(str(value), args or tuple(kwargs.values()))


def _slices(value: Any, *given: object, **named: object) -> None:
    for count in (*given, *named.values()):
        if isinstance(count, int):
            check_elements(count)


def _round(value: Any, precision: int = 0, method: str = "common") -> None:
    check_power(10, abs(precision))


def _replace(value: Any, old: str, new: str, count: object = None) -> None:
    check_replacement(str(value), str(value).count(str(old)), str(new))


def _tojson(value: Any, indent: int | None = None) -> None:
    check_text((indent or 0) * 1000)


def _join_filter(value: Any, d: str = "", attribute: object = None) -> None:
    length = len(str(d))
    if length > 1:
        count = len(value) if hasattr(value, "__len__") else LIMITS.elements
        check_text(length * count)


def _wordwrap(
    value: Any,
    width: int = 79,
    break_long_words: bool = True,
    wrapstring: str = "",
    **named: object,
) -> None:
    check_replacement(str(value), len(str(value)), wrapstring or "")


_FILTER_CHECKS: Mapping[str, Callable[..., None]] = {
    "center": _center,
    "indent": _indent,
    "format": _format,
    "slice": _slices,
    "batch": _slices,
    "replace": _replace,
    "round": _round,
    "tojson": _tojson,
    "join": _join_filter,
    "wordwrap": _wordwrap,
}
_BOUNDED_FILTERS = {name: _bounded(name, check) for name, check in _FILTER_CHECKS.items()}


def _dump_json(value: Any, **options: Any) -> str:
    return json.dumps(value, default=_json_default, **options)


def _json_default(value: Any) -> Any:
    if isinstance(value, Context):
        return dict(value)
    return printable(value)
