"""The lock of a data directory.

One run at a time, and the next one only after everything of the last has ended.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workflows.embedded.processes import is_running

POLL_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 40.0  # longer than the warden may need


class AlreadyRunning(Exception):
    """Another run uses the data directory."""


def lock_directory(data_directory: Path, check_stop: Callable[[], None]) -> int:
    """Take the lock and return the descriptor that holds it, to be kept and handed to the warden.

    A run that was killed may still be tidied up by its warden; that is waited for. A run that
    lives is an error.
    """
    data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_directory / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + WAIT_SECONDS
    while not _try_lock(descriptor):
        check_stop()
        owner = _read_owner(path)
        if (owner is not None and is_running(owner)) or time.monotonic() > deadline:
            os.close(descriptor)
            raise AlreadyRunning(f"{data_directory} is in use by process {owner}")
        time.sleep(POLL_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_owner(path: Path) -> int | None:
    text = path.read_text(encoding="utf-8")
    return int(text) if text.isdigit() else None
