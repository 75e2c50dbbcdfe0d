"""Members of a family: forked anew when they end, and told to end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import ROOT
from workflows.embedded.processes import is_running

PROGRAM = """
import atexit, os, pathlib, signal, sys, time
from workflows.embedded.family import Family, Member

directory = pathlib.Path(sys.argv[1])

def note(name, text):
    with (directory / name).open("a") as file:
        file.write(f"{os.getpid()} {text}\\n")

def run(name):
    note(name, "began")
    atexit.register(note, name, "put away")
    signal.signal(signal.SIGQUIT, lambda *_: note(name, "quit") or sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: note(name, "terminated") or sys.exit(0))
    while True:
        time.sleep(0.05)

def fail(name):
    note(name, "began")
    return 3

Family([
    Member("worker", run, signal.SIGQUIT),
    Member("sweep", run),
    Member("broken", fail),
]).run()
note("parent", "ended")
"""


class Running:
    """The program, and what its members have written down."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with (directory / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(directory)], cwd=ROOT, stdout=said
            )

    def notes(self, name: str) -> list[tuple[int, str]]:
        path = self.directory / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.partition(" ")[0]), line.partition(" ")[2]) for line in lines]

    def wait_for(self, is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_true():
            assert time.monotonic() < deadline, [
                (path.name, path.read_text()) for path in self.directory.iterdir()
            ]
            time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    running.wait_for(lambda: bool(running.notes("worker") and running.notes("sweep")))
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    for name in ("worker", "sweep"):
        for pid, _ in running.notes(name):
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_member_that_was_killed_is_forked_anew_and_the_others_stay(running: Running) -> None:
    (first, _), (other, _) = running.notes("worker")[0], running.notes("sweep")[0]
    os.kill(first, signal.SIGKILL)
    running.wait_for(lambda: len(running.notes("worker")) == 2)
    assert running.notes("worker")[1][0] != first
    assert running.notes("sweep") == [(other, "began")]


def test_a_member_that_fails_is_tried_again_after_growing_gaps(running: Running) -> None:
    running.wait_for(lambda: len(running.notes("broken")) == 3)
    said = (running.directory / "said").read_text()
    assert "broken ended (exit code 3), starting it again in 0.5 s" in said
    assert "broken ended (exit code 3), starting it again in 1 s" in said


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_each_member_hears_its_own_signal_and_puts_away_what_it_has(
    running: Running, asked: signal.Signals
) -> None:
    running.process.send_signal(asked)
    assert running.process.wait(20) == 0
    assert [text for _, text in running.notes("worker")] == ["began", "quit", "put away"]
    assert [text for _, text in running.notes("sweep")] == ["began", "terminated", "put away"]
    assert [text for _, text in running.notes("parent")] == ["ended"]
