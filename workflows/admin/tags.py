"""Tags and filters of our templates: icons, states, times, JSON."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Final

from django import template
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from workflows.admin.links import find_link
from workflows.engine.states import FINAL, State
from workflows.models import ActionExecution, TaskExecution, WorkflowExecution
from workflows.services.pages.run_changes import HANDLED

register = template.Library()

WORDS: Final = {
    State.IDLE: "Not started",
    State.WAITING: "Waiting",
    State.RUNNING: "Running",
    State.DELAYED: "Delayed",
    State.PAUSED: "Paused",
    State.SUCCESS: "Success",
    State.ERROR: "Error",
    State.CANCELLED: "Cancelled",
    State.SKIPPED: "Skipped",
}
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


@register.simple_tag(takes_context=True)
def href(context: Context, name: str, *places: object, **query: str) -> SafeString | str:
    """Write the `href` of a link to a page; nothing if the page is not for who looks.

    A link without an address is text, so that nobody is led to a page that is refused.
    """
    caller = context["caller"]
    address = find_link(caller, name, *places) if caller is not None else ""
    if not address:
        return ""
    wanted = urlencode({name: value for name, value in query.items() if value})
    return format_html('href="{}"', f"{address}?{wanted}" if wanted else address)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite; with a label it speaks for itself."""
    address = f"{static('levante/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="lv-icon" role="img" aria-label="{}"><use href="{}"></use></svg>',
            label,
            address,
        )
    return format_html(
        '<svg class="lv-icon" aria-hidden="true"><use href="{}"></use></svg>', address
    )


@register.simple_tag
def state(value: str, *, handled: bool = False) -> SafeString:
    """Show a state by colour, icon and word; a handled error is told from one that is not."""
    is_handled = value == HANDLED or (handled and value == State.ERROR)
    shown = HANDLED if is_handled else str(value)
    word = "Handled error" if is_handled else WORDS.get(value, str(value).capitalize())  # type: ignore[call-overload]
    return format_html(
        '<span class="lv-state" data-state="{}">{}{}</span>', shown, icon(shown.lower()), word
    )


@register.simple_tag
def when(value: datetime | None, empty: str = "") -> SafeString | str:
    """Show how long ago something was, with the exact time on hover."""
    if value is None:
        return empty
    exact = value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}" class="lv-number">{}</time>',
        value.isoformat(),
        exact,
        _distance(value),
    )


@register.filter
def clock(value: datetime | None) -> str:
    """Write a time of day with milliseconds."""
    return "" if value is None else value.strftime("%H:%M:%S.") + f"{value.microsecond // 1000:03}"


@register.filter
def moment(value: datetime | None) -> str:
    """Write a date with its time, in UTC."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M:%S")


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Write a duration in the two largest units."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0:
        seconds = 0.0
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"
    return f"{int(seconds // _DAY)} d {int(seconds % _DAY // _HOUR)} h"


@register.filter
def pretty_json(value: object) -> str:
    """Write JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2)


@register.filter
def first_line(value: str) -> str:
    """Cut a text of many lines to what says the most."""
    return value.strip().partition("\n")[0][:400]


@register.filter
def prose(text: str) -> SafeString:
    """Show a description as paragraphs; what stands between backticks is code."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return format_html_join("", "<p>{}</p>", ((_with_code(one),) for one in paragraphs))


def _with_code(text: str) -> SafeString:
    parts = enumerate(re.split(r"`([^`]+)`", " ".join(text.split())))
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>" if at % 2 else "{}", part),) for at, part in parts),
    )


@register.filter
def compact_json(value: object) -> str:
    """Write JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def short_id(value: object) -> str:
    """Write the first group of an id, which tells two apart at a glance."""
    return str(value)[:8]


def _distance(value: datetime) -> str:
    seconds = (timezone.now() - value).total_seconds()
    text = duration(abs(seconds)) if abs(seconds) >= 1 else "now"
    if text == "now":
        return text
    return f"in {text}" if seconds < 0 else f"{text} ago"


@register.filter
def state_word(value: str) -> str:
    """Return the word of a state, as `state` shows it."""
    return "Handled error" if value == HANDLED else WORDS[State(value)]


@register.filter
def stored_state(value: str) -> str:
    """Return the state that rows hold of one that is shown."""
    return State.ERROR if value == HANDLED else value


@register.inclusion_tag("levante/data_block.html")
def data_block(
    title: str,
    what: str,
    row: WorkflowExecution | TaskExecution | ActionExecution,
    is_open: bool = False,
) -> dict[str, object]:
    """Show a payload; it is read when the block is opened."""
    kind = {WorkflowExecution: "executions", TaskExecution: "tasks"}.get(type(row), "actions")
    address = reverse("admin:payload", args=[kind, row.pk, what])
    return {"title": title, "what": f"{row.pk}-{what}", "address": address, "is_open": is_open}


@register.filter
def run_duration(run: WorkflowExecution | TaskExecution | ActionExecution) -> str:
    """Write how long something took, or has taken so far."""
    end = run.finished_at or (run.updated_at if run.state in FINAL else None) or timezone.now()
    begin = getattr(run, "started_at", None) or run.created_at
    return duration(end - begin)
