"""Outlives a supervisor that was killed, and ends what that has left behind.

It learns of it by the end of its input, and inherits the lock of the data directory, so that a
new start waits until everything is clean.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

from workflows.embedded.leftovers import clear_leftovers

GRACE_SECONDS: Final = 5.0


def main(data_directory: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    clear_leftovers(data_directory, GRACE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
