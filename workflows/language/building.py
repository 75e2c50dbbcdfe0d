"""Builds specs from raw data that has passed validation, whether just read or stored before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeAlias

from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.calls import Call, parse_call, parse_parameters
from workflows.language.clauses import fold_clause, parse_clause
from workflows.language.specs import (
    MISSING,
    AdhocActionSpec,
    Clause,
    InputParameter,
    Missing,
    PolicySpecs,
    Position,
    RetrySpec,
    TaskSpec,
    WorkflowSpec,
)
from workflows.language.with_items import parse_with_items
from workflows.language.yaml import Path

Locate: TypeAlias = Callable[[Path], Position | None]

VERSION: Final = "2.0"


def _nowhere(_path: Path) -> Position | None:
    return None


def build_workflow(name: str, raw: JSONObject, locate: Locate = _nowhere) -> WorkflowSpec:
    """Build a workflow from valid raw data; `locate` tells where a path within it stands."""
    kind: Literal["direct", "reverse"] = "reverse" if raw.get("type") == "reverse" else "direct"
    defaults = _object(raw.get("task-defaults"))
    raw_tasks = {
        task_name: {**_object(task), "name": task_name, "type": kind, "version": VERSION}
        for task_name, task in _object(raw.get("tasks")).items()
    }
    build = _TaskBuilder(kind, defaults, raw_tasks.keys())
    tasks = {
        task_name: build.task(task, locate(("tasks", task_name)))
        for task_name, task in raw_tasks.items()
    }
    return WorkflowSpec(
        name=name,
        type=kind,
        tasks=tasks,
        input=build_parameters(raw.get("input")),
        output=raw.get("output", MISSING),
        output_on_error=raw.get("output-on-error", MISSING),
        vars=_object(raw.get("vars")),
        description=_text(raw.get("description")),
        tags=_texts(raw.get("tags")),
        raw={**raw, "name": name, "version": VERSION, "tasks": dict(raw_tasks)},
        position=locate(()),
    )


def build_action(name: str, raw: JSONObject, locate: Locate = _nowhere) -> AdhocActionSpec:
    """Build an ad-hoc action from valid raw data."""
    base = _call(raw.get("base"))
    return AdhocActionSpec(
        name=name,
        base=base.name,
        base_input={**_object(raw.get("base-input")), **base.parameters},
        input=build_parameters(raw.get("input")),
        # Mistral takes null for "no output".
        output=MISSING if raw.get("output") is None else raw["output"],
        description=_text(raw.get("description")),
        tags=_texts(raw.get("tags")),
        raw={**raw, "name": name, "version": VERSION},
        position=locate(()),
    )


def build_parameters(raw: JSONValue) -> tuple[InputParameter, ...]:
    """Read declared inputs; of a name that stands twice the last declaration counts."""
    defaults: dict[str, JSONValue | Missing] = {}
    for entry in raw if isinstance(raw, list) else []:
        defaults.update(entry if isinstance(entry, dict) else {str(entry): MISSING})
    return tuple(InputParameter(name, default) for name, default in defaults.items())


class _TaskBuilder:
    """Builds the tasks of one workflow with its task-defaults folded in."""

    def __init__(
        self, kind: Literal["direct", "reverse"], defaults: JSONObject, names: Collection[str]
    ) -> None:
        self._kind = kind
        self._defaults = defaults
        self._names = frozenset(names)
        self._default_clauses = {
            key: parse_clause(defaults.get(key), self._names)
            for key in ("on-success", "on-error", "on-complete", "on-skip")
        }

    def task(self, raw: JSONObject, position: Position | None) -> TaskSpec:
        name = _text(raw["name"])
        action = _call(raw.get("action"))
        workflow = _call(raw.get("workflow"))
        return TaskSpec(
            name=name,
            action=action.name or None,
            workflow=workflow.name or None,
            input=_build_input(raw.get("input"), action.parameters or workflow.parameters),
            publish=_object(raw.get("publish")),
            publish_on_error=_object(raw.get("publish-on-error")),
            publish_on_skip=_object(raw.get("publish-on-skip")),
            on_success=self._clause(raw, "on-success"),
            on_error=self._clause(raw, "on-error"),
            on_complete=self._clause(raw, "on-complete"),
            on_skip=self._clause(raw, "on-skip"),
            join=_build_join(raw.get("join")),
            requires=self._requires(raw),
            with_items=parse_with_items(raw["with-items"]) if "with-items" in raw else (),
            keep_result=raw.get("keep-result", True),
            target=_text(raw.get("target")) or None,
            safe_rerun=self._inherit(raw, "safe-rerun"),
            policies=self._policies(raw),
            description=_text(raw.get("description")),
            tags=_texts(raw.get("tags")),
            raw=raw,
            position=position,
        )

    def _inherit(self, raw: JSONObject, key: str, default: JSONValue = None) -> JSONValue:
        return raw[key] if key in raw else self._defaults.get(key, default)

    def _clause(self, raw: JSONObject, key: str) -> Clause | None:
        if self._kind == "reverse":
            return None
        own = parse_clause(raw.get(key), self._names)
        return fold_clause(own, self._default_clauses[key], _text(raw["name"]))

    def _requires(self, raw: JSONObject) -> tuple[str, ...]:
        """Unite own and default requirements; a task that requires itself does not wait for it."""
        if self._kind == "direct":
            return ()
        names = (*_names(raw.get("requires")), *_names(self._defaults.get("requires")))
        return tuple(dict.fromkeys(name for name in names if name != raw["name"]))

    def _policies(self, raw: JSONObject) -> PolicySpecs:
        return PolicySpecs(
            pause_before=self._inherit(raw, "pause-before"),
            wait_before=_whole(self._inherit(raw, "wait-before")),
            wait_after=_whole(self._inherit(raw, "wait-after")),
            fail_on=self._inherit(raw, "fail-on"),
            retry=_build_retry(self._inherit(raw, "retry")),
            timeout=_whole(self._inherit(raw, "timeout")),
            concurrency=_whole(self._inherit(raw, "concurrency")),
        )


def _build_input(
    written: JSONValue, inline: Mapping[str, JSONValue]
) -> Mapping[str, JSONValue] | str:
    # Mistral: inline parameters win, although its reference says the opposite.
    return written if isinstance(written, str) else {**_object(written), **inline}


def _build_join(raw: JSONValue) -> Literal["all"] | int | None:
    if raw == "all":
        return "all"
    if raw == "one":
        return 1
    # Mistral: `join: 0` is no join at all.
    return int(raw) or None if isinstance(raw, (int, float)) else None


def _build_retry(raw: JSONValue) -> RetrySpec | None:
    if isinstance(raw, str):
        raw, _ = parse_parameters(raw)
    if not isinstance(raw, dict):
        return None
    return RetrySpec(
        count=_whole(raw.get("count")),
        delay=_whole(raw.get("delay")),
        break_on=raw.get("break-on"),
        continue_on=raw.get("continue-on"),
    )


def _whole(value: JSONValue) -> JSONValue:
    """Turn 3.0, which counts as a whole number, into 3."""
    return int(value) if isinstance(value, float) else value


def _call(value: JSONValue) -> Call:
    text = _text(value)
    return parse_call(text) or Call(text, {})


def _object(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _text(value: JSONValue) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: JSONValue) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _names(value: JSONValue) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else _texts(value)
