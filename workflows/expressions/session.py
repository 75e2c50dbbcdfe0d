"""What belongs to one evaluation: who answers its questions and how much it may still do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from workflows.errors import WorkflowsError
from workflows.expressions.limits import Budget
from workflows.expressions.reader import Reader

_Answer = TypeVar("_Answer")


class Session:
    """Made anew for every evaluation."""

    __slots__ = ("_reader", "budget", "failure")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.budget = Budget()
        # An error of the reader itself, such as a lost database, is no fault of the expression.
        self.failure: Exception | None = None

    def ask(self, question: Callable[[Reader], _Answer]) -> _Answer:
        """Put a question to the reader and remember when it could not answer."""
        try:
            return question(self._reader)
        except WorkflowsError:
            raise
        except Exception as error:
            self.failure = error
            raise
