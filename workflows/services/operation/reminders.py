"""How often the sweep rings for the same thing: again and again, but with growing gaps."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings


class Reminders:
    """Remembers what one sweeping process has rung.

    A queue may be deep and a ring on its way: each further ring for the same thing waits twice as
    long as the one before. Without `at_once` the first sight of something only starts its gap,
    for what is usually over in a moment and carries no time of its own.
    """

    def __init__(self, *, at_once: bool = True) -> None:
        self._sights_before_first_ring = 0 if at_once else 1
        self._seen: dict[UUID, tuple[int, float]] = {}

    def resting(self) -> list[UUID]:
        """What need not be looked for now."""
        return [id for id in self._seen if self._rests(id)]

    def take_due(self, found: Iterable[UUID]) -> list[UUID]:
        """Give what of the things found is to be rung now, and note it.

        What was looked for and not found has been taken care of, and is forgotten.
        """
        awake = [id for id in dict.fromkeys(found) if not self._rests(id)]
        counts = {id: self._seen[id][0] if id in self._seen else 0 for id in awake}
        self._seen = {id: seen for id, seen in self._seen.items() if self._rests(id)}
        now = time.monotonic()
        self._seen |= {id: (count + 1, now) for id, count in counts.items()}
        return [id for id in awake if counts[id] >= self._sights_before_first_ring]

    def _rests(self, id: UUID) -> bool:
        if id not in self._seen:
            return False
        sights, at = self._seen[id]
        # The power is bounded as well: something may wait for weeks.
        gap = settings.LEVANTE_RESEND_SECONDS * 2.0 ** min(sights - 1, 30)
        return time.monotonic() < at + min(gap, settings.LEVANTE_LONGEST_RESEND_SECONDS)
