"""The environment in which Jinja runs: nothing can be changed, reached or used up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jinja2
from jinja2 import nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context as Names
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter

from workflows.errors import ExpressionFailed
from workflows.expressions.context import Context
from workflows.expressions.functions import FUNCTIONS, OF_THE_CONTEXT
from workflows.expressions.jinja_bounds import (
    FILTER_CHECKS,
    check_format_spec,
    check_method,
    check_widths,
)
from workflows.expressions.limits import (
    Budget,
    check_elements,
    check_power,
    check_repetition,
    check_text,
)
from workflows.expressions.plugins import all_functions
from workflows.expressions.results import as_text, printable
from workflows.expressions.session import Session

# No expression can name these, because they are not identifiers.
SESSION = "the session"
_COUNTED = "counted elements"
_JOINED = "joined texts"

# Characters of literal text that need no counting when they are put out.
_SHORT_DATA = 32

_UNWANTED = ("lipsum", "cycler")


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
        for name, function in all_functions().items():
            self.globals[name] = self.filters[name] = _as_function(function)
        for name, function in FUNCTIONS.items():
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
        check_method(__obj, args, kwargs)
        return _weighed(budget, super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Names, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            check_power(left, right)
        elif operator == "*":
            check_repetition(left, right)
        elif operator == "%" and isinstance(left, str | bytes):
            check_widths(str(left), right)
        budget = _session(context).budget
        budget.look()
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, list | tuple):
            budget.spend(len(result))
        return _weighed(budget, result)

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
        check_format_spec(format_spec)
        return super().format_field(value, format_spec)


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


# What a filter may want before its arguments, and the attribute of the names that has it.
_HIDDEN_ARGUMENTS = {"eval_context": "eval_ctx", "environment": "environment"}


def _bounded(name: str, check: Callable[..., None]) -> Callable[..., Any]:
    """A filter of Jinja behind a check of its arguments, which may be given by name."""
    original = FILTERS[name]
    wanted = getattr(original, "jinja_pass_arg", None)

    @pass_context
    def bounded(names: Names, *args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        hidden = () if wanted is None else (getattr(names, _HIDDEN_ARGUMENTS[wanted.name]),)
        return _weighed(_session(names).budget, original(*hidden, *args, **kwargs))

    return bounded


_BOUNDED_FILTERS = {name: _bounded(name, check) for name, check in FILTER_CHECKS.items()}


def _dump_json(value: Any, **options: Any) -> str:
    return json.dumps(value, default=_json_default, **options)


def _json_default(value: Any) -> Any:
    if isinstance(value, Context):
        return dict(value)
    return printable(value)
