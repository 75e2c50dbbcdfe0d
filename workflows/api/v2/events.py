"""POST /v2/events/{exchange}/{topic}: events that come as requests, such as an alarm's webhook.

The event belongs to the project of the caller, whatever its text says. Answers after the commit,
with what each trigger that the caller sees has done.
"""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import read_arguments
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.operations import BodyKind, Operation
from workflows.api.views import ApiView, answer
from workflows.jsontypes import JSONObject
from workflows.models import EventTrigger
from workflows.services.triggers.event_intake import take_event_of_project
from workflows.services.triggers.incoming_events import parse_event

_ANSWER: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "message_id": {"type": "string"},
        "triggers": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["message_id", "triggers"],
}


class EventsView(ApiView):
    """The events of one exchange and topic; the type is in the body, or in the path."""

    operations = {
        "POST": Operation(
            "Tell of an event",
            _ANSWER,
            body=BodyKind.TEXT,
            example='{"event_type": "disk.full", "payload": {"host": "a"}}',
        )
    }

    def post(
        self, request: Request, exchange: str, topic: str, event_type: str = ""
    ) -> HttpResponse:
        read_arguments(request, ())
        caller = caller_of(request)
        event = parse_event(
            read_text(request), exchange=exchange, topic=topic, event_type=event_type
        )
        seen = take_event_of_project(event, caller.project_id)
        visible = set(
            EventTrigger.objects.visible_to(caller.project_id, all_projects=caller.is_admin)
            .filter(pk__in=[one.trigger_id for one in seen])
            .values_list("pk", flat=True)
        )
        triggers = [
            {
                "id": str(one.trigger_id),
                "outcome": one.outcome,
                "reason": one.reason or None,
                "execution_id": str(one.execution_id) if one.execution_id else None,
            }
            for one in seen
            if one.trigger_id in visible
        ]
        return answer({"message_id": event.message_id, "triggers": triggers})
