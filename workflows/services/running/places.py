"""What each process of a worker is at, in memory that the worker reads when no thread gets a turn.

One process writes a place, the worker reads it. Nothing here locks: a place that is read while it
is written names no attempt that anybody looks for, and who is to be ended is stopped before the
last look.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# More than a worker has processes; those beyond have no place, and end by the watchdog alone.
PLACES: Final = 256

_PID: Final = struct.Struct("=q")
_TIME: Final = struct.Struct("=d")
_PID_AT, _LOOKED_AT, _DEADLINE_AT, _ACTION_AT, _TOKEN_AT, _SIZE = 0, 8, 16, 24, 40, 56
_NOBODY: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class Seen:
    """An attempt at a place. Times are monotonic seconds, which all processes of a machine share.

    `looked_at` is when a thread of the process has last looked after the attempt.
    """

    pid: int
    looked_at: float
    deadline: float
    action_id: UUID
    token: UUID


class Place:
    """The place of one process."""

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        self._memory = memory
        self._start = number * _SIZE

    def take(self) -> None:
        """Make the place that of this process, which is at nothing."""
        self.leave()
        self._put(_PID, _PID_AT, os.getpid())

    def enter(self, token: UUID, action_id: UUID, deadline: float) -> None:
        """Say what the process is at. The token comes last: before it nothing is there."""
        self.look()
        self._put(_TIME, _DEADLINE_AT, deadline)
        self._put_id(_ACTION_AT, action_id.bytes)
        self._put_id(_TOKEN_AT, token.bytes)

    def leave(self) -> None:
        self._put_id(_TOKEN_AT, _NOBODY)

    def look(self) -> None:
        """Say that a thread of the process looks after what it is at."""
        self._put(_TIME, _LOOKED_AT, time.monotonic())

    def read(self) -> Seen | None:
        """Give the attempt at work, None if there is none."""
        token = self._get_id(_TOKEN_AT)
        if token == _NOBODY:
            return None
        return Seen(
            pid=_PID.unpack_from(self._memory, self._start + _PID_AT)[0],
            looked_at=_TIME.unpack_from(self._memory, self._start + _LOOKED_AT)[0],
            deadline=_TIME.unpack_from(self._memory, self._start + _DEADLINE_AT)[0],
            action_id=UUID(bytes=self._get_id(_ACTION_AT)),
            token=UUID(bytes=token),
        )

    def _put(self, kind: struct.Struct, offset: int, value: float) -> None:
        kind.pack_into(self._memory, self._start + offset, value)

    def _put_id(self, offset: int, value: bytes) -> None:
        begin = self._start + offset
        self._memory[begin : begin + 16] = value

    def _get_id(self, offset: int) -> bytes:
        begin = self._start + offset
        return self._memory[begin : begin + 16]


class Places:
    """The places of one worker, made before it forks its processes."""

    def __init__(self) -> None:
        # Anonymous and shared: what a child writes is seen here. Pages nobody uses take no memory.
        self._memory = mmap.mmap(-1, PLACES * _SIZE)

    def place(self, number: int) -> Place | None:
        return Place(self._memory, number) if 0 <= number < PLACES else None

    def at_work(self) -> Iterator[tuple[Place, Seen]]:
        """Give each place at which somebody works, and what was seen there."""
        for number in range(PLACES):
            place = Place(self._memory, number)
            seen = place.read()
            if seen is not None:
                yield place, seen


_places: Places | None = None


def lay_out() -> Places:
    """Make the places of this worker. To be called before it forks."""
    global _places
    _places = Places()
    return _places


def take_place(number: int) -> Place | None:
    """Give this process its place; None if its worker has none for it."""
    place = None if _places is None else _places.place(number)
    if place is not None:
        place.take()
    return place
