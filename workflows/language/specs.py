"""The parsed, immutable form of definitions. The parser builds them; the engine reads them.

Values that may hold expressions are kept as written (text inside plain JSON data) and are
evaluated by `workflows.expressions`. Task defaults are already folded into each task, so a
reader of a `TaskSpec` never has to look anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from workflows.jsontypes import JSONObject, JSONValue


class Missing:
    """The type of `MISSING`: a key that is absent, as opposed to one that holds null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Position:
    """Where an element stands in its document; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class InputParameter:
    """A declared input. `default` is MISSING when the parameter must be given."""

    name: str
    default: JSONValue | Missing = MISSING

    @property
    def is_required(self) -> bool:
        return isinstance(self.default, Missing)


class Command(StrEnum):
    """The engine commands that may stand in place of a task name in a clause."""

    FAIL = "fail"
    SUCCEED = "succeed"
    PAUSE = "pause"
    NOOP = "noop"


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of an on-clause.

    `target` is a task name, or the command's name when `command` is set (a task of that name wins
    over the command, which the parser has settled). `guard` is an expression or MISSING; it may
    also be a plain literal, since any value is allowed there. `message` belongs to commands.
    """

    target: str
    guard: JSONValue | Missing = MISSING
    command: Command | None = None
    message: JSONValue = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Variables to publish by scope; each value may hold expressions."""

    branch: Mapping[str, JSONValue] | str = field(default_factory=dict)
    global_: Mapping[str, JSONValue] | str = field(default_factory=dict)
    atomic: Mapping[str, JSONValue] | str = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clause:
    """An on-clause: what it publishes and where it leads. `next` keeps the written order."""

    next: tuple[Transition, ...] = ()
    publish: Publish | None = None


@dataclass(frozen=True, slots=True)
class WithItem:
    """`variable in items`; `items` is an expression or a literal JSON list."""

    variable: str
    items: JSONValue


@dataclass(frozen=True, slots=True)
class RetrySpec:
    """The retry policy; each value may be an expression."""

    count: JSONValue
    delay: JSONValue
    break_on: JSONValue = None
    continue_on: JSONValue = None


@dataclass(frozen=True, slots=True)
class PolicySpecs:
    """The policies of a task; None means not given. Delays and timeout are seconds."""

    pause_before: JSONValue = None
    wait_before: JSONValue = None
    wait_after: JSONValue = None
    fail_on: JSONValue = None
    retry: RetrySpec | None = None
    timeout: JSONValue = None
    concurrency: JSONValue = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task. `action` and `workflow` are names or expressions; neither means `std.noop`.

    `input` holds the inline parameters merged with the `input` mapping, or is one expression
    that gives a mapping. `join` is the number of arrivals to wait for, or "all". `raw` is the
    task as written, which the function `task()` shows.
    """

    name: str
    action: str | None = None
    workflow: str | None = None
    input: Mapping[str, JSONValue] | str = field(default_factory=dict)
    publish: Mapping[str, JSONValue] | str = field(default_factory=dict)
    publish_on_error: Mapping[str, JSONValue] | str = field(default_factory=dict)
    publish_on_skip: Mapping[str, JSONValue] | str = field(default_factory=dict)
    on_success: Clause | None = None
    on_error: Clause | None = None
    on_complete: Clause | None = None
    on_skip: Clause | None = None
    join: Literal["all"] | int | None = None
    requires: tuple[str, ...] = ()
    with_items: tuple[WithItem, ...] = ()
    keep_result: JSONValue = True
    target: str | None = None
    safe_rerun: JSONValue = None
    policies: PolicySpecs = PolicySpecs()
    description: str = ""
    tags: tuple[str, ...] = ()
    raw: JSONObject = field(default_factory=dict, compare=False, repr=False)
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """One workflow. `output` and `output_on_error` are MISSING when not written."""

    name: str
    type: Literal["direct", "reverse"]
    tasks: Mapping[str, TaskSpec]
    input: tuple[InputParameter, ...] = ()
    output: JSONValue | Missing = MISSING
    output_on_error: JSONValue | Missing = MISSING
    vars: Mapping[str, JSONValue] = field(default_factory=dict)
    description: str = ""
    tags: tuple[str, ...] = ()
    raw: JSONObject = field(default_factory=dict, compare=False, repr=False)
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AdhocActionSpec:
    """An action made from another one. `output` is MISSING when the base's result is kept."""

    name: str
    base: str
    base_input: Mapping[str, JSONValue] | str = field(default_factory=dict)
    input: tuple[InputParameter, ...] = ()
    output: JSONValue | Missing = MISSING
    description: str = ""
    tags: tuple[str, ...] = ()
    raw: JSONObject = field(default_factory=dict, compare=False, repr=False)
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WorkbookSpec:
    """One workbook. Members carry their short names; stored names are `<workbook>.<member>`."""

    name: str
    workflows: Mapping[str, WorkflowSpec] = field(default_factory=dict)
    actions: Mapping[str, AdhocActionSpec] = field(default_factory=dict)
    description: str = ""
    tags: tuple[str, ...] = ()
