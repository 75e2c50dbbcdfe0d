"""How far one execution may go. Whoever asks the engine gives the limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """`visits` counts the runs of one task, `depth` the executions above one."""

    items: int = 100_000
    tasks: int = 25_000
    visits: int = 1_000
    depth: int = 32
    retries: int = 1_000
    state_info: int = 65_536  # characters


DEFAULT_LIMITS = EngineLimits()


def cut(text: str, length: int) -> str:
    """Shorten a text that is too long, and show that it is."""
    return text if len(text) <= length else text[: length - 3] + "..."
