"""Runs of the embedded servers, and small programs in their place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.runs import PROJECT_ROOT, Run, log_of, wait_until_empty


@pytest.fixture
def run_servers() -> Iterator[Callable[[Path], Run]]:
    """Start the servers of a data directory; what still runs after the test is ended."""
    runs: list[Run] = []

    def start(data_directory: Path) -> Run:
        data_directory.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "workflows.embedded", "--throw-away"]
        with log_of(data_directory).open("ab") as log:
            process = subprocess.Popen(
                [*command, "--data-dir", str(data_directory)],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        runs.append(Run(data_directory, process))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
    for run in runs:
        wait_until_empty(run.data_directory)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    """Return the command that runs a small Python program."""

    def make(text: str) -> list[str]:
        path = tmp_path / f"program{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return make
