"""Actions that do not want to end."""

from __future__ import annotations

import hashlib
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

from workflows.actions.functions import action


@action("stubborn.swallow")
def swallow() -> None:
    """Swallows every exception."""
    while True:
        with suppress(BaseException):
            time.sleep(0.01)


@action("stubborn.deaf")
def deaf() -> None:
    """Ignores every signal that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)


@action("stubborn.compute")
def compute() -> None:
    """Is in C all the time, without the interpreter."""
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2_000_000_000)


@action("stubborn.hold")
def hold() -> None:
    """Is in C all the time and holds the interpreter."""
    re.match("(a+)+$", "a" * 60 + "!")


@action("stubborn.note")
def note(file: str, seconds: float) -> str:
    """Writes down that it has begun and, if nothing hits it, that it has ended."""
    with Path(file).open("a") as lines:
        lines.write("begun\n")
    time.sleep(seconds)
    with Path(file).open("a") as lines:
        lines.write("ended\n")
    return "ended"
