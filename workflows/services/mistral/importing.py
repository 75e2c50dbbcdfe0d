"""Brings what another Mistral holds into a project: repeatable, and with a report on each object.

An object that is there already is left as it is, unless an update is asked for; nothing is ever
deleted. One that cannot be taken over is refused with the reason, and the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from workflows.errors import SourceUnusable, WorkflowsError
from workflows.jsontypes import JSONObject, JSONValue
from workflows.language.cutting import dump
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.language.specs import AdhocActionSpec, WorkflowSpec
from workflows.language.yaml import load
from workflows.models import (
    ActionDefinition,
    Environment,
    WorkbookDefinition,
    WorkflowDefinition,
)
from workflows.services.definitions.action_uploads import create_actions, update_actions
from workflows.services.definitions.environments import create_environment, update_environment
from workflows.services.definitions.review import StoredNames, review_workflows
from workflows.services.definitions.workbook_uploads import create_workbook, update_workbook
from workflows.services.definitions.workflow_uploads import create_workflows, update_workflows
from workflows.services.identity.identity import Caller
from workflows.services.mistral.content import MistralContent, mapping_of, text_of
from workflows.services.mistral.triggers import Stored, TriggerReader, Wanted

_BUILT_IN: Final = "std."

_Spec = TypeVar("_Spec", AdhocActionSpec, WorkflowSpec)


class Outcome(StrEnum):
    """What has become of an object."""

    MADE = "made"
    UPDATED = "updated"
    SAME = "same"  # it is there with the same content
    DIFFERS = "differs"  # it is there with another content, which was kept
    LEFT = "left"  # it comes with the server itself, or is another one of the same name
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """The report on one object. `reason` says why it was refused or in what it differs."""

    kind: str
    name: str
    namespace: str
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class Report:
    """What an import has done. `doubts` are about workflows that may not run here."""

    lines: list[Line] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(line.outcome is outcome for line in self.lines)


class MistralImport:
    """One import into the caller's project; with `dry_run` nothing is written.

    Triggers come paused, unless `start_triggers` lets them run.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        update: bool = False,
        dry_run: bool = False,
        start_triggers: bool = False,
    ) -> None:
        self.caller = caller
        self.report = Report()
        self._update = update
        self._dry_run = dry_run
        self._start_triggers = start_triggers
        self._seen: set[tuple[str, str, str]] = set()
        self._actions: dict[str, dict[str, AdhocActionSpec]] = defaultdict(dict)
        self._workflows: dict[str, dict[str, WorkflowSpec]] = defaultdict(dict)

    def run(self, content: MistralContent) -> Report:
        """Take over everything, in the order in which things name each other."""
        members = _members(content.of("workbooks"))
        for one in content.of("actions"):
            if text_of(one, "name").startswith(_BUILT_IN):
                self._leave("action", one, "comes with Mistral")
            elif text_of(one, "definition").strip() and _key(one) not in members:
                self._take("action", one, self._action)
        for one in content.of("workbooks"):
            self._take("workbook", one, self._workbook)
        for one in content.of("workflows"):
            if _key(one) not in members:
                self._take("workflow", one, self._workflow)
        for one in content.of("environments"):
            self._take("environment", one, self._environment)
        triggers = TriggerReader(
            self.caller, content, start=self._start_triggers, will_have=self._will_have
        )
        for one in content.of("cron_triggers"):
            self._take("cron trigger", one, triggers.cron)
        for one in content.of("event_triggers"):
            self._take("event trigger", one, triggers.event)
        self._review()
        return self.report

    def _will_have(self, name: str, namespace: str) -> bool:
        return self._dry_run and name in self._workflows.get(namespace, {})

    def _leave(self, kind: str, one: JSONObject, reason: str) -> None:
        # Actions made in Python have no definition, and nobody expects them to be taken over.
        if kind != "action" or text_of(one, "definition").strip():
            self.report.lines.append(Line(kind, *_key(one), Outcome.LEFT, reason))

    def _take(
        self, kind: str, one: JSONObject, read: Callable[[JSONObject], tuple[Stored | None, Wanted]]
    ) -> None:
        name, namespace = _key(one)
        if (kind, name, namespace) in self._seen and kind != "event trigger":
            self._leave(kind, one, "another project has one of the same name, see --source-project")
            return
        self._seen.add((kind, name, namespace))
        try:
            stored, wanted = read(one)
            outcome, reason = self._settle(stored, wanted)
        except WorkflowsError as error:
            outcome, reason = Outcome.REFUSED, error.message
        self.report.lines.append(Line(kind, name, namespace, outcome, reason))

    def _settle(self, stored: Stored | None, wanted: Wanted) -> tuple[Outcome, str]:
        if stored is None:
            if not self._dry_run:
                wanted.create()
            return Outcome.MADE, ""
        parts = [
            *(["content"] if stored.content != wanted.content else []),
            *(["scope"] if stored.scope != wanted.scope else []),
        ]
        if not parts:
            is_completed = wanted.complete(self._dry_run)
            return (Outcome.UPDATED, "started") if is_completed else (Outcome.SAME, "")
        if not self._update:
            return Outcome.DIFFERS, " and ".join(parts)
        if not self._dry_run:
            wanted.update()
        return Outcome.UPDATED, " and ".join(parts)

    # --- kinds

    def _action(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        name, namespace = _key(one)
        text = _only(text_of(one, "definition"), name)
        (spec,) = parse_actions(text).actions.values()
        self._actions[namespace][name] = spec
        found = ActionDefinition.objects.filter(
            project_id=self.caller.project_id, name=name, namespace=namespace
        ).first()
        given = _given(self.caller, one, text, namespace)
        stored = Stored(_entry(found.text, name), found.scope) if found else None
        return stored, Wanted(
            _entry(text, name),
            _scope(one),
            lambda: create_actions(**given),
            lambda: update_actions(**given),
        )

    def _workbook(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        name, namespace = _key(one)
        text = text_of(one, "definition")
        book = parse_workbook(text).workbook
        self._actions[namespace] |= {**book.actions, **_long_names(name, book.actions)}
        self._workflows[namespace] |= {**book.workflows, **_long_names(name, book.workflows)}
        found = WorkbookDefinition.objects.filter(
            project_id=self.caller.project_id, name=name, namespace=namespace
        ).first()
        given = _given(self.caller, one, text, namespace)
        stored = Stored(load(found.text).data, found.scope) if found else None
        return stored, Wanted(
            load(text).data,
            _scope(one),
            lambda: create_workbook(**given),
            lambda: update_workbook(**given),
        )

    def _workflow(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        name, namespace = _key(one)
        text = _only(text_of(one, "definition"), name)
        (spec,) = parse_workflows(text).workflows.values()
        self._workflows[namespace][name] = spec
        found = (
            WorkflowDefinition.objects.filter(
                project_id=self.caller.project_id, name=name, namespace=namespace
            )
            .select_related("revision")
            .first()
        )
        given = _given(self.caller, one, text, namespace)
        stored = None
        if found is not None and found.revision is not None:
            stored = Stored(_entry(found.revision.text, found.revision.spec_name), found.scope)
        return stored, Wanted(
            _entry(text, name),
            _scope(one),
            lambda: create_workflows(**given),
            lambda: update_workflows(**given),
        )

    def _environment(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        name, _ = _key(one)
        variables, scope = mapping_of(one, "variables"), _scope(one)
        description = text_of(one, "description")
        found = Environment.objects.filter(project_id=self.caller.project_id, name=name).first()
        stored = None
        if found is not None:
            stored = Stored([found.variables or {}, found.description or ""], found.scope)
        return stored, Wanted(
            [variables, description],
            scope,
            lambda: create_environment(
                caller=self.caller,
                name=name,
                description=description,
                variables=variables,
                scope=scope,
            ),
            lambda: update_environment(
                caller=self.caller,
                name=name,
                changes={"variables": variables, "description": description, "scope": scope},
            ),
        )

    # --- doubts

    def _review(self) -> None:
        """Say which workflows name what is not here, such as actions of other packages."""
        for namespace, workflows in self._workflows.items():
            names = StoredNames(
                self.caller.project_id,
                namespace,
                {**self._workflows.get("", {}), **workflows},
                {**self._actions.get("", {}), **self._actions.get(namespace, {})},
            )
            seen: dict[int, WorkflowSpec] = {id(one): one for one in workflows.values()}
            for spec in seen.values():
                place = f"{spec.name} in {namespace}" if namespace else spec.name
                for problem in review_workflows([spec], names):
                    self.report.doubts.append(f"{place}: {problem.path}: {problem.message}")


def _key(one: JSONObject) -> tuple[str, str]:
    """Give name and namespace; an event trigger without a name has that of its event."""
    return text_of(one, "name") or text_of(one, "event"), text_of(one, "namespace")


def _scope(one: JSONObject) -> str:
    return text_of(one, "scope") or "private"


def _given(caller: Caller, one: JSONObject, text: str, namespace: str) -> dict[str, Any]:
    return {"caller": caller, "text": text, "namespace": namespace, "scope": _scope(one)}


def _members(workbooks: Iterable[JSONObject]) -> set[tuple[str, str]]:
    """Name the workflows and actions that come with their workbooks."""
    found: set[tuple[str, str]] = set()
    for one in workbooks:
        book, namespace = _key(one)
        try:
            data = load(text_of(one, "definition")).data
        except WorkflowsError:
            continue  # the workbook is refused, with the reason, in its turn
        for section in ("workflows", "actions"):
            members = data.get(section) if isinstance(data, dict) else None
            names = members.keys() if isinstance(members, dict) else ()
            found |= {(f"{book}.{name}", namespace) for name in names}
    return found


def _only(text: str, name: str) -> str:
    """Give a document that defines this one and nothing else.

    Mistral keeps the whole document for each of several actions, and leaves the version and the
    name of the workbook out of the text of a member whose workbook may be gone.
    """
    data = load(text).data
    if not isinstance(data, dict):
        raise SourceUnusable("its definition is no mapping")
    entries = [key for key in data if key != "version"]
    if entries == [name] and "version" in data:
        return text
    short = name.rpartition(".")[2]
    found = data.get(name, data.get(short) if entries == [short] else None)
    if found is None:
        raise SourceUnusable(f"its definition has no {name}")
    return dump({"version": data.get("version", "2.0"), name: found})


def _entry(text: str, name: str) -> JSONValue:
    data = load(text).data
    assert isinstance(data, dict)
    return data.get(name)


def _long_names(book: str, members: Mapping[str, _Spec]) -> dict[str, _Spec]:
    return {f"{book}.{name}": spec for name, spec in members.items()}
