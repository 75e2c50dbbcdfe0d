"""Small pictures that the server draws: the last runs of a workflow as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workflows.admin.tags import WORDS, duration
from workflows.services.pages.workflow_overview import RUNS, RunMark

_BAR: Final = 4  # width of a bar with its gap, in pixels
_HEIGHT: Final = 26
_LOWEST: Final = 4


def draw_runs(runs: Sequence[RunMark]) -> SafeString:
    """Draw runs as bars, oldest first: the height tells how long, the colour how it ended."""
    if not runs:
        return format_html('<span class="lv-soft">{}</span>', "no runs yet")
    longest = max((run.seconds or 0 for run in runs), default=0) or 1
    offset = (RUNS - len(runs)) * _BAR
    bars = format_html_join(
        "",
        '<rect data-state="{}" x="{}" y="{}" width="3" height="{}"><title>{}</title></rect>',
        (
            (run.state, offset + index * _BAR, f"{_HEIGHT - height:.1f}", f"{height:.1f}", words)
            for index, run in enumerate(runs)
            for height, words in [(_height(run, longest), _describe(run))]
        ),
    )
    track = format_html_join(
        "",
        '<rect class="lv-runs-none" x="{}" y="{}" width="3" height="2"></rect>',
        ((index * _BAR, _HEIGHT - 2) for index in range(RUNS - len(runs))),
    )
    return format_html(
        '<svg class="lv-runs" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-label="{}">{}{}</svg>',
        RUNS * _BAR,
        _HEIGHT,
        RUNS * _BAR,
        _HEIGHT,
        _summarize(runs),
        track,
        bars,
    )


def _height(run: RunMark, longest: float) -> float:
    return _LOWEST + (_HEIGHT - _LOWEST) * (run.seconds or 0) / longest


def _describe(run: RunMark) -> str:
    taken = f" after {duration(run.seconds)}" if run.seconds is not None else ""
    return f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC: {WORDS[run.state]}{taken}"


def _summarize(runs: Sequence[RunMark]) -> str:
    counts: dict[str, int] = {}
    for run in runs:
        word = WORDS[run.state].lower()
        counts[word] = counts.get(word, 0) + 1
    return f"Last {len(runs)} runs: " + ", ".join(f"{n} {word}" for word, n in counts.items())
