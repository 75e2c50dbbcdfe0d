"""The triggers of another Mistral, for `mistral_import`.

They come paused, since two servers would otherwise start everything twice until the old one is
switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.utils import timezone

from workflows.errors import NotFound, SourceUnusable
from workflows.jsontypes import JSONObject, JSONValue
from workflows.models import CronTrigger, EventTrigger, WorkflowDefinition
from workflows.services.identity.identity import Caller
from workflows.services.mistral.content import MistralContent, mapping_of, text_of
from workflows.services.triggers.cron_triggers import (
    FIRST_TIME_FORMAT,
    create_cron_trigger,
    pause_cron_trigger,
    resume_cron_trigger,
    update_cron_trigger,
)
from workflows.services.triggers.event_triggers import create_event_trigger, update_event_trigger

# What Mistral writes for a trigger with a first time and no pattern: the 30th of February.
_NO_PATTERN: Final = "0 0 30 2 0"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the project has under the name: the parts that an import compares."""

    content: JSONValue
    scope: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be there, and how to make it so.

    `complete` does what may be left to do for one that is the same; with True it only tells
    whether there is something.
    """

    content: JSONValue
    scope: str
    create: Callable[[], object]
    update: Callable[[], object]
    complete: Callable[[bool], bool] = field(default=lambda is_dry: False)


class TriggerReader:
    """Reads the triggers of one source for a project; with `start` they run at once.

    `will_have` tells of a workflow by name and namespace whether it comes with the same import.
    """

    def __init__(
        self,
        caller: Caller,
        content: MistralContent,
        *,
        start: bool,
        will_have: Callable[[str, str], bool],
    ) -> None:
        self._caller = caller
        self._start = start
        self._will_have = will_have
        self._sources = {text_of(one, "id"): one for one in content.of("workflows")}

    def cron(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        """Read a cron trigger, found by its name."""
        name, scope = text_of(one, "name"), text_of(one, "scope") or "private"
        target, workflow = self._workflow(one)
        pattern = text_of(one, "pattern")
        pattern = "" if pattern == _NO_PATTERN else pattern
        first = _first_time(one, is_alone=not pattern)
        input, params = mapping_of(one, "workflow_input"), mapping_of(one, "workflow_params")
        found = CronTrigger.objects.filter(project_id=self._caller.project_id, name=name).first()
        stored = None
        if found is not None:
            place: list[JSONValue] = [found.workflow_name, found.workflow_namespace]
            content: JSONValue = [place, found.pattern or "", found.input, found.params]
            stored = Stored(content, found.scope)
        remaining = one.get("remaining_executions")

        def create() -> None:
            made = create_cron_trigger(
                caller=self._caller,
                name=name,
                workflow=str(_needed(target)),
                input=input,
                params=params,
                pattern=pattern or None,
                first_time=first,
                remaining=remaining if isinstance(remaining, int) else None,
                scope=scope,
            )
            if not self._start:
                pause_cron_trigger(caller=self._caller, trigger_id=made.pk)

        def update() -> None:
            assert found is not None
            if found.workflow_id != target:
                raise SourceUnusable("it starts another workflow here; delete it to take it over")
            changes = {"pattern": pattern or None, "input": input, "params": params, "scope": scope}
            update_cron_trigger(caller=self._caller, trigger_id=found.pk, changes=changes)

        def complete(is_dry: bool) -> bool:
            assert found is not None
            if not (self._start and found.is_paused):
                return False
            if not is_dry:
                resume_cron_trigger(caller=self._caller, trigger_id=found.pk)
            return True

        content = [[*workflow], pattern, input, params]
        return stored, Wanted(content, scope, create, update, complete)

    def event(self, one: JSONObject) -> tuple[Stored | None, Wanted]:
        """Read an event trigger, found by its name, workflow, exchange, topic and event."""
        name, scope = text_of(one, "name"), text_of(one, "scope") or "private"
        target, _ = self._workflow(one)
        exchange, topic, event = (text_of(one, key) for key in ("exchange", "topic", "event"))
        input, params = mapping_of(one, "workflow_input"), mapping_of(one, "workflow_params")
        same_names = EventTrigger.objects.filter(project_id=self._caller.project_id, name=name)
        same_events = same_names.filter(exchange=exchange, topic=topic, event=event)
        found = None if target is None else same_events.filter(workflow_id=target).first()
        stored = None if found is None else Stored([found.input, found.params], found.scope)

        def create() -> None:
            made = create_event_trigger(
                caller=self._caller,
                name=name,
                workflow_id=_needed(target),
                input=input,
                params=params,
                scope=scope,
                exchange=exchange,
                topic=topic,
                event=event,
            )
            if not self._start:
                change(made.pk, is_paused=True)

        def change(trigger_id: UUID, **changes: object) -> None:
            update_event_trigger(caller=self._caller, trigger_id=trigger_id, changes=changes)

        def update() -> None:
            assert found is not None
            change(found.pk, input=input, params=params, scope=scope)

        def complete(is_dry: bool) -> bool:
            assert found is not None
            if not (self._start and found.is_paused):
                return False
            if not is_dry:
                change(found.pk, is_paused=False)
            return True

        return stored, Wanted([input, params], scope, create, update, complete)

    def _workflow(self, one: JSONObject) -> tuple[UUID | None, tuple[str, str]]:
        """Find the workflow here that has the name and namespace of the one there.

        The id is None where it is going to come with this import.
        """
        source = self._sources.get(text_of(one, "workflow_id"), {})
        name = text_of(source, "name") or text_of(one, "workflow_name")
        namespace = text_of(source, "namespace")
        found = WorkflowDefinition.objects.visible_to(self._caller.project_id)
        ids = found.filter(name=name, namespace=namespace).values_list("pk", flat=True)
        target = ids.filter(project_id=self._caller.project_id).first() or ids.first()
        if target is None and not self._will_have(name, namespace):
            place = f"{name!r} in {namespace!r}" if namespace else repr(name)
            raise SourceUnusable(f"its workflow {place} is not here")
        return target, (name, namespace)


def _needed(target: UUID | None) -> UUID:
    if target is None:
        raise NotFound("its workflow was refused")
    return target


def _first_time(one: JSONObject, *, is_alone: bool) -> str | None:
    """Give the first time of a trigger if it is still to come; without a pattern it has to be."""
    text = text_of(one, "first_execution_time")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise SourceUnusable(f"its first_execution_time {text!r} is no time") from error
    if time <= timezone.now():
        if is_alone:
            raise SourceUnusable("its only time has passed")
        return None
    return time.strftime(FIRST_TIME_FORMAT)
