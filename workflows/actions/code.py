"""Actions of stored Python code: read without running it, and run in worker processes alone.

A class of the code is made with the input as its arguments, and its `run(context)` gives the
result, as Mistral has it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, Final
from uuid import UUID

from workflows.actions import mistral_lib
from workflows.actions.base import Action, ActionCancelled, ActionContext, ActionFailed
from workflows.errors import ActionError, Problem, RequestInvalid
from workflows.jsontypes import JSONValue

# Loaded modules that a process keeps, and described classes.
_MODULES_KEPT: Final = 64
_CLASSES_KEPT: Final = 512
# Base classes within the code that are followed to find out what a class takes.
_MOST_BASES: Final = 20
# Base classes that take nothing by themselves.
_PLAIN: Final = frozenset({"object", "Action"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Code:
    """One version of a stored source."""

    id: UUID
    version: int
    name: str
    text: str


class _Process:
    """Whether this process may run stored code: only workers say so when they start."""

    is_worker: ClassVar[bool] = False
    modules: ClassVar[OrderedDict[tuple[UUID, int], ModuleType]] = OrderedDict()


def allow_code_here() -> None:
    """Let this process run stored code. For worker processes when they start."""
    _Process.is_worker = True


def find_fault(text: str) -> Problem | None:
    """Return why a text is no Python, and where; None if it is. Nothing of it is run."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        return Problem(error.msg, line=error.lineno or 0, column=error.offset or 0)
    except (ValueError, RecursionError, MemoryError):
        return Problem("it cannot be read")
    return None


def check_code(text: str) -> None:
    """Refuse a text that is no Python. Raises RequestInvalid."""
    fault = find_fault(text)
    if fault is not None:
        place = f" (line {fault.line})" if fault.line else ""
        raise RequestInvalid(f"The code could not be parsed: {fault.message}{place}")


def list_classes(text: str) -> list[str]:
    """List the classes of a Python text that actions can be made of: those that can `run`."""
    return _Reader(text).runnable()


class CodeAction(Action):
    """An action whose class is in stored code."""

    needs_worker = True
    code: ClassVar[Code]
    class_name: ClassVar[str]

    def perform(self, context: ActionContext, given: Mapping[str, Any]) -> JSONValue:
        if not _Process.is_worker:
            raise ActionError("Stored code runs in workers only.")
        made = getattr(_load(self.code), self.class_name, None)
        if not isinstance(made, type):
            raise ActionError(f"The code {self.code.name} has no class {self.class_name}.")
        return _result(made(**given).run(_context(context)))


def code_action(name: str, class_name: str, code: Code) -> Action:
    """Make the action of a class in stored code; what it takes is read from the text."""
    return _make(name, class_name, code)()


@lru_cache(maxsize=_CLASSES_KEPT)
def _make(name: str, class_name: str, code: Code) -> type[CodeAction]:
    found = _Reader(code.text).describe(class_name)

    def run(self: CodeAction, context: ActionContext, **given: Any) -> JSONValue:
        return self.perform(context, given)

    own = [
        inspect.Parameter(part, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for part in ("self", "context")
    ]
    signature = inspect.Signature([*own, *found.parameters])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what callers are shown and held to
    facts = {
        "__doc__": found.description,
        "__module__": code.name,
        "name": name,
        "is_sync": found.is_sync,
        "code": code,
        "class_name": class_name,
        "run": run,
    }
    return type(class_name, (CodeAction,), facts)


@dataclass(frozen=True, slots=True)
class _Described:
    parameters: tuple[inspect.Parameter, ...]
    description: str
    is_sync: bool


class _Reader:
    """Reads what a class takes from the text of a module, without running it."""

    def __init__(self, text: str) -> None:
        body = ast.parse(text).body
        self._classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}

    def runnable(self) -> list[str]:
        return [name for name in self._classes if self._find(name, "run")]

    def describe(self, name: str) -> _Described:
        own = self._classes.get(name)
        constructor = self._find(name, "__init__")
        if isinstance(constructor, ast.FunctionDef):
            parameters = _parameters(constructor.args)
        else:
            parameters = () if constructor is None else (_ANYTHING,)
        asks = self._find(name, "is_sync")
        return _Described(
            parameters,
            (ast.get_docstring(own) or "") if own is not None else "",
            is_sync=not (isinstance(asks, ast.FunctionDef) and _answers_false(asks)),
        )

    def _find(self, name: str, method: str) -> _Function | bool | None:
        """Find a method in the class or those it derives from; True if they are not all known."""
        names, seen = [name], 0
        while names and seen < _MOST_BASES:
            seen += 1
            node = self._classes.get(names.pop(0))
            if node is None:
                return True
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == method:
                    return part
            bases = [base.attr if isinstance(base, ast.Attribute) else base for base in node.bases]
            known = [base.id if isinstance(base, ast.Name) else base for base in bases]
            names = [str(base) for base in known if base not in _PLAIN or base in self._classes]
        return None


_ANYTHING: Final = inspect.Parameter("given", inspect.Parameter.VAR_KEYWORD)


def _parameters(arguments: ast.arguments) -> tuple[inspect.Parameter, ...]:
    named = [*arguments.posonlyargs, *arguments.args][1:]
    missing = len(named) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [None] * missing + list(arguments.defaults)
    pairs = [*zip(named, defaults[-len(named) :] if named else [], strict=True)]
    pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    found = tuple(
        inspect.Parameter(one.arg, inspect.Parameter.KEYWORD_ONLY, default=_default(written))
        for one, written in pairs
        if one.arg != "context"
    )
    return (*found, _ANYTHING) if arguments.kwarg is not None else found


def _default(written: ast.expr | None) -> Any:
    """Read a default; one that is no plain value is shown as null, and the code fills it in."""
    if written is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _answers_false(function: ast.FunctionDef) -> bool:
    *_, last = function.body
    value = last.value if isinstance(last, ast.Return) else None
    return isinstance(value, ast.Constant) and value.value is False


def _load(code: Code) -> ModuleType:
    """Run the code as a module of its own, once for each version and process."""
    key = (code.id, code.version)
    module = _Process.modules.get(key)
    if module is None:
        _provide_mistral_lib()
        module = ModuleType(code.name)
        exec(compile(code.text, f"<code source {code.name}>", "exec"), module.__dict__)  # noqa: S102 - this is what it is for
        _Process.modules[key] = module
        while len(_Process.modules) > _MODULES_KEPT:
            _Process.modules.popitem(last=False)
    return module


def _provide_mistral_lib() -> None:
    """Let code import the base classes it was written for, where that package is not installed."""
    if "mistral_lib" not in sys.modules and find_spec("mistral_lib") is None:
        for name in ("mistral_lib", "mistral_lib.actions"):
            sys.modules[name] = mistral_lib.as_module(name)


def _result(value: Any) -> JSONValue:
    """Take a result apart that says by itself whether it is an error, or cancelled."""
    if not hasattr(value, "is_error") or not hasattr(value, "data"):
        plain: JSONValue = value
        return plain
    if hasattr(value, "is_cancel") and value.is_cancel():
        raise ActionCancelled(value.error if value.data is None else value.data)
    if value.is_error():
        raise ActionFailed("The action failed.", value.error)
    data: JSONValue = value.data
    return data


def _context(context: ActionContext) -> Any:
    execution = SimpleNamespace(
        workflow_execution_id=context.workflow_execution_id,
        task_id=context.task_execution_id,
        action_execution_id=context.action_execution_id,
        workflow_name=context.workflow_name,
        callback_url=context.callback_url,
    )
    security = SimpleNamespace(project_id=context.project_id)
    return SimpleNamespace(execution=execution, security=security, task_name=context.task_name)
