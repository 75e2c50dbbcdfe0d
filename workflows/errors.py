"""Every exception of the project. Layers above translate them; none knows about HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


class WorkflowsError(Exception):
    """Something the user can understand went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or type(self).__name__)

    @property
    def message(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a definition and its place. `line` and `column` count from 1; 0 is unknown."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    severity: Literal["error", "warning"] = "error"
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        at = f" (line {self.line}, column {self.column})" if self.line else ""
        return f"{place}{self.message}{at}"


class LanguageError(WorkflowsError):
    """The definition is not acceptable."""


class ParseError(LanguageError):
    """The definition is not readable YAML."""


class SpecInvalid(LanguageError):
    """The definition breaks rules of the language; `problems` has all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[SpecInvalid], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


class ExpressionError(WorkflowsError):
    """An expression is wrong or could not be evaluated."""


class ExpressionInvalid(ExpressionError):
    """The expression is not well formed."""


class ExpressionFailed(ExpressionError):
    """The expression could not be evaluated on this data."""


class EngineError(WorkflowsError):
    """The engine refuses what was asked."""


class StateChangeNotAllowed(EngineError):
    """The state cannot change in this way."""


class UnexpectedEvent(EngineError):
    """The event does not fit the state of the execution."""


class ActionError(WorkflowsError):
    """The action cannot be run."""


class ActionUnknown(ActionError):
    """No action has this name."""


class ActionNotAllowed(ActionUnknown):
    """The operator does not let this action be used."""


class ActionInputInvalid(ActionError):
    """The action does not take this input."""


class WorkflowInputInvalid(EngineError):
    """The workflow does not take this input."""


class RequestInvalid(WorkflowsError):
    """The request asks for something that makes no sense."""


class NotFound(WorkflowsError):
    """There is no such object, or it is not visible to this project."""


class Conflict(WorkflowsError):
    """Another object has this identity already."""


class NotPermitted(WorkflowsError):
    """The caller may not do this."""


class InMaintenance(WorkflowsError):
    """The service is in maintenance, and nothing may start."""


class SourceUnusable(WorkflowsError):
    """What should be imported cannot be read."""


class IdentityUnavailable(WorkflowsError):
    """Whoever knows the token gives no answer at the moment."""


class LimitExceeded(WorkflowsError):
    """A size or count is over its limit."""
