"""One run of the embedded servers as a separate process, and ways to wait for it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workflows.embedded.processes import find_marked
from workflows.embedded.state import ServersState, read_state

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 30.0


@dataclass
class Run:
    """One `python -m workflows.embedded`."""

    data_directory: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self) -> ServersState:
        wait_for(lambda: read_state(self.data_directory) or self.process.poll() is not None)
        state = read_state(self.data_directory)
        assert state is not None, self.log()
        return state

    def log(self) -> str:
        return log_of(self.data_directory).read_text(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def log_of(data_directory: Path) -> Path:
    return data_directory.parent / f"{data_directory.name}.log"


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def wait_until_empty(data_directory: Path) -> None:
    """Wait until no process of the data directory runs any more."""
    wait_for(lambda: not find_marked(data_directory))


def lock_owner(data_directory: Path) -> int:
    return int((data_directory / "up.lock").read_text())
