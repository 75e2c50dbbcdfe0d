"""The policies of a task: their values, checked, and what they make of a task's end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workflows.errors import EngineError

if TYPE_CHECKING:
    from workflows.jsontypes import JSONValue
    from workflows.language.specs import PolicySpecs, RetrySpec


class PolicyInvalid(EngineError):
    """The value of a policy has the wrong type or is negative."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The evaluated policies of a task. Times are seconds; 0 and None mean no such policy."""

    pause_before: bool = False
    wait_before: int = 0
    wait_after: int = 0
    retry_count: int = 0
    retry_delay: int = 0
    timeout: int = 0
    concurrency: int = 0


NO_POLICIES: Final = Policies()


def evaluate_policies(
    specs: PolicySpecs, evaluate: Callable[[JSONValue], JSONValue], *, most_retries: int
) -> Policies:
    """Evaluate and check all policies that are needed before the task starts.

    `fail-on` and the conditions of `retry` are left out: they are about the task's end.
    """
    retry = specs.retry
    count = _whole("retry count", retry.count, evaluate) if retry else 0
    if count > most_retries:
        raise PolicyInvalid(f"The value of retry count must be {most_retries} at most.")
    return Policies(
        pause_before=_flag("pause-before", specs.pause_before, evaluate),
        wait_before=_whole("wait-before", specs.wait_before, evaluate),
        wait_after=_whole("wait-after", specs.wait_after, evaluate),
        retry_count=count,
        retry_delay=_whole("retry delay", retry.delay, evaluate) if retry else 0,
        timeout=_whole("timeout", specs.timeout, evaluate),
        concurrency=_whole("concurrency", specs.concurrency, evaluate),
    )


def wants_retry(
    retry: RetrySpec,
    *,
    count: int,
    attempt: int,
    has_failed: bool,
    evaluate: Callable[[JSONValue], JSONValue],
) -> bool:
    """Tell whether the task has to run once more after this try.

    With `continue-on` the task repeats only while that holds, be it after SUCCESS or ERROR;
    without it, after ERROR. A `break-on` that holds stops after ERROR only.
    """
    if not has_failed and retry.continue_on is None:
        return False
    goes_on = retry.continue_on is None or bool(evaluate(retry.continue_on))
    breaks = has_failed and retry.break_on is not None and bool(evaluate(retry.break_on))
    return attempt < count and goes_on and not breaks


def _whole(name: str, written: JSONValue, evaluate: Callable[[JSONValue], JSONValue]) -> int:
    if written is None:
        return 0
    value = evaluate(written)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        if written is False:  # overrides a task default
            return 0
        raise PolicyInvalid(f"The value of {name} must be a whole number, not negative.")
    return value


def _flag(name: str, written: JSONValue, evaluate: Callable[[JSONValue], JSONValue]) -> bool:
    if written is None:
        return False
    value = evaluate(written)
    if not isinstance(value, bool):
        raise PolicyInvalid(f"The value of {name} must be true or false.")
    return value
